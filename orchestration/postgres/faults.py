"""What Postgres says when a database is not what a command or a run needs, as a sentence with the next step.

Errors come from three drivers (psycopg, psycopg2 under Dagster, SQLAlchemy around both); all carry Postgres' own code.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestration.errors import FluintError, SetupError, TransientError

# Undefined table, schema, column, function: another version of our tables than this installation's, or none.
_NOT_UPGRADED = frozenset({"42P01", "3F000", "42703", "42883"})
_NOT_ALLOWED = "42501"
# Class: the transaction was undone because of another one (deadlock, serialization).
_MET_ANOTHER = "40"
# Classes: connection lost, too many connections, the server shuts down or starts.
_UNREACHABLE = ("08", "53", "57P")


def of_postgres(error: BaseException) -> FluintError | None:
    """The error in our words if Postgres, or the way to it, is behind it; None for anything else.

    Postgres' own text is left out where it may quote a row.
    """
    for cause in _causes(error):
        if isinstance(cause, FluintError):
            return cause
        code = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None) or ""
        if code in _NOT_UPGRADED:
            return SetupError(
                "The database does not have the tables and views of this installation. Nothing was changed."
                " `fluint upgrade` brings it up to date; it is safe to repeat."
            )
        if code == _NOT_ALLOWED:
            return SetupError(
                "The user in the database URL may not do this in the database. Whoever administers it makes that user the owner"
                " of the database, or runs `fluint upgrade` as its owner."
            )
        if code.startswith(_MET_ANOTHER):
            return TransientError(
                "Two processes met on the same rows of the database, and it undid this one's last step: nothing of that was kept. The next"
                " run does it again."
            )
        if code.startswith(_UNREACHABLE) or type(cause).__name__ == "OperationalError":
            return TransientError(
                "The database cannot be reached, or it ended the connection; what was not committed is undone. Try again;"
                " if it stays, whoever runs the server starts it or corrects the database URL."
            )
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, what it wraps and what it was raised from, outermost first."""
    seen: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        cause = waiting.pop(0)
        if isinstance(cause, BaseException) and cause not in seen:
            seen.append(cause)
            yield cause
            waiting += [getattr(cause, "orig", None), cause.__cause__, cause.__context__]
