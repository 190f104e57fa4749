"""A workspace's first minutes, as the demo and `fluint ui` need them: database up, connected, users known, a filter set."""

from __future__ import annotations

from datetime import UTC, datetime

from orchestration.cli.console import working
from orchestration.cli.database import upgrade_steps
from orchestration.cli.services import LocalOrg
from orchestration.cli.workspace import Workspace
from orchestration.entitlement.users import FluintUser, import_users
from orchestration.errors import NeedsReconnectError
from orchestration.settings import use_browser


def introduce(workspace: Workspace, org: LocalOrg | None) -> None:
    """Brings the database up; with an org that was started here, connects it."""
    for text, step in upgrade_steps(workspace):
        with working(text):
            step()
    if org is not None and not is_connected(workspace):
        connect_as_visitor(workspace, org)


def license_people(workspace: Workspace, org: LocalOrg) -> None:
    """Makes the local org's people Fluint users. A filter is set before: what comes in stays when it becomes narrower."""
    import_users(workspace.database, people(org))


def is_connected(workspace: Workspace) -> bool:
    """Whether a grant is stored that was not marked as dead."""
    try:
        workspace.token_store.load()
    except NeedsReconnectError:
        return False
    return True


def connect_as_visitor(workspace: Workspace, org: LocalOrg) -> None:
    """Connects by OAuth as a person would, with the org's own visitor in place of a browser."""
    from orchestration.cli.connecting import connect_workspace

    use_browser(org.browser)
    connect_workspace(workspace)


def people(org: LocalOrg) -> list[FluintUser]:
    """The local org's cast as a Fluint user list: whoever has an address in Fluint, licensed or not."""
    return [
        FluintUser(
            member["fluint_email"],
            f"{member['first_name']} {member['last_name']}",
            bool(member["is_licensed"]),
        )
        for member in org.ask("GET", "/cast")
        if member.get("fluint_email")
    ]


def years_ago(years: int) -> datetime:
    """The first of January, so many years back, UTC."""
    return datetime(datetime.now(UTC).year - years, 1, 1, tzinfo=UTC)
