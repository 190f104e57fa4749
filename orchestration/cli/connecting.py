"""Commands that connect the workspace to its Salesforce org, and end the connection. How a person signs in is `signing_in`'s."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli.console import console, done, working
from orchestration.cli.workspace import Workspace
from orchestration.errors import FluintError, TransientError, TransientSalesforceError, WrongOrgError

if TYPE_CHECKING:
    from orchestration.postgres.connection_ledger import ConnectionFacts
    from orchestration.salesforce.oauth import OAuthApp, Tokens


def connect(
    address: Annotated[
        str | None,
        typer.Argument(
            help="Your org: acme for acme.my.salesforce.com, acme--uat for a sandbox, or any address of it."
        ),
    ] = None,
    subdomain: Annotated[str | None, typer.Option(help="The same, as an option.")] = None,
    no_browser: Annotated[
        bool,
        typer.Option(
            "--no-browser", help="Print the address for a browser anywhere, and take the pasted answer."
        ),
    ] = False,
    replace_org: Annotated[
        bool,
        typer.Option(
            "--replace-org",
            help="Connect another org than before, such as a refreshed sandbox: what is held goes to an archive first.",
        ),
    ] = False,
) -> None:
    """Connect the Salesforce org: sign in as the integration user and approve the access. Data and cursors stay."""
    workspace = Workspace.here()
    if named := address or subdomain:
        update = {"salesforce_subdomain": named, "salesforce_url": None}
        workspace = Workspace(workspace.settings.model_copy(update=update))
    connect_workspace(workspace, no_browser=no_browser, replace_org=replace_org)


@dataclass(frozen=True)
class _Connected:
    """What a sign-in brought: the grant, the org's kind, who signed in, the connection before, the archive of another org."""

    tokens: Tokens
    kind: str
    person: str
    before: ConnectionFacts | None
    archive: str | None

    @property
    def is_reconnected(self) -> bool:
        """Whether the same org was connected before."""
        return self.before is not None and self.archive is None

    @property
    def former_org(self) -> str:
        """The org that the database belonged to before."""
        return self.before.org_id if self.before else ""

    @property
    def summary(self) -> str:
        """Which org answers, and as whom."""
        return f"Connected to org {self.tokens.org_id} ({self.kind}) as user {self.person}, at {self.tokens.instance_url}."


def connect_workspace(workspace: Workspace, *, no_browser: bool = False, replace_org: bool = False) -> None:
    """Signs in, keeps the grant, and says which org answers and what happens next."""
    from orchestration.cli.pages import page
    from orchestration.cli.signing_in import signed_in
    from orchestration.postgres.connection_ledger import connection_facts
    from orchestration.salesforce.oauth import begin_login, finish_login, sign_in

    app, _ = workspace.app, workspace.token_store  # what is missing is said before a person signs in
    before = connection_facts(workspace.database)
    if not app.login_url and before is not None:
        app = replace(app, login_url=before.login_url)
    change = _Change(workspace, app, before, replace_org)
    if app.sign_in != "browser":
        with working("Signing in without a person"):
            connected = change.keep(sign_in(app))
        return _tell(connected)
    attempt = begin_login(app)
    with signed_in(attempt, workspace.settings.redirect_port, no_browser=no_browser) as answer:
        try:
            connected = change.keep(finish_login(app, attempt, answer.address))
        except FluintError as error:
            answer.show(page("Fluint is not connected to Salesforce", str(error)))
            raise
        answer.show(page("Fluint is connected to Salesforce", connected.summary, _next_steps(connected)))
    _tell(connected)


@dataclass(frozen=True)
class _Change:
    """A connection that is being made: with which app, over which one before."""

    workspace: Workspace
    app: OAuthApp
    before: ConnectionFacts | None
    replaces_org: bool

    def keep(self, tokens: Tokens) -> _Connected:
        """Stores the grant. One of an org that may not come in is given back to Salesforce, which would keep it alive."""
        from orchestration.postgres.locks import views_lock
        from orchestration.salesforce.oauth import revoke

        store, made = (
            self.workspace.token_store,
            {"client_id": self.app.client_id, "login_url": self.app.login_url},
        )
        archive = None
        try:
            if self.replaces_org:
                with views_lock(self.workspace.database, shared=False):
                    archive = store.replace_org(tokens, **made)
            else:
                store.connect(tokens, **made)
        except WrongOrgError:
            with suppress(FluintError):
                revoke(self.app, tokens)
            raise
        kind, person = _who(self.workspace, tokens.user_id)
        store.name_environment(kind)
        return _Connected(tokens, kind, person, self.before, archive)


def _who(workspace: Workspace, user_id: str) -> tuple[str, str]:
    """What the org says it is, and the user's name; a user who may not read these is connected all the same."""
    try:
        salesforce = workspace.salesforce()
        organization = salesforce.organization()
        person = salesforce.name_of(user_id)
    except FluintError:
        return "kind unknown", user_id
    return "sandbox" if organization.is_sandbox else organization.organization_type, f"{person} ({user_id})"


def _tell(connected: _Connected) -> None:
    done(connected.summary)
    if connected.archive:
        console.print(
            f"What was held of org {connected.former_org} is in the schema {connected.archive}. It holds personal data: whoever runs the"
            " database drops it (drop schema … cascade) when nobody needs it any more.",
            soft_wrap=True,
        )
    for step in _next_steps(connected):
        console.print(f"  {step}", soft_wrap=True, markup=False)


def _next_steps(connected: _Connected) -> list[str]:
    """What happens now, and what a person still has to do, in order."""
    check = "`fluint check` tests the permissions of the integration user and says what is missing."
    if connected.is_reconnected:
        stays = (
            "What was imported stayed; the sync goes on from where it was, by itself or with `fluint sync`."
        )
        changed = (
            "The integration user is another one than before: what it cannot see does not come in any more."
            if connected.before and connected.before.user_id != connected.tokens.user_id
            else ""
        )
        return [stays, *filter(None, [changed]), check]
    return [
        check,
        "`fluint filters set` chooses which deals come in; `fluint users import` says who holds a licence: their deals are imported.",
        "`fluint sync` reads them once; `fluint ui`, or Dagster's daemon, follows every change from then on.",
    ]


def disconnect(
    local_only: Annotated[
        bool,
        typer.Option(
            "--local-only", help="Forget the tokens though Salesforce cannot be asked to revoke them."
        ),
    ] = False,
) -> None:
    """End the connection: revoke the grant in Salesforce and forget the tokens. Data and cursors stay."""
    from orchestration.salesforce.oauth import revoke

    workspace = Workspace.here()
    store = workspace.token_store
    if local_only:
        store.forget()
        done(
            "The tokens are forgotten here, and what was imported stays. In Salesforce the grant lives on until an admin revokes it under"
            " Setup › Connected Apps OAuth Usage."
        )
        return
    tokens = store.held()
    if tokens is None:
        done("There is no connection to end. What was imported stays.")
        return
    try:
        revoke(workspace.app, tokens)
    except TransientError as error:
        raise TransientSalesforceError(
            f"{error} The tokens are still held. `fluint disconnect --local-only` forgets them all the same."
        ) from None
    store.forget()
    done("Disconnected. What was imported stays; `fluint connect` goes on from where it was.")


def rotate_key() -> None:
    """Encrypt the stored tokens with the first key of FLUINT_ENCRYPTION_KEY; the keys after it can be taken away then."""
    keys = Workspace.here().settings.require("encryption_key").count(",") + 1
    if Workspace.here().token_store.encrypt_anew():
        rest = (
            " The others can be taken out of FLUINT_ENCRYPTION_KEY once every process runs with the first."
            if keys > 1
            else ""
        )
        done(f"The tokens are encrypted with the first key.{rest}")
    else:
        done("There are no tokens to encrypt.")
