"""Commands about the workspace's Fluint users and their licences."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.console import done, speaking
from orchestration.cli.workspace import Workspace

group = typer.Typer(help="The workspace's Fluint users and their licences.", no_args_is_help=True)


@group.command("import")
@speaking
def import_(
    file: Annotated[Path, typer.Argument(help="CSV with the columns email,full_name,is_licensed.")],
) -> None:
    """Add or update users from a file; users that are not in it stay."""
    from orchestration.entitlement.users import import_users, read_user_file

    count = import_users(Workspace.here().database, read_user_file(file))
    done(f"{count} users are in Fluint. The next sync matches them with Salesforce and brings their deals.")


@group.command("license")
@speaking
def license_(email: str) -> None:
    """Give a user a licence; the user's deals are backfilled by themselves."""
    _set(email, is_licensed=True)
    done(f"{email} is licensed. The next sync brings the deals of this user.")


@group.command("unlicense")
@speaking
def unlicense(email: str) -> None:
    """Take a user's licence; what was imported stays."""
    _set(email, is_licensed=False)
    done(f"{email} is not licensed any more. Deals that were imported stay and are kept up to date.")


def _set(email: str, *, is_licensed: bool) -> None:
    from orchestration.entitlement.users import set_licence

    set_licence(Workspace.here().database, email, is_licensed=is_licensed)
