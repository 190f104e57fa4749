"""A restored database knows erasures only up to its own time: it is recognised, and stands still until they were carried out again.

Two witnesses. The register (copies.py) lies outside of the database: an erasure in it that the database does not know proves that the
database is older. And the database itself says where it was (postgres/workspace.py), which matters where the register was lost with
the machine: then nobody knows what is missing, and a person has to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestration.errors import SetupError
from orchestration.postgres.connection import Connection, Database
from orchestration.postgres.workspace import Mark, insist_on_environment, place_here, read_mark
from orchestration.privacy.copies import copied, is_register_of, name_register, write_copies

_NEXT = "Nothing was asked of Salesforce and nothing sent; what is held stays readable."


def insist_on_workspace(database: Database, environment: str | None, directory: Path) -> None:
    """Returns if this process may work with the database: of one environment, and in no time before an erasure.

    Asked before a grant is given out, so by everything that reads from Salesforce or writes to it. Writes the copies that the register
    lacks: erasures that were made from another machine. Raises WrongEnvironmentError, SetupError.
    """
    there = copied(directory)  # first: an erasure that is committed meanwhile has its copy later
    with database.transaction() as connection:
        mark = read_mark(connection)
        known = _known(connection)
    unknown = there - known
    if unknown:
        raise SetupError(
            f"This database is older than {len(unknown)} erasures whose copies are in {directory}: it was restored from a backup, and"
            f" people who were forgotten are in it. {_NEXT} Whoever runs this carries them out again: `fluint upgrade`, or `fluint erase"
            " --replay` alone."
        )
    if mark.was_moved:
        raise SetupError(
            "This database is not where it was: it was restored from a backup, or is a copy, and people who were forgotten since may be in"
            f" it. {_NEXT} Whoever runs this sees to it that {directory} holds the copies of all erasures, and then runs `fluint upgrade`,"
            " or `fluint erase --replay` alone."
        )
    insist_on_environment(mark, environment)
    if known - there:
        with _writing(directory):
            write_copies(database, directory)


def insist_on_register(database: Database, directory: Path) -> None:
    """Returns if the register there can be taken for whole; SetupError where a moved database finds none of its own."""
    with database.transaction() as connection:
        mark = read_mark(connection)
        is_lacking = bool(_known(connection) - copied(directory))
    if mark.was_moved and (is_lacking or not is_register_of(directory, mark.workspace_id)):
        raise SetupError(
            f"This database was restored or copied, and {directory} is not the register of its erasures: whoever was erased since the"
            " backup cannot be known from it. Nothing was asked of Salesforce, and syncs stand still. Whoever runs this puts the directory"
            " back (FLUINT_DATA_DIRECTORY, or its copy) and runs this again. If it is lost, erase again by hand whom anybody remembers,"
            " and then `fluint erase --replay --without-register` says that no more can be done."
        )


def accept_place(database: Database, directory: Path) -> None:
    """Writes that the database is whole where it is, and that the register there is its own, with a copy of all that it knows."""
    with database.transaction() as connection:
        mark = read_mark(connection)
        place_here(connection)
    with _writing(directory):
        name_register(directory, mark.workspace_id)
        write_copies(database, directory)


def mark_of(database: Database) -> Mark:
    """What the database says of itself."""
    with database.transaction() as connection:
        return read_mark(connection)


@contextmanager
def _writing(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SetupError(
            f"Copies of erasures cannot be written to {directory} ({type(error).__name__}), and without them a restored backup would bring"
            " people back. Nothing else was changed. Whoever runs this lets the user that runs Fluint write there, or sets"
            " FLUINT_DATA_DIRECTORY to a place that it may write."
        ) from None


def _known(connection: Connection) -> frozenset[str]:
    rows = connection.execute("select erasure_id::text from fluint_sync.erasure").fetchall()
    return frozenset(row[0] for row in rows)
