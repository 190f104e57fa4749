"""The Salesforce org as a resource: the app's credentials, the token store in Postgres, and the client over both."""

import dagster as dg

from orchestration.errors import SetupError
from orchestration.postgres.connection import Database
from orchestration.postgres.token_store import PostgresTokenStore
from orchestration.salesforce.client import Salesforce
from orchestration.salesforce.my_domain import my_domain_url
from orchestration.salesforce.oauth import OAuthApp, Tokens
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
) -> OAuthApp:
    """The connected app as the settings describe it; `SetupError` names what is missing."""
    if not client_id:
        raise missing("salesforce_client_id")
    if not (url or subdomain):
        raise SetupError(
            "Neither FLUINT_SALESFORCE_SUBDOMAIN nor FLUINT_SALESFORCE_URL is set, so there is no org to ask."
            " Whoever runs this pipeline sets one of them in fluint.yaml or the environment."
        )
    return OAuthApp(
        client_id,
        client_secret,
        login_url=url or my_domain_url(subdomain or ""),
        redirect_uri=redirect_uri(redirect_port),
        ca_file=ca_file,
    )


def redirect_uri(port: int) -> str:
    """The callback URL that the connected app must list."""
    return f"http://localhost:{port}{PATH}"


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

    def create_resource(self, context: dg.InitResourceContext) -> Salesforce:
        """Makes the client; sends nothing."""
        if not self.encryption_key:
            raise missing("encryption_key")
        app = oauth_app(
            self.client_id,
            self.client_secret,
            url=self.url,
            subdomain=self.subdomain,
            redirect_port=self.redirect_port,
            ca_file=self.ca_file,
        )
        return Salesforce(
            app,
            PostgresTokenStore(self.database, self.encryption_key, Tokens),
            api_version=self.api_version,
            quota_share=self.quota_share,
            timeout=TICK_TIMEOUTS if context.run is None else Timeouts(),
        )
