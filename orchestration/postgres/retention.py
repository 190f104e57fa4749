"""How long the ledgers' rows are kept: a table of ages, and the statements that remove what is older.

Only rows that nothing decides by are in it. Coverage, admissions, uploads, erasures and what is pending have no age.
"""

from __future__ import annotations

from dataclasses import dataclass

from orchestration.postgres.connection import Database

_AT_ONCE = 5_000  # rows of one transaction


@dataclass(frozen=True)
class Kept:
    """Rows of `fluint_sync.<table>` for which `ended` (an SQL expression of a time) is more than `days` ago go; what they say."""

    table: str
    ended: str
    days: int
    what: str


# Whatever began long ago and never ended was killed: a run that is gone on with began within a day.
LEDGERS = (
    Kept("run", "coalesce(ended_at, started_at)", 90, "what each run read, changed and said"),
    Kept("api_call", "at", 90, "API calls by purpose; the last day is what counts"),
    Kept("uncovered_deal", "at", 30, "coverage that was dropped while a listing was under way"),
    Kept("field_change", "seen_at", 400, "how the org's fields changed"),
    Kept("incident", "closed_at", 400, "incidents that are over, with the alerts about them"),
)


def prune(database: Database) -> dict[str, int]:
    """Removes what is older, a few thousand rows at a time, so that nobody waits for it; table → rows removed."""
    return {f"fluint_sync.{kept.table}": _prune(database, kept) for kept in LEDGERS}


def _prune(database: Database, kept: Kept) -> int:
    statement = f"""
        delete from fluint_sync.{kept.table} where ctid = any (array(
            select ctid from fluint_sync.{kept.table} where {kept.ended} < now() - interval '{kept.days} days' limit {_AT_ONCE}))
    """  # noqa: S608 - constants of this file
    removed = 0
    while True:
        with database.transaction() as connection:
            gone = connection.execute(statement.encode()).rowcount
        removed += gone
        if gone < _AT_ONCE:
            return removed
