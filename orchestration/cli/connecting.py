"""Commands that connect the workspace to its Salesforce org, and end the connection. How a person signs in is `signing_in`'s."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli.console import console, done, working
from orchestration.cli.workspace import Workspace
from orchestration.errors import (
    FluintError,
    SetupError,
    TransientError,
    TransientSalesforceError,
    WrongEnvironmentError,
    WrongOrgError,
)

if TYPE_CHECKING:
    from orchestration.postgres.connection_ledger import ConnectionFacts
    from orchestration.salesforce.environments import OrgKind
    from orchestration.salesforce.oauth import OAuthApp, Tokens


_Address = Annotated[
    str | None,
    typer.Argument(
        help="Your org: acme for acme.my.salesforce.com, acme--uat for a sandbox, or any address of it."
    ),
]
_Subdomain = Annotated[str | None, typer.Option(help="The same, as an option.")]
_NoBrowser = Annotated[
    bool,
    typer.Option(
        "--no-browser", help="Print the address for a browser anywhere, and take the pasted answer."
    ),
]
_ReplaceOrg = Annotated[
    bool,
    typer.Option(
        "--replace-org",
        help="Connect another org than before, such as a refreshed sandbox: what is held goes to an archive first.",
    ),
]
_ProductionOrg = Annotated[
    bool,
    typer.Option("--production-org", help="In a dev or staging workspace: a production org is meant."),
]
_ChangeEnvironment = Annotated[
    bool,
    typer.Option(
        "--change-environment",
        help="This database belonged to another environment; from now on it is this one's.",
    ),
]


def connect(
    address: _Address = None,
    subdomain: _Subdomain = None,
    no_browser: _NoBrowser = False,
    replace_org: _ReplaceOrg = False,
    production_org: _ProductionOrg = False,
    change_environment: _ChangeEnvironment = False,
) -> None:
    """Connect the Salesforce org: sign in as the integration user and approve the access. Data and cursors stay."""
    workspace = Workspace.here()
    if named := address or subdomain:
        update = {"salesforce_subdomain": named, "salesforce_url": None}
        workspace = Workspace(workspace.settings.model_copy(update=update))
    if not change_environment:
        _insist_on_environment(workspace)
    connect_workspace(
        workspace, no_browser=no_browser, replace_org=replace_org, production_is_meant=production_org
    )


def _insist_on_environment(workspace: Workspace) -> None:
    from orchestration.postgres.workspace import insist_on_environment
    from orchestration.privacy.restored import mark_of

    insist_on_environment(mark_of(workspace.database), workspace.settings.environment)


@dataclass(frozen=True)
class _Connected:
    """What a sign-in brought: the grant, the org's kind, who signed in, the connection before, the archive of another org.

    `environment` is what the workspace is for, None where nobody said.
    """

    tokens: Tokens
    kind: str
    person: str
    before: ConnectionFacts | None
    archive: str | None
    environment: str | None

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
        workspace = f"The {self.environment} workspace is connected" if self.environment else "Connected"
        return f"{workspace} to org {self.tokens.org_id} ({self.kind}) as user {self.person}, at {self.tokens.instance_url}."


def connect_workspace(
    workspace: Workspace,
    *,
    no_browser: bool = False,
    replace_org: bool = False,
    production_is_meant: bool = False,
) -> None:
    """Signs in, keeps the grant, and says which org answers and what happens next."""
    from orchestration.postgres.connection_ledger import connection_facts
    from orchestration.salesforce.oauth import sign_in

    app, _ = workspace.app, workspace.token_store  # what is missing is said before a person signs in
    before = connection_facts(workspace.database)
    if not app.login_url and before is not None:
        app = replace(app, login_url=before.login_url)
    change = _Change(workspace, app, before, replace_org, production_is_meant)
    try:
        if app.sign_in == "browser":
            connected = _through_a_browser(change, no_browser=no_browser)
        else:
            with working("Signing in without a person"):
                connected = change.keep(sign_in(app))
    except SetupError as error:
        if error.code not in (None, "access_denied"):
            workspace.token_store.note_refusal(str(error))
        raise
    _tell(connected)


def _through_a_browser(change: _Change, *, no_browser: bool) -> _Connected:
    """Leads a person through the org's pages; the browser is told how it ended."""
    from orchestration.cli.pages import page
    from orchestration.cli.signing_in import signed_in
    from orchestration.salesforce.oauth import begin_login, finish_login

    attempt = begin_login(change.app)
    with signed_in(attempt, change.workspace.settings.redirect_port, no_browser=no_browser) as answer:
        try:
            connected = change.keep(finish_login(change.app, attempt, answer.address))
        except FluintError as error:
            answer.show(page("Fluint is not connected to Salesforce", str(error)))
            raise
        answer.show(page("Fluint is connected to Salesforce", connected.summary, _next_steps(connected)))
    return connected


@dataclass(frozen=True)
class _Change:
    """A connection that is being made: with which app, over which one before."""

    workspace: Workspace
    app: OAuthApp
    before: ConnectionFacts | None
    replaces_org: bool
    production_is_meant: bool

    def keep(self, tokens: Tokens) -> _Connected:
        """Stores the grant. One of an org that may not come in is given back to Salesforce, which would keep it alive."""
        from orchestration.postgres.workspace import name_environment
        from orchestration.salesforce.environments import insist_on_kind
        from orchestration.salesforce.oauth import revoke

        environment = self.workspace.settings.environment
        org, person = _who(self.workspace, self.app, tokens)
        try:
            insist_on_kind(environment, org, production_is_meant=self.production_is_meant)
            archive = self._store(tokens)
        except (WrongOrgError, WrongEnvironmentError):
            with suppress(FluintError):
                revoke(self.app, tokens)
            raise
        with self.workspace.database.transaction() as connection:
            name_environment(connection, environment)
        kind = "kind unknown" if org.edition is None else "sandbox" if org.is_sandbox else org.edition
        self.workspace.token_store.name_environment(kind)
        return _Connected(tokens, kind, person, self.before, archive, environment)

    def _store(self, tokens: Tokens) -> str | None:
        """Stores the grant; the schema of the archive if it is another org's."""
        from orchestration.postgres.locks import views_lock

        store = self.workspace.token_store
        made = {"client_id": self.app.client_id, "login_url": self.app.login_url}
        if not self.replaces_org:
            store.connect(tokens, **made)
            return None
        with views_lock(self.workspace.database, shared=False):
            return store.replace_org(tokens, **made)


def _who(workspace: Workspace, app: OAuthApp, tokens: Tokens) -> tuple[OrgKind, str]:
    """What the org says it is, and the user's name; a user who may not read these is connected all the same."""
    from orchestration.salesforce.client import Salesforce
    from orchestration.salesforce.environments import FreshGrant, OrgKind

    salesforce = Salesforce(app, FreshGrant(tokens), api_version=workspace.settings.api_version)
    try:
        organization = salesforce.organization()
        person = salesforce.name_of(tokens.user_id)
    except FluintError:
        return OrgKind(tokens.instance_url), tokens.user_id
    finally:
        salesforce.close()
    kind = OrgKind(tokens.instance_url, organization.is_sandbox, organization.organization_type)
    return kind, f"{person} ({tokens.user_id})"


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
    what_for = (
        []
        if connected.environment
        else [
            "`environment: dev`, `staging` or `production` in fluint.yaml keeps this workspace apart from others (docs/operating.md)."
        ]
    )
    if connected.is_reconnected:
        stays = (
            "What was imported stayed; the sync goes on from where it was, by itself or with `fluint sync`."
        )
        changed = (
            "The integration user is another one than before: what it cannot see does not come in any more."
            if connected.before and connected.before.user_id != connected.tokens.user_id
            else ""
        )
        return [stays, *filter(None, [changed]), check, *what_for]
    return [
        check,
        *what_for,
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
