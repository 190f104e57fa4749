"""The ledger of API calls: what each run asked of the org, by purpose, and how much of the org's allowance everybody has used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

from orchestration.postgres.connection import Connection, Database


class Usage(Protocol):
    """The org's calls in 24 hours, by everybody, as Salesforce said at `seen_at` (UTC)."""

    @property
    def used(self) -> int: ...  # noqa: D102
    @property
    def allowed(self) -> int: ...  # noqa: D102
    @property
    def seen_at(self) -> datetime: ...  # noqa: D102


def record_calls(database: Database, run_id: str, calls: Mapping[str, int], usage: Usage | None) -> None:
    """Adds the calls of a run (purpose → number) and keeps the newest `usage`."""
    if not calls and usage is None:
        return
    with database.transaction() as connection:
        connection.cursor().executemany(
            "insert into fluint_sync.api_call (run_id, purpose, calls) values (%s, %s, %s)",
            [(run_id, purpose, number) for purpose, number in calls.items()],
        )
        if usage:
            connection.execute(
                """
                insert into fluint_sync.api_usage as held (used, allowed, seen_at) values (%s, %s, %s)
                on conflict (singleton) do update
                set used = excluded.used, allowed = excluded.allowed, seen_at = excluded.seen_at
                where excluded.seen_at >= held.seen_at
                """,
                [usage.used, usage.allowed, usage.seen_at],
            )


def recall_usage(database: Database, learn: Callable[[int, int, datetime], None]) -> None:
    """Tells a new client (used, allowed, seen at in UTC) what an earlier process last saw, so that it need not spend a call to know."""
    with database.transaction() as connection:
        row = last_usage(connection)
    if row:
        learn(*row)


def last_usage(connection: Connection) -> tuple[int, int, datetime] | None:
    """What Salesforce last said: calls used by everybody and allowed in 24 hours, and when (UTC)."""
    row = connection.execute("select used, allowed, seen_at from fluint_sync.api_usage").fetchone()
    return (row[0], row[1], row[2]) if row else None


def calls_of_a_day(connection: Connection) -> dict[str, int]:
    """Our own calls of the last 24 hours, the span over which Salesforce counts, by purpose, most first."""
    rows = connection.execute(
        "select purpose, sum(calls)::int from fluint_sync.api_call where at > now() - interval '24 hours' group by 1 order by 2 desc, 1"
    )
    return dict(rows.fetchall())
