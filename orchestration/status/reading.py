"""Reads the facts of our own ledgers: counts, times, codes. No call to Salesforce, no judgement; what Dagster knows is given.

A person's look reads everything; that of the alerts, twice a minute, what incidents are made of, so that no query of it grows with
the deals that are held.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from psycopg import sql

from orchestration.documents.outbox import waiting
from orchestration.documents.standing import count_uploaded, open_groups
from orchestration.postgres.api_ledger import calls_of_a_day, last_usage
from orchestration.postgres.connection import Connection, Database
from orchestration.postgres.connection_ledger import connection_facts
from orchestration.postgres.migrations import insist_on_newest
from orchestration.status.facts import (
    Calls,
    DagsterFacts,
    Expectations,
    Facts,
    LedgerRun,
    Missing,
    ObjectFacts,
    Uploads,
)
from orchestration.sync.coverage import missing_parents
from orchestration.sync.objects import CATALOGUE
from orchestration.sync.turns import cadence

# Rows of a larger table are taken from the planner's statistics: a monitor asks often, and counting reads the whole table.
_MOST_BYTES_COUNTED = 64 * 1024 * 1024

_OBJECTS = """
with waits as (
    select object, count(*)::int as pending, min(since) filter (where attempts = 0 and reason not in ('not_visible', 'refused')) as untried,
           (count(*) filter (where attempts > 0 and reason not in ('not_visible', 'refused')))::int as unreadable,
           (count(*) filter (where reason = 'not_visible'))::int as not_visible,
           min(since) filter (where reason <> 'not_visible') as oldest
    from fluint_sync.pending group by object
)
select wanted.object, gone.since as absent_since, cursor.position as cursor, cursor.moved_at,
       case when cursor.position is not null then least(cursor.position, waits.oldest) end as data_as_of,
       coalesce(waits.pending, 0) as pending, coalesce(waits.unreadable, 0) as unreadable,
       coalesce(waits.not_visible, 0) as not_visible, waits.untried as untried_since
from unnest(%s::text[]) as wanted (object)
left join fluint_sync.cursor as cursor using (object)
left join waits using (object)
left join fluint_sync.unavailable_object as gone using (object)
"""
# Each mode by itself: a run a minute makes forty thousand in thirty days.
_RUNS = """
select last.mode, last.run_id, last.state, last.started_at, last.ended_at, last.report, last.error
from unnest(%s::text[]) with ordinality as wanted (mode, place) cross join lateral (
    select * from fluint_sync.run where run.mode = wanted.mode and started_at > now() - interval '30 days'
    order by started_at desc limit 1) as last
order by place
"""
_MODES = ("changes", "columns", "history", "months", "reconcile")
# By these it is told, without Dagster, why data is old.
_FOLLOWING = ("changes", "history")
_PARENTS = "select object, parents_entitled::int, parents_covered::int from fluint.sync_freshness"
_SIZES = """
select held.relname, pg_relation_size(held.oid), held.reltuples::bigint from pg_class as held
where held.relnamespace = 'raw_salesforce'::regnamespace and held.relname = any (%s)
"""


def read_facts(
    database: Database,
    expected: Expectations,
    dagster: DagsterFacts | None = None,
    *,
    dagster_unknown: str = "",
    for_alerts: bool = False,
) -> Facts:
    """Reads everything; `dagster` is what its instance says, or `dagster_unknown` why nobody could ask it.

    `for_alerts` leaves at its default what no incident is made of: rows, what they hang on, documents that arrived; and, but where a run
    failed that would have closed it, what was never listed and whether marts are behind.
    Raises SetupError where the database is not at this installation's version, TransientError where it cannot be reached.
    """
    insist_on_newest(database)
    connected = connection_facts(database)
    with database.transaction() as connection:
        runs = _runs(connection, _FOLLOWING if for_alerts else _MODES)
        objects, failed = _objects(connection, expected, runs), _failed(dagster, runs)
        facts = Facts(
            now=_one(connection, "select now()"),
            expected=expected,
            connection=connected,
            objects=objects if for_alerts else _counted(connection, objects),
            runs=runs,
            calls=_calls(connection),
            uploads=_uploads(connection, is_counted=not for_alerts),
            marts_are_behind=(not for_alerts or bool(failed & {"changes", "models"}))
            and _one(connection, "select exists (select from fluint_intermediate.int_inputs_ahead)"),
            marts_built_at=_one(connection, "select max(built_at) from fluint_sync.modelled"),
            dagster=dagster,
            dagster_unknown=dagster_unknown,
        )
    if for_alerts and "history" not in failed:
        return facts
    return replace(facts, missing=_missing(database, expected))


def _failed(dagster: DagsterFacts | None, runs: Sequence[LedgerRun]) -> set[str]:
    """What was to be closed by the runs that failed last."""
    if dagster is not None:
        return {job.role for job in dagster.jobs if job.failures}
    return {run.mode for run in runs if run.state == "failed"}


def _missing(database: Database, expected: Expectations) -> Missing:
    found = missing_parents(database, expected.tables)
    with database.transaction() as connection:
        return Missing(
            owners_in_scope=_one(connection, "select count(*) from fluint_entitlement.scope_owners"),
            owners=found.owners,
            deals=found.deals,
            columns=found.columns,
            excluded=_one(
                connection, "select coalesce(sum(deals), 0)::bigint from fluint_sync.excluded_count"
            ),
        )


def _objects(
    connection: Connection, expected: Expectations, runs: Sequence[LedgerRun]
) -> tuple[ObjectFacts, ...]:
    tables = [sobject.table_name for sobject in CATALOGUE]
    cursor = connection.execute(_OBJECTS, [tables])
    names = [column.name for column in cursor.description or ()]
    held = {row[0]: dict(zip(names[1:], row[1:], strict=True)) for row in cursor.fetchall()}
    said = _errors(runs, tables)
    return tuple(
        ObjectFacts(
            table=sobject.table_name,
            cadence=cadence(sobject.table_name, expected.tables, expected.interval),
            is_enabled=sobject.table_name in expected.tables,
            may_be_absent=sobject.may_be_absent,
            error=said.get(sobject.table_name),
            **held[sobject.table_name],
        )
        for sobject in CATALOGUE
    )


def _counted(connection: Connection, objects: Sequence[ObjectFacts]) -> tuple[ObjectFacts, ...]:
    """The objects with their rows, and with how many of those that they hang on are covered."""
    rows = _rows(connection, [each.table for each in objects])
    parents = {row[0]: row[1:] for row in connection.execute(_PARENTS).fetchall()}
    return tuple(
        replace(
            each,
            rows=rows[each.table][0],
            rows_are_estimated=rows[each.table][1],
            parents=parents.get(each.table, (None, None))[0],
            parents_covered=parents.get(each.table, (None, None))[1],
        )
        for each in objects
    )


def _rows(connection: Connection, tables: Sequence[str]) -> dict[str, tuple[int, bool]]:
    """Table → its live rows, and whether that is the planner's estimate (tombstones included)."""
    found: dict[str, tuple[int, bool]] = {}
    for table, size, estimate in connection.execute(_SIZES, [list(tables)]).fetchall():
        if size > _MOST_BYTES_COUNTED and estimate >= 0:
            found[table] = int(estimate), True
            continue
        query = sql.SQL("select count(*) from {} where _deleted_at is null")
        row = connection.execute(query.format(sql.Identifier("raw_salesforce", table))).fetchone()
        found[table] = int(row[0]) if row else 0, False
    return {table: found.get(table, (0, False)) for table in tables}


def _runs(connection: Connection, modes: Sequence[str]) -> tuple[LedgerRun, ...]:
    rows = connection.execute(_RUNS, [list(modes)]).fetchall()
    return tuple(
        LedgerRun(
            mode,
            run_id,
            state,
            began,
            ended,
            _sum(report, "read"),
            _sum(report, "inserted", "updated", "tombstoned"),
            error,
        )
        for mode, run_id, state, began, ended, report, error in rows
    )


def _sum(report: Mapping[str, Mapping[str, int]] | None, *names: str) -> int:
    return sum(counts.get(name, 0) for counts in (report or {}).values() for name in names)


def _errors(runs: Sequence[LedgerRun], tables: Sequence[str]) -> dict[str, str]:
    """Table → what the last run that followed changes said of it, where others went on: a line of the run's text begins with the table."""
    last = next((run for run in runs if run.mode == "changes" and run.state == "failed"), None)
    said: dict[str, str] = {}
    of = ""
    for line in (last.error or "").splitlines() if last else ():
        head, colon, text = line.partition(": ")
        if colon and head in tables:
            of, said[head] = head, text
        elif of:
            said[of] += f" {line}"
    texts = Counter(said.values())  # one that several have is no fault of an object
    return {table: text for table, text in said.items() if texts[text] == 1}


def _calls(connection: Connection) -> Calls:
    calls, usage = Calls(calls_of_a_day(connection)), last_usage(connection)
    return replace(calls, used=usage[0], allowed=usage[1], seen_at=usage[2]) if usage else calls


def _uploads(connection: Connection, *, is_counted: bool) -> Uploads:
    due, since = waiting(connection)
    uploaded = count_uploaded(connection) if is_counted else 0
    return Uploads(uploaded, open_groups(connection), due, since)


def _one(connection: Connection, query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None
