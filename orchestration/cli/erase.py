"""The command `fluint erase`: shows what would go, asks, erases, and says what the proof found. Whom it was about is repeated nowhere."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli.console import console, done, heading, table, working
from orchestration.cli.workspace import Workspace
from orchestration.errors import SetupError
from orchestration.postgres.connection import Database

if TYPE_CHECKING:
    from orchestration.privacy.apply import Change, Erased, Work
    from orchestration.privacy.prove import Found
    from orchestration.privacy.subject import Kind, Subject

_ASK = "-"
_VERBS = {"remove": "rows go", "change": "rows lose what names the person"}


_Email = Annotated[
    str | None,
    typer.Option(help=f"A person, by e-mail address. {_ASK} asks for it, so that no shell remembers it."),
]
_Contact = Annotated[
    str | None, typer.Option(help="A person, by the id or page of the contact in Salesforce.")
]
_Opportunity = Annotated[
    str | None, typer.Option(help="A deal, by the id or page of the opportunity in Salesforce.")
]
_User = Annotated[
    str | None, typer.Option(help="A colleague, by the id of the Salesforce user, or Fluint's user id.")
]
_Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
_Replay = Annotated[
    bool,
    typer.Option(
        "--replay",
        help="Carry out again what a restored database does not know, from the copies in FLUINT_DATA_DIRECTORY/erasures.",
    ),
]
_WithoutRegister = Annotated[
    bool,
    typer.Option(
        "--without-register",
        help="With --replay, for a restored database: the copies are lost, and no more can be carried out again.",
    ),
]


def erase(
    email: _Email = None,
    contact: _Contact = None,
    opportunity: _Opportunity = None,
    user: _User = None,
    yes: _Yes = False,
    replay: _Replay = False,
    without_register: _WithoutRegister = False,
) -> None:
    """Erase a person or a deal from Fluint, for good. Nothing in Salesforce is changed, and no sync brings it back.

    A mail that names the person among others stays without the address, its subject, its body and its headers. What was erased is
    kept only as hashes under FLUINT_ERASURE_KEY.
    """
    given: dict[Kind, str | None] = {
        "email": email,
        "contact": contact,
        "opportunity": opportunity,
        "user": user,
    }
    named = [(kind, value) for kind, value in given.items() if value is not None]
    if len(named) + replay != 1 or without_register > replay:
        raise SetupError(
            "One person or deal at a time: `fluint erase` takes one of --email, --contact, --opportunity, --user, or --replay"
            " (which --without-register goes with)."
        )
    workspace = Workspace.here()
    if replay:
        replay_copies(workspace, without_register=without_register)
        done("Every erasure that is known of is carried out in this database; syncs go on.")
        return
    kind, value = named[0]
    _erase_one(workspace, kind, typer.prompt("E-mail address", err=True) if value == _ASK else value, yes=yes)


def _erase_one(workspace: Workspace, kind: Kind, value: str, *, yes: bool) -> None:
    from orchestration.privacy.apply import erase as erase_now
    from orchestration.privacy.apply import look

    with working("Looking for what is held"):
        work, changes = look(workspace.database, kind, value)
    _show_plan(work, changes)
    if not yes:
        if not sys.stdin.isatty():
            raise SetupError("Nothing was erased: there is nobody to ask here. --yes says that it is meant.")
        typer.confirm("Erase this for good? It cannot be undone", abort=True)
    with working("Erasing, and proving it"):
        erased = erase_now(workspace.database, kind, value, raw_tables())
    _show_files(work.held.content_uris)
    _conclude(workspace, erased, _found_in_dagster(workspace, work.subject))


def _show_plan(work: Work, changes: tuple[Change, ...]) -> None:
    subject, held = work.subject, work.held
    marks = [
        (len(subject.addresses), "e-mail addresses"),
        (len(subject.contacts), "contacts"),
        (len(subject.users), "Salesforce users"),
        (len(subject.people), "Fluint users"),
        (len(subject.opportunities), "deals"),
    ]
    heading("Erased would be " + ", ".join(f"{count} {what}" for count, what in marks if count))
    console.print(_table_of(changes))
    if not changes:
        console.print("  Nothing is held. From then on it is kept out, too.")
    if held.content_uris:
        console.print(
            f"  {len(held.content_uris)} generated files lie outside of the database, in the application's storage. Fluint only reads"
            " there and deletes none of them: their places are listed once the rest is erased."
        )


def _show_files(uris: tuple[str, ...]) -> None:
    """Says what is left for a person to delete: the database that named these places no longer does."""
    if not uris:
        return
    console.print(
        f"  To be deleted by whoever runs the application's storage, now: {len(uris)} generated files. This list stands nowhere else any"
        " more, neither in the database nor in the report."
    )
    for uri in uris:
        console.print(f"    {uri}", markup=False, soft_wrap=True)


def _table_of(changes: tuple[Change, ...]) -> object:
    rows = [(change.table, change.rows, _VERBS[change.action]) for change in changes]
    return table("", ["table", "rows", ""], rows)


def _conclude(workspace: Workspace, erased: Erased, in_dagster: tuple[Found, ...] | None) -> None:
    written = write_copies_of(workspace)
    changed = sum(change.rows for change in erased.changes)
    done(
        f"Erased: {changed} rows. A search of {erased.columns} columns finds nothing of it in Fluint's tables any more."
    )
    for path in written:
        console.print(
            f"  The report, which names nobody: {path}. Keep it apart from the database: after a restore it is carried out again."
        )
    for found in erased.names:
        console.print(
            f"  The full name stands in {found.rows} rows of {found}. Others may bear it, and a text is somebody's: look there."
        )
    for place in erased.unreadable:
        console.print(f"  Not looked into, because Fluint's user may not read it: {place}.")
    if in_dagster is None:
        console.print(
            "  Not looked into, because FLUINT_DAGSTER_DATABASE_URL is not set: Dagster's database."
        )
    logged = [found for found in in_dagster or () if found.what == "id"]
    if logged:
        console.print(
            f"  Dagster's log names the record by its id in {sum(found.rows for found in logged)} rows. The id alone leads to nobody in"
            " Fluint; the log goes with its runs."
        )
    _refuse_what_is_left(erased, in_dagster or ())


def _refuse_what_is_left(erased: Erased, in_dagster: tuple[Found, ...]) -> None:
    """Raises SetupError, with who takes it away, where something stands elsewhere or only the planner remembers it."""
    left = [f"{found} ({found.rows} rows)" for found in erased.elsewhere if not found.remembered_of]
    left += [f"Dagster's {found} ({found.rows} rows)" for found in in_dagster if found.what == "address"]
    remembered = sorted(
        {f"{found.schema}.{found.table}" for found in erased.elsewhere if found.remembered_of}
    )
    texts = []
    if left:
        texts.append(
            f"It is erased from Fluint's tables, and something of it still stands in tables that are not Fluint's: {', '.join(left)}."
            " Whoever made those removes it there."
        )
    if remembered:
        texts.append(
            "It is erased from Fluint's tables. Only what Postgres' planner remembers of values still has something of it, for"
            f" {', '.join(remembered)}; it is overwritten once there are rows again. Who wants it gone now asks whoever runs the server to"
            " delete the rows of pg_statistic whose starelid is one of these tables, which takes a superuser."
        )
    if texts:
        raise SetupError(" ".join(texts))


def _found_in_dagster(workspace: Workspace, subject: Subject) -> tuple[Found, ...] | None:
    """What the other database still has: by our own rules nothing, and that is looked at, not believed. None if it is not known."""
    from orchestration.privacy.prove import search

    settings = workspace.settings
    if settings.dagster_database_url is None:
        return None
    url, why = settings.dagster_database_url.get_secret_value(), settings.database_without_tls_because
    with Database(url, without_tls_because=why).transaction() as connection:
        return search(connection, subject).found


def write_copies_of(workspace: Workspace) -> list[Path]:
    """Writes the copies that are missing outside of the database; returns the new ones."""
    from orchestration.privacy.copies import write_copies

    return write_copies(workspace.database, workspace.settings.erasures_directory)


def replay_copies(workspace: Workspace, *, without_register: bool = False) -> None:
    """Carries out every erasure that the copies tell of and the database does not know; a part of `fluint upgrade`, too.

    Then the database counts as whole where it is now. SetupError for a restored one whose register is not there, unless that is said.
    """
    from orchestration.privacy.apply import erase_again
    from orchestration.privacy.copies import missing_copies, restore_copies
    from orchestration.privacy.restored import accept_place, insist_on_register

    database, directory = workspace.database, workspace.settings.erasures_directory
    missing = missing_copies(database, directory)
    if missing:
        erase_again(database, raw_tables(), lambda connection: restore_copies(connection, missing))
        done(f"{len(missing)} erasures that this database did not know were carried out again.")
    if not without_register:
        insist_on_register(database, directory)
    accept_place(database, directory)


def raw_tables() -> list[str]:
    """The raw tables in the order in which the sync locks them."""
    from orchestration.sync.objects import CATALOGUE

    return [sobject.table_name for sobject in CATALOGUE]
