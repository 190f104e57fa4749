"""Contacts that leave: held because a live role named them, and no live role names them any more (R8, `moved_out_of_scope`).

Called in the transaction that takes the last role away, or finds that it is gone. Mails that leave are keys.py's: their own key says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from psycopg import sql

from orchestration.postgres.connection import Connection
from orchestration.postgres.merge import lock_for_writing
from orchestration.sync.objects import CONTACT

_LEAVE = """
    update raw_salesforce.contact as held
    set _deleted_at = {read_at}, _deleted_reason = 'moved_out_of_scope', _synced_at = now(), _run_id = {run_id},
        _xact_id = pg_current_xact_id()
    where held.id in ({concerned}) and held._deleted_at is null
      and not exists (select from raw_salesforce.opportunity_contact_role as role
                      where role.contact_id = held.id and role._deleted_at is null)
"""


def named_by_live_roles(connection: Connection, contacts: Sequence[str]) -> list[str]:
    """Those of these contacts that a live role names, in order: the others are none of our business (any more)."""
    rows = connection.execute(
        """
        select wanted.id from unnest(%s::text[]) as wanted (id)
        where exists (select from raw_salesforce.opportunity_contact_role as role
                      where role.contact_id = wanted.id and role._deleted_at is null)
        """,
        [list(contacts)],
    )
    return [row[0] for row in rows]


def contacts_without_role_leave(
    connection: Connection, concerned: sql.Composable, *, read_at: datetime, run_id: str
) -> int:
    """Tombstones those of the `concerned` contacts (a query of ids) that no live role names; returns how many."""
    lock_for_writing(connection, CONTACT.raw_table())
    statement = sql.SQL(_LEAVE).format(
        concerned=concerned, read_at=sql.Literal(read_at), run_id=sql.Literal(run_id)
    )
    return connection.execute(statement).rowcount
