"""What happens to rows that arrived, in one transaction: merged, admitted, what they name wanted, their pending ids settled.

Every way of reading ends here (fetch, listing, Bulk and REST alike), so that they cannot differ. Nothing here asks Salesforce.
"""

from __future__ import annotations

from datetime import datetime

from psycopg import sql
from psycopg.types.json import Jsonb

from orchestration.postgres.connection import Connection
from orchestration.postgres.copy import Staged
from orchestration.salesforce.pages import Page
from orchestration.sync import ledger, raw_columns, under_way
from orchestration.sync.fields import Readable
from orchestration.sync.named import leave_out_unnamed, leave_unnamed, named_before, want_named
from orchestration.sync.objects import OPPORTUNITY, named_by
from orchestration.sync.options import Counts
from orchestration.sync.scope import Scope, scope_now
from orchestration.sync.wide import Rest, whole_rows


def store_page(
    connection: Connection, what: Readable, page: Page, rest: Rest, *, run_id: str, scope: Scope
) -> Counts:
    """Stores the records of a REST answer; `rest` is what it has no room for, `scope` the one that they were asked with."""
    with whole_rows(connection, what, page, rest) as (rows, incomplete):
        counts = store_rows(connection, what, rows, read_at=page.read_at, run_id=run_id, scope=scope)
    return counts + Counts(read=incomplete)


def store_rows(
    connection: Connection,
    what: Readable,
    rows: Staged,
    *,
    read_at: datetime,
    run_id: str,
    scope: Scope,
) -> Counts:
    """Stores staged rows and everything that they prove; the caller's transaction holds it together (R14).

    Deals that `scope`, which they were asked with, let in and the scope of now does not are left out and counted.
    """
    sobject = what.sobject
    is_deal = sobject.name == OPPORTUNITY.name
    left_out = _leave_out_unentitled(connection, rows, scope) if is_deal else 0
    former = {other: named_before(connection, other, rows) for other in named_by(sobject)}
    if sobject.named_by:
        leave_out_unnamed(connection, sobject, rows)
    merged = rows.merge(read_at=read_at, run_id=run_id)
    raw_columns.drop_all_but(connection, sobject.table_name, what.columns)
    if is_deal:
        _admit(connection, rows, scope, run_id)
    for other, ids in former.items():
        want_named(connection, other, rows, read_at)
        if ids:
            concerned = sql.SQL("select unnest({}::text[])").format(sql.Literal(ids))
            leave_unnamed(connection, other, concerned, read_at=read_at, run_id=run_id)
    ledger.settle_pending(connection, sobject.table_name, rows.name)
    return Counts(
        merged.read + left_out,
        merged.inserted,
        merged.updated,
        cleaned=rows.cleaned.total,
        left_out=left_out,
    )


def _leave_out_unentitled(connection: Connection, deals: Staged, asked: Scope) -> int:
    """Takes out deals that are not admitted and whose owner lost the licence, or all when the filter changed, on their way (R6).

    Their owners' coverage goes too: should the licence be back before anybody has noticed, it would promise what is not held.
    """
    now = scope_now(connection)
    rows = connection.execute(
        sql.SQL(
            """
            delete from {} as deal
            where (%(filter_changed)s or not deal.owner_id = any (%(owners)s))
              and not exists (select from fluint_sync.admission as a where a.opportunity_id = deal.id)
            returning deal.owner_id
            """
        ).format(deals.name),
        {"filter_changed": now.filters != asked.filters, "owners": list(now.owners)},
    ).fetchall()
    under_way.uncover_owners(connection, sorted({owner for (owner,) in rows}))
    return len(rows)


def _admit(connection: Connection, rows: Staged, scope: Scope, run_id: str) -> None:
    """Writes that these deals are in for good; a deal that was admitted before keeps its first admission."""
    connection.execute(
        sql.SQL(
            """
            insert into fluint_sync.admission (opportunity_id, rule, owner_id, owner_match, run_id)
            select id, 'licensed_owner', owner_id, %(owners)s ->> owner_id, %(run_id)s from {}
            on conflict (opportunity_id) do nothing
            """
        ).format(rows.name),
        {"owners": Jsonb(scope.owners), "run_id": run_id},
    )
