"""Commands that connect the workspace to its Salesforce org, and end the connection."""

from __future__ import annotations

import webbrowser
from typing import Annotated

import typer

from orchestration.cli.console import console, done, working
from orchestration.cli.workspace import Workspace
from orchestration.errors import FluintError

_PATIENCE = 600.0  # seconds for a person to sign in, an admin's second factor included


def connect(
    subdomain: Annotated[
        str | None, typer.Option(help="Your Salesforce sub-domain: acme for acme.my.salesforce.com.")
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address and wait.")] = False,
) -> None:
    """Connect the Salesforce org: sign in as the integration user and approve the access."""
    workspace = Workspace.here()
    if subdomain:
        update = {"salesforce_subdomain": subdomain, "salesforce_url": None}
        workspace = Workspace(workspace.settings.model_copy(update=update))
    connect_workspace(workspace, no_browser=no_browser)


def connect_workspace(workspace: Workspace, *, no_browser: bool = False) -> None:
    """Signs in through a browser, keeps the grant, and says which org answers."""
    from orchestration.salesforce.oauth import begin_login, finish_login
    from orchestration.salesforce.redirect import RedirectCatcher

    app = workspace.app
    attempt = begin_login(app)
    with RedirectCatcher(workspace.settings.redirect_port) as catcher:
        if no_browser or not webbrowser.open(attempt.url):
            console.print(
                "Open this address in a browser on this machine and sign in as the integration user:"
            )
            console.out(attempt.url)
        with working("Waiting for the sign-in in the browser"):
            address = catcher.wait(_PATIENCE)
    tokens = finish_login(app, attempt, address)
    workspace.token_store.connect(tokens, client_id=app.client_id, login_url=app.login_url)
    kind = _kind_of_org(workspace)
    workspace.token_store.name_environment(kind)
    done(f"Connected to org {tokens.org_id} ({kind}) as user {tokens.user_id}, at {tokens.instance_url}.")


def _kind_of_org(workspace: Workspace) -> str:
    """What the org says it is; a user who may not read that is connected all the same."""
    try:
        organization = workspace.salesforce().organization()
    except FluintError:
        return "kind unknown"
    return "sandbox" if organization.is_sandbox else organization.organization_type


def disconnect() -> None:
    """End the connection: revoke the grant in Salesforce and forget the tokens. Data and cursors stay."""
    from orchestration.salesforce.oauth import revoke

    workspace = Workspace.here()
    tokens = workspace.token_store.load()
    revoke(workspace.app, tokens)
    workspace.token_store.forget()
    done("Disconnected. What was imported stays; `fluint connect` goes on from where it was.")
