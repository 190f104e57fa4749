"""The sync's own ledger in SQL: cursors, pending ids, coverage, admission, hidden fields. No decisions, no Salesforce.

Every function works inside the caller's transaction, because rows and what they prove change together (R14).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from psycopg import sql
from psycopg.types.json import Jsonb

from orchestration.postgres.connection import Connection
from orchestration.sync.objects import SObject
from orchestration.sync.options import ObjectReport


def cursor_of(connection: Connection, table: str, *, lock: bool = False) -> datetime | None:
    """Up to when (UTC) changes of this object were followed; None before the first read. With `lock` it stays there meanwhile."""
    query = "select position from fluint_sync.cursor where object = %s"
    row = connection.execute(f"{query} for share" if lock else query, [table]).fetchone()
    return row[0] if row else None


def begin_cursor(connection: Connection, sobject: SObject, position: datetime) -> bool:
    """Starts a cursor where there is none, and says whether it did; an existing one stays (R2)."""
    begun = connection.execute(
        "insert into fluint_sync.cursor (object, position, is_of_deals) values (%s, %s, %s) on conflict do nothing",
        [sobject.table_name, position, sobject.parent is not None],
    )
    return begun.rowcount == 1


def read_whole_again(connection: Connection, table: str) -> None:
    """Makes the next read of an object of which every row is read take all of them, as at first."""
    connection.execute("delete from fluint_sync.cursor where object = %s", [table])


def move_cursor(connection: Connection, table: str, *, start: datetime, end: datetime) -> bool:
    """Moves the cursor from `start` to `end`; False when another process has moved it meanwhile, or time ran back (R2)."""
    moved = connection.execute(
        "update fluint_sync.cursor set position = %(end)s, moved_at = now()"
        " where object = %(table)s and position = %(start)s and position <= %(end)s",
        {"table": table, "start": start, "end": end},
    )
    return moved.rowcount == 1


def drop_skipped_coverage(
    connection: Connection, owners: Sequence[str], digest: str, created_since: datetime | None
) -> None:
    """Deletes coverage of others than these owners, whose changes are being skipped, and cuts the rest to the filter's range (R4)."""
    connection.execute(
        "delete from fluint_sync.owner_coverage where digest <> %s or not owner_id = any (%s)",
        [digest, list(owners)],
    )
    connection.execute(
        """
        update fluint_sync.owner_coverage set created = created * tstzmultirange(tstzrange(%(since)s, null))
        where not created <@ tstzmultirange(tstzrange(%(since)s, null))
        """,
        {"since": created_since},
    )


def pending_ids(connection: Connection, table: str, limit: int) -> list[str]:
    """The ids that are to be fetched now, oldest first."""
    rows = connection.execute(
        """
        select id from fluint_sync.pending
        where object = %s and (retry_at is null or retry_at <= now()) order by since, id limit %s
        """,
        [table, limit],
    )
    return [row[0] for row in rows]


def count_due(connection: Connection, tables: Sequence[str]) -> int:
    """How many ids of these objects are to be fetched now."""
    row = connection.execute(
        """
        select count(*) from fluint_sync.pending
        where object = any (%s) and (retry_at is null or retry_at <= now())
        """,
        [list(tables)],
    ).fetchone()
    return int(row[0]) if row else 0


def count_pending(connection: Connection, table: str) -> int:
    """How many ids of this object wait to be fetched, the invisible ones included."""
    row = connection.execute("select count(*) from fluint_sync.pending where object = %s", [table]).fetchone()
    return int(row[0]) if row else 0


def data_as_of(connection: Connection, table: str) -> datetime | None:
    """Up to when (UTC) this object's rows are right: the cursor, or an older id that still waits (R1)."""
    row = connection.execute(
        """
        select least(
            (select position from fluint_sync.cursor where object = %(table)s),
            (select min(since) from fluint_sync.pending where object = %(table)s and reason <> 'not_visible'))
        """,
        {"table": table},
    ).fetchone()
    return row[0] if row else None


def settle_pending(connection: Connection, table: str, staged: sql.Identifier) -> None:
    """Removes what was read, unless a newer stamp was announced than the one read (R1)."""
    connection.execute(
        sql.SQL(
            "delete from fluint_sync.pending as p using {} as s"
            " where p.object = %s and p.id = s.id and (p.stamp is null or p.stamp <= s.system_modstamp)"
        ).format(staged),
        [table],
    )


Announced = tuple[datetime | None, str | None]


def announced(connection: Connection, table: str, ids: Sequence[str]) -> dict[str, Announced]:
    """Those of these ids that are pending, each with the stamp and the parent that it was announced with."""
    rows = connection.execute(
        "select id, stamp, parent_id from fluint_sync.pending where object = %s and id = any (%s) order by id",
        [table, list(ids)],
    )
    return {record_id: (stamp, parent) for record_id, stamp, parent in rows}


def drop_pending(connection: Connection, table: str, ids: Sequence[str]) -> None:
    """Forgets ids that turned out not to concern us."""
    connection.execute(
        "delete from fluint_sync.pending where object = %s and id = any (%s)", [table, list(ids)]
    )


def set_aside(connection: Connection, table: str, ids: Sequence[str], pause: timedelta) -> None:
    """Keeps ids that were refused out of sight for `pause`, and forgets those that were refused before.

    Their keys are read again as long as the overlap of windows holds them; forgotten at once, they would be pending again at
    every tick (R10). Until then nothing of them is missing, so `since` moves along.
    """
    parameters = {"table": table, "ids": list(ids), "pause": pause}
    connection.execute(
        "delete from fluint_sync.pending where object = %(table)s and id = any (%(ids)s) and reason = 'refused'",
        parameters,
    )
    connection.execute(
        """
        update fluint_sync.pending
        set reason = 'refused', since = now() + %(pause)s, retry_at = now() + %(pause)s
        where object = %(table)s and id = any (%(ids)s)
        """,
        parameters,
    )


def postpone(
    connection: Connection, table: str, ids: Sequence[str], reason: str, error: str | None = None
) -> None:
    """Keeps ids pending with a back-off that doubles from one minute up to a day (R10)."""
    connection.execute(
        """
        update fluint_sync.pending
        set attempts = attempts + 1, reason = %(reason)s, last_error = %(error)s,
            retry_at = now() + least(interval '1 day', interval '1 minute' * 2 ^ least(attempts, 11))
        where object = %(table)s and id = any (%(ids)s)
        """,
        {"table": table, "ids": list(ids), "reason": reason, "error": error},
    )


def missing_ranges(
    connection: Connection, digest: str, created_since: datetime | None
) -> dict[tuple[datetime | None, datetime | None], list[str]]:
    """Range of CreatedDate → owners in scope of whom this range is not covered under this filter (R4)."""
    rows = connection.execute(
        """
        select lower(part), upper(part), array_agg(owner_id order by owner_id)
        from (
            select scope.owner_id,
                   tstzmultirange(tstzrange(%(since)s, null)) - coalesce(coverage.created, '{}') as missing
            from fluint_entitlement.scope_owners as scope
            left join fluint_sync.owner_coverage as coverage
              on coverage.owner_id = scope.owner_id and coverage.digest = %(digest)s
        ) as gap cross join unnest(missing) as part
        group by 1, 2 order by 2 desc nulls first
        """,
        {"since": created_since, "digest": digest},
    ).fetchall()
    return {(lower, upper): owners for lower, upper, owners in rows}


def cover_owners(
    connection: Connection, owners: Iterable[str], *, digest: str, created: str, run_id: str
) -> None:
    """Adds the range `created` (tstzmultirange text) to what is covered of these owners under this filter (R4)."""
    connection.execute(
        """
        insert into fluint_sync.owner_coverage as held (owner_id, digest, created, listed_at, run_id)
        select owner_id, %(digest)s, %(created)s::tstzmultirange, now(), %(run_id)s
        from unnest(%(owners)s::text[]) as owner_id
        on conflict (owner_id) do update
        set created = case when held.digest = excluded.digest then held.created + excluded.created else excluded.created end,
            digest = excluded.digest, listed_at = excluded.listed_at, run_id = excluded.run_id
        """,
        {"owners": list(owners), "digest": digest, "created": created, "run_id": run_id},
    )


def drop_coverage_of_refused(
    connection: Connection,
    refused: Sequence[str],
    owners: Sequence[str],
    digest: str,
    created_since: datetime | None,
) -> None:
    """Drops owner coverage that a refusal contradicts.

    A pending deal was refused under one predicate. Coverage that promises the same predicate stays true; coverage of its
    owner under any other would claim a deal that is no longer pending and not held.
    """
    connection.execute(
        """
        delete from fluint_sync.owner_coverage as coverage using fluint_sync.pending as p
        where p.object = 'opportunity' and p.id = any (%(refused)s) and coverage.owner_id = p.parent_id
          and not (coverage.owner_id = any (%(owners)s) and coverage.digest = %(digest)s
                   and coverage.created <@ tstzmultirange(tstzrange(%(since)s, null)))
        """,
        {"refused": list(refused), "owners": list(owners), "digest": digest, "since": created_since},
    )


def cover_deals(
    connection: Connection, table: str, deals: Sequence[str], run_id: str, began: datetime
) -> None:
    """Writes that every child row of these deals is held, listed since `began` by this database's clock.

    A deal that has left meanwhile gets none, nor one whose coverage was dropped meanwhile: what dropped it may have moved children
    behind the back of the listing.
    """
    connection.execute(
        """
        insert into fluint_sync.deal_coverage (object, opportunity_id, covered_at, run_id)
        select %(table)s, deal.id, now(), %(run_id)s
        from raw_salesforce.opportunity as deal where deal.id = any (%(deals)s) and deal._deleted_at is null
          and not exists (select from fluint_sync.uncovered_deal as dropped
                          where dropped.object = %(table)s and dropped.opportunity_id = deal.id and dropped.at >= %(began)s)
        on conflict (object, opportunity_id) do update set covered_at = excluded.covered_at, run_id = excluded.run_id
        """,
        {"table": table, "deals": list(deals), "run_id": run_id, "began": began},
    )


def deals_without(connection: Connection, table: str, *, written_by: str | None = None) -> list[str]:
    """Live deals in scope whose children of this object are not all held; only those that one run wrote, if given."""
    rows = connection.execute(
        """
        select scope.opportunity_id
        from fluint_entitlement.scope_deals as scope
        join raw_salesforce.opportunity as deal on deal.id = scope.opportunity_id and deal._deleted_at is null
        where (%(run)s::text is null or deal._run_id = %(run)s)
          and not exists (select from fluint_sync.deal_coverage as covered
                          where covered.object = %(table)s and covered.opportunity_id = scope.opportunity_id)
        order by 1
        """,
        {"table": table, "run": written_by},
    ).fetchall()
    return [row[0] for row in rows]


def remember_hidden(connection: Connection, table: str, hidden: dict[str, str]) -> None:
    """Keeps which wanted fields (name → need) describe does not show."""
    connection.execute("delete from fluint_sync.hidden_field where object = %s", [table])
    connection.cursor().executemany(
        "insert into fluint_sync.hidden_field (object, field, need, seen_at) values (%s, %s, %s, now())",
        [(table, name, need) for name, need in hidden.items()],
    )


def want_admitted_again(
    connection: Connection, created_from: datetime | None, created_before: datetime | None
) -> None:
    """Makes held deals of a range of CreatedDate pending that a listing would not return, because they no longer match."""
    connection.execute(
        """
        insert into fluint_sync.pending (object, id, parent_id, reason, since)
        select 'opportunity', deal.id, deal.owner_id, 'reread', coalesce(
            (select position from fluint_sync.cursor where object = 'opportunity'), now())
        from raw_salesforce.opportunity as deal
        where deal._deleted_at is null and deal.created_date <@ tstzrange(%(start)s, %(end)s)
          and (not exists (select from fluint_entitlement.scope_owners as s where s.owner_id = deal.owner_id)
               or exists (select from fluint_app.backfill_filter as f
                          where deal.created_date < f.created_since or deal.stage_name = any (f.excluded_stages)
                             or deal.record_type_id = any (f.excluded_record_types)
                             or coalesce(deal.amount < f.minimum_amount, f.minimum_amount is not null)))
        on conflict (object, id) do nothing
        """,
        {"start": created_from, "end": created_before},
    )


def owners_listed_by(connection: Connection, run_id: str, digest: str) -> set[str]:
    """Owners whose coverage under this filter one run wrote last."""
    rows = connection.execute(
        "select owner_id from fluint_sync.owner_coverage where run_id = %s and digest = %s", [run_id, digest]
    )
    return {row[0] for row in rows}


def deals_created_in(
    connection: Connection,
    created_from: datetime | None,
    created_before: datetime | None,
    *,
    not_covered_by: tuple[str, str],
) -> list[str]:
    """Live deals in scope of a half-open range of CreatedDate, but those whose children of an object a run has covered."""
    table, run_id = not_covered_by
    rows = connection.execute(
        """
        select deal.id from raw_salesforce.opportunity as deal
        join fluint_entitlement.scope_deals as scope on scope.opportunity_id = deal.id
        where deal._deleted_at is null and deal.created_date <@ tstzrange(%s, %s)
          and not exists (select from fluint_sync.deal_coverage as covered
                          where covered.object = %s and covered.opportunity_id = deal.id and covered.run_id = %s)
        order by 1
        """,
        [created_from, created_before, table, run_id],
    ).fetchall()
    return [row[0] for row in rows]


def begin_run(connection: Connection, run_id: str, mode: str, work: str | None = None) -> str:
    """Writes that a run began; a second step of the same run goes on under its row.

    Returns the run that began this work: a run with the same `work` (a text that names it whole) that began within a day and
    never ended was killed, and this one goes on in its place. Without one, the run itself.
    """
    killed = connection.execute(
        """
        update fluint_sync.run set state = 'failed', ended_at = now(), error = 'killed; gone on with by ' || %(run)s
        where run_id = (select run_id from fluint_sync.run
                        where work = %(work)s and state = 'running' and run_id <> %(run)s
                          and started_at > now() - interval '1 day' order by started_at desc limit 1)
        returning coalesce(begun_by, run_id)
        """,
        {"run": run_id, "work": work},
    ).fetchone()
    connection.execute(
        """
        insert into fluint_sync.run (run_id, mode, started_at, state, work, begun_by)
        values (%s, %s, now(), 'running', %s, %s)
        on conflict (run_id) do update set state = excluded.state, ended_at = null
        """,
        [run_id, mode, work, killed[0] if killed else None],
    )
    return killed[0] if killed else run_id


def end_run(connection: Connection, run_id: str, reports: Sequence[ObjectReport]) -> None:
    """Writes how a run ended, in counts; its errors stand in Dagster and in the reports."""
    states = {report.state for report in reports}
    state = next((worst for worst in ("failed", "deferred") if worst in states), "complete")
    counts = {report.table: asdict(report.counts) for report in reports}
    errors = [f"{report.table}: {report.error}" for report in reports if report.error]
    connection.execute(
        "update fluint_sync.run set ended_at = now(), state = %s, report = %s, error = %s where run_id = %s",
        [state, Jsonb(counts), "\n".join(errors) or None, run_id],
    )
