"""How many API calls and how long a listing would take: the plan's own numbers, and what rows took before. Asks no org.

The calls follow listing.py and fetch.py step by step; what they cannot know beforehand (polls of a Bulk job, shared contacts)
is taken from above.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from orchestration.postgres.connection import Database
from orchestration.sync.options import SyncOptions
from orchestration.sync.plan import (
    DEALS_IN_A_QUERY,
    IDS_IN_A_QUERY,
    OWNERS_IN_A_QUERY,
    QUERIES_IN_A_COMPOSITE,
    pack_owners,
)

ROWS_IN_A_PAGE = 2_000
MAILS_IN_A_PAGE = 200  # bodies are wide: salesforce/query.py asks for so many
# Create, some polls, the list of pages, delete; and a result page for so many rows.
BULK_CALLS = 12
ROWS_IN_A_BULK_PAGE = 50_000
# Users, stages and record types, describes within the hour, the counts of what stays out.
CALLS_OF_A_RUN = 17

# Measured on 26 November 2026 with the local org: 14,366 rows in 14.8 s, on two cores that others used, too. A real org is
# farther away: what a call takes there besides is an assumption.
ROWS_PER_SECOND = 970.0
SECONDS_PER_CALL = 0.3
_ENOUGH_ROWS = 1_000  # fewer measure how a run begins, not how fast it is


@dataclass(frozen=True)
class Load:
    """What a listing would read and ask; `rows` are those of all objects together."""

    rows: int
    calls: int


@dataclass(frozen=True)
class Children:
    """How many records hang on some deals."""

    roles: int = 0
    mails: int = 0
    tasks: int = 0
    events: int = 0


@dataclass(frozen=True)
class Speed:
    """Rows per second over whole runs that list; `runs` is how many of this workspace it is taken from, 0 for our own measurement."""

    rows_per_second: float
    runs: int

    def time_for(self, load: Load) -> timedelta:
        """How long the load would take; with our own measurement, the way to the org is added."""
        way = 0.0 if self.runs else load.calls * SECONDS_PER_CALL
        return timedelta(seconds=load.rows / self.rows_per_second + way)


def estimate(
    listed: Mapping[str, int], new: int, children: Children, options: SyncOptions | None = None
) -> Load:
    """The load of listing deals (owner → how many), `new` of which come in with these children.

    Every role may name another contact, and every deal another account.
    """
    threshold = (options or SyncOptions()).bulk_threshold
    calls = CALLS_OF_A_RUN + ceil(len(listed) / OWNERS_IN_A_QUERY)
    for pack in pack_owners(listed):
        calls += _pages(pack.rows, ROWS_IN_A_PAGE, threshold) + 1  # and the keys pass
    groups = ceil(new / (DEALS_IN_A_QUERY * QUERIES_IN_A_COMPOSITE))
    hanging = (
        (children.roles, ROWS_IN_A_PAGE),
        (children.mails, MAILS_IN_A_PAGE),
        (children.tasks, ROWS_IN_A_PAGE),
        (children.events, ROWS_IN_A_PAGE),
    )
    for rows, page in hanging:
        calls += groups * (_pages(ceil(rows / groups), page, threshold) + 2) if groups else 0
    named = (children.roles, new)
    calls += sum(ceil(ids / (IDS_IN_A_QUERY * QUERIES_IN_A_COMPOSITE)) for ids in named)
    return Load(sum(listed.values()) + sum(rows for rows, _ in hanging) + sum(named), calls)


def _pages(rows: int, page: int, threshold: int) -> int:
    if rows >= threshold:
        return BULK_CALLS + ceil(rows / ROWS_IN_A_BULK_PAGE)
    return ceil(rows / page)


def measured_speed(database: Database) -> Speed:
    """The speed of this workspace's last complete listings that read enough rows to tell; our own measurement without any."""
    with database.transaction() as connection:
        row = connection.execute(
            """
            select sum(rows)::float8, sum(seconds)::float8, count(*)
            from (
                select extract(epoch from run.ended_at - run.started_at) as seconds,
                       (select sum((counts.value ->> 'read')::bigint) from jsonb_each(run.report) as counts) as rows
                from fluint_sync.run
                where run.mode = 'history' and run.state = 'complete' and run.ended_at > run.started_at
                order by run.started_at desc limit 50
            ) as listings
            where rows >= %s
            """,
            [_ENOUGH_ROWS],
        ).fetchone()
    if row is None or not row[2]:
        return Speed(ROWS_PER_SECOND, 0)
    rows, seconds, runs = row
    return Speed(float(rows) / float(seconds), int(runs))
