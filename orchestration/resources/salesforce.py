"""The Salesforce org as a resource: the app's credentials, the token store in Postgres, and the client over both."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import cast

import dagster as dg

from orchestration.errors import SetupError
from orchestration.postgres.connection import Database
from orchestration.postgres.token_store import PostgresTokenStore
from orchestration.privacy.restored import insist_on_workspace
from orchestration.resources.unready import or_told_at_use
from orchestration.salesforce.client import Salesforce
from orchestration.salesforce.my_domain import my_domain_url
from orchestration.salesforce.oauth import OAuthApp, SignIn, Tokens
from orchestration.salesforce.redirect import PATH
from orchestration.salesforce.transport import Timeouts
from orchestration.settings import missing

# A sensor's tick is stopped after 60 s; a run has more patience.
TICK_TIMEOUTS = Timeouts(connect=5, read=15, whole=20)


def oauth_app(
    client_id: str | None,
    client_secret: str | None,
    *,
    url: str | None,
    subdomain: str | None,
    redirect_port: int,
    ca_file: str | None,
    sign_in: str = "browser",
    username: str | None = None,
    private_key_file: str | None = None,
) -> OAuthApp:
    """The connected app as the settings describe it; `SetupError` names what is missing.

    Without an address it serves a connection that exists: that one knows where it was made.
    """
    if not client_id:
        raise missing("salesforce_client_id")
    return OAuthApp(
        client_id,
        client_secret,
        login_url=url or (my_domain_url(subdomain) if subdomain else ""),
        redirect_uri=redirect_uri(redirect_port),
        ca_file=ca_file,
        sign_in=cast(SignIn, sign_in),
        username=username,
        private_key=_read(private_key_file) if private_key_file else None,
    )


def _read(private_key_file: str) -> str:
    try:
        return Path(private_key_file).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        raise SetupError(
            f"The file of FLUINT_SALESFORCE_PRIVATE_KEY_FILE, {private_key_file}, cannot be read. Whoever runs Fluint names the PEM file of"
            " the app's private key, and lets the user that runs Fluint read it."
        ) from None


def redirect_uri(port: int) -> str:
    """The callback URL that the connected app must list."""
    return f"http://localhost:{port}{PATH}"


def guard(database: Database, environment: str | None, erasures_directory: Path) -> Callable[[], None]:
    """What is asked before a grant is given out: is the database of this environment, and in no time before an erasure?"""
    return partial(insist_on_workspace, database, environment, erasures_directory)


class SalesforceResource(dg.ConfigurableResource[Salesforce]):
    """Gives a client of the connected org; whether there is a connection shows at its first call."""

    database: dg.ResourceDependency[Database]
    encryption_key: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    url: str | None = None
    subdomain: str | None = None
    ca_file: str | None = None
    redirect_port: int = 1717
    api_version: str = "66.0"
    quota_share: float = 0.8
    sign_in: str = "browser"
    username: str | None = None
    private_key_file: str | None = None
    environment: str | None = None
    erasures_directory: str

    def create_resource(self, context: dg.InitResourceContext) -> Salesforce:
        """Makes the client; sends nothing. What is missing is said at its first use."""
        return or_told_at_use(lambda: self._client(TICK_TIMEOUTS if context.run is None else Timeouts()))

    def _client(self, timeouts: Timeouts) -> Salesforce:
        if not self.encryption_key:
            raise missing("encryption_key")
        app = oauth_app(
            self.client_id,
            self.client_secret,
            url=self.url,
            subdomain=self.subdomain,
            redirect_port=self.redirect_port,
            ca_file=self.ca_file,
            sign_in=self.sign_in,
            username=self.username,
            private_key_file=self.private_key_file,
        )
        return Salesforce(
            app,
            PostgresTokenStore(
                self.database,
                self.encryption_key,
                Tokens,
                before_use=guard(self.database, self.environment, Path(self.erasures_directory)),
            ),
            api_version=self.api_version,
            quota_share=self.quota_share,
            timeout=timeouts,
        )
