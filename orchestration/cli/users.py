"""Commands about the workspace's Fluint users and their licences."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.console import console, done, speaking, table
from orchestration.cli.workspace import Workspace

group = typer.Typer(
    help="The workspace's Fluint users and their licences. A licence brings the deals that the person owns in Salesforce.",
    no_args_is_help=True,
)

_MATCHES = {
    "email": "by e-mail address",
    "email_without_invalid": "by e-mail address, without the .invalid of a sandbox",
    "username": "by username",
    "no_match": "nobody there",
    "two_active_salesforce_users": "in doubt: two active users there",
    "one_salesforce_user_for_two_fluint_users": "in doubt: the same person as another Fluint user",
}
_Email = Annotated[str, typer.Argument(help="The user's e-mail address in Fluint, in any case.")]


@group.command("import")
@speaking
def import_(
    file: Annotated[
        Path, typer.Argument(help="UTF-8 CSV; its first line names the columns email,full_name,is_licensed.")
    ],
) -> None:
    """Add or update users from a file; users that are not in it stay.

    is_licensed is true or false (yes, no, 1, 0). A file with a mistake is refused with its line and column, and nothing of it is
    imported. Deals of newly licensed users come with the next sync, by the filter in force: see `fluint filters show` before.
    """
    from orchestration.entitlement.users import import_users, read_user_file

    users = read_user_file(file)
    count = import_users(Workspace.here().database, users)
    licensed = sum(user.is_licensed for user in users)
    done(
        f"{count} users were read, {licensed} of them licensed. The next sync matches them with Salesforce and brings their deals."
    )


@group.command("license")
@speaking
def license_(email: _Email) -> None:
    """Give a user a licence; the user's deals are backfilled by themselves, with the filter applied."""
    if _set(email, is_licensed=True):
        done(f"{email} is licensed. The next sync brings the deals of this user.")
    else:
        done(f"{email} held a licence already. Nothing was changed.")


@group.command("unlicense")
@speaking
def unlicense(email: _Email) -> None:
    """Take a user's licence; what was imported stays and is kept up to date."""
    if _set(email, is_licensed=False):
        done(f"{email} is not licensed any more. Deals that were imported stay and are kept up to date.")
    else:
        done(f"{email} held no licence. Nothing was changed.")


@group.command("list")
@speaking
def list_() -> None:
    """List the users: who is licensed, whom Salesforce knows and by what, and how many of their deals are held."""
    from orchestration.entitlement.users import list_users

    users = list_users(Workspace.here().database)
    rows = [
        (user.email, user.full_name, "yes" if user.is_licensed else "no", _in_words(user.match), user.deals)
        for user in users
    ]
    console.print(
        table("Fluint users", ["e-mail address", "name", "licensed", "in Salesforce", "deals"], rows)
    )
    if not users:
        console.print("  `fluint users import FILE.csv` adds users.")


def _in_words(match: str) -> str:
    return ", ".join(_MATCHES.get(part, part) for part in match.split(", "))


def _set(email: str, *, is_licensed: bool) -> bool:
    from orchestration.entitlement.users import set_licence

    return set_licence(Workspace.here().database, email, is_licensed=is_licensed)
