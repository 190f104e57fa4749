"""What happens to rows that arrived, in one transaction: merged, admitted, their contacts wanted, their pending ids settled.

Every way of reading ends here (fetch, listing, Bulk and REST alike), so that they cannot differ. Nothing here asks Salesforce.
"""

from __future__ import annotations

from datetime import datetime

from psycopg import sql
from psycopg.types.json import Jsonb

from orchestration.postgres.connection import Connection
from orchestration.postgres.copy import Staged, staged
from orchestration.postgres.merge import lock_for_writing
from orchestration.salesforce.pages import Page
from orchestration.sync import ledger, under_way
from orchestration.sync.fields import Readable
from orchestration.sync.leaving import contacts_without_role_leave
from orchestration.sync.objects import CONTACT, OPPORTUNITY, OPPORTUNITY_CONTACT_ROLE
from orchestration.sync.options import Counts
from orchestration.sync.scope import Scope, scope_now


def store_page(connection: Connection, what: Readable, page: Page, *, run_id: str, scope: Scope) -> Counts:
    """Stores the records of a REST answer; `scope` is the one that they were asked with."""
    with staged(connection, what.sobject.raw_table(what.fields)) as rows:
        rows.add_json(page.body, page.records_path)
        return store_rows(connection, what, rows, read_at=page.read_at, run_id=run_id, scope=scope)


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
    left_out = _leave_out_unentitled(connection, rows, scope) if what.sobject is OPPORTUNITY else 0
    former = _former_contacts(connection, rows) if what.sobject is OPPORTUNITY_CONTACT_ROLE else []
    if what.sobject is CONTACT:
        _leave_out_unnamed(connection, rows)
    merged = rows.merge(read_at=read_at, run_id=run_id)
    if what.sobject is OPPORTUNITY:
        _admit(connection, rows, scope, run_id)
    if what.sobject is OPPORTUNITY_CONTACT_ROLE:
        _want_contacts(connection, rows, read_at)
        if former:
            concerned = sql.SQL("select unnest({}::text[])").format(sql.Literal(former))
            contacts_without_role_leave(connection, concerned, read_at=read_at, run_id=run_id)
    ledger.settle_pending(connection, what.sobject.table_name, rows.name, read_at)
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


def _former_contacts(connection: Connection, roles: Staged) -> list[str]:
    """The contacts that held roles name and the arriving ones do not."""
    lock_for_writing(connection, OPPORTUNITY_CONTACT_ROLE.raw_table())
    query = sql.SQL(
        """
        select distinct held.contact_id from raw_salesforce.opportunity_contact_role as held join {} as role on role.id = held.id
        where held._deleted_at is null and held.contact_id <> role.contact_id
        """
    ).format(roles.name)
    return [row[0] for row in connection.execute(query)]


def _leave_out_unnamed(connection: Connection, contacts: Staged) -> None:
    """Takes out contacts whose last role went while they were on the way (R6): nobody would tombstone them again."""
    lock_for_writing(connection, CONTACT.raw_table())
    connection.execute(
        sql.SQL(
            """
            delete from {} as contact
            where not exists (select from raw_salesforce.opportunity_contact_role as role
                              where role.contact_id = contact.id and role._deleted_at is null)
            """
        ).format(contacts.name)
    )


def _want_contacts(connection: Connection, rows: Staged, read_at: datetime) -> None:
    """Makes the contacts that these roles name pending where they are not held (R5)."""
    # Keys of contacts may become pending at the same time, in another order.
    lock_for_writing(connection, CONTACT.raw_table())
    connection.execute(
        sql.SQL(
            """
            insert into fluint_sync.pending (object, id, reason, since)
            select distinct %(table)s, role.contact_id, 'named_by_role', %(since)s::timestamptz
            from {} as role
            where role.contact_id is not null and not coalesce(role.is_deleted, false)
              and not exists (select from raw_salesforce.contact as held
                              where held.id = role.contact_id and coalesce(held._deleted_reason, '') <> 'moved_out_of_scope')
            on conflict (object, id) do nothing
            """
        ).format(rows.name),
        {"table": CONTACT.table_name, "since": ledger.cursor_of(connection, CONTACT.table_name) or read_at},
    )
