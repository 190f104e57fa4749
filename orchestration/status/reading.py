"""Reads the facts of our own ledgers: counts, times, codes. No call to Salesforce, no judgement; what Dagster knows is given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from psycopg import sql

from orchestration.documents.outbox import waiting
from orchestration.documents.standing import open_groups
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
           (count(*) filter (where reason = 'not_visible'))::int as not_visible
    from fluint_sync.pending group by object
)
select wanted.object, gone.since as absent_since, cursor.position as cursor, cursor.moved_at, fresh.data_as_of,
       coalesce(waits.pending, 0) as pending, coalesce(waits.unreadable, 0) as unreadable,
       coalesce(waits.not_visible, 0) as not_visible, waits.untried as untried_since,
       fresh.parents_entitled::int as parents, fresh.parents_covered::int as parents_covered
from unnest(%s::text[]) as wanted (object)
left join fluint_sync.cursor as cursor using (object)
left join fluint.sync_freshness as fresh using (object)
left join waits using (object)
left join fluint_sync.unavailable_object as gone using (object)
"""
_RUNS = """
select distinct on (mode) mode, run_id, state, started_at, ended_at, report, error from fluint_sync.run
where started_at > now() - interval '30 days' order by mode, started_at desc
"""
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
) -> Facts:
    """Reads everything; `dagster` is what its instance says, or `dagster_unknown` why nobody could ask it.

    Raises SetupError where the database is not at this installation's version, TransientError where it cannot be reached.
    """
    insist_on_newest(database)
    found = missing_parents(database, expected.tables)
    connected = connection_facts(database)
    with database.transaction() as connection:
        runs = _runs(connection)
        return Facts(
            now=_one(connection, "select now()"),
            expected=expected,
            connection=connected,
            objects=_objects(connection, expected, runs),
            missing=Missing(
                owners_in_scope=_one(connection, "select count(*) from fluint_entitlement.scope_owners"),
                owners=found.owners,
                deals=found.deals,
                columns=found.columns,
                excluded=_one(
                    connection, "select coalesce(sum(deals), 0)::bigint from fluint_sync.excluded_count"
                ),
            ),
            runs=runs,
            calls=_calls(connection),
            uploads=_uploads(connection),
            marts_are_behind=_one(
                connection, "select exists (select from fluint_intermediate.int_inputs_ahead)"
            ),
            marts_built_at=_one(connection, "select max(built_at) from fluint_sync.modelled"),
            dagster=dagster,
            dagster_unknown=dagster_unknown,
        )


def _objects(
    connection: Connection, expected: Expectations, runs: Sequence[LedgerRun]
) -> tuple[ObjectFacts, ...]:
    tables = [sobject.table_name for sobject in CATALOGUE]
    cursor = connection.execute(_OBJECTS, [tables])
    names = [column.name for column in cursor.description or ()]
    held = {row[0]: dict(zip(names[1:], row[1:], strict=True)) for row in cursor.fetchall()}
    rows, said = _rows(connection, tables), _errors(runs, tables)
    return tuple(
        ObjectFacts(
            table=sobject.table_name,
            cadence=cadence(sobject.table_name, expected.tables, expected.interval),
            is_enabled=sobject.table_name in expected.tables,
            may_be_absent=sobject.may_be_absent,
            rows=rows[sobject.table_name][0],
            rows_are_estimated=rows[sobject.table_name][1],
            error=said.get(sobject.table_name),
            **held[sobject.table_name],
        )
        for sobject in CATALOGUE
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


def _runs(connection: Connection) -> tuple[LedgerRun, ...]:
    rows = connection.execute(_RUNS).fetchall()
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


def _uploads(connection: Connection) -> Uploads:
    (uploaded, groups), (due, since) = open_groups(connection), waiting(connection)
    return Uploads(uploaded, groups, due, since)


def _one(connection: Connection, query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None
