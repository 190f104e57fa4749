"""Rows that are here because other rows name them: contacts by roles, accounts by deals (`SObject.named_by`).

They come with the first live row that names them and leave with the last one (R8, `moved_out_of_scope`); a row that is merely hidden
goes on naming, as it goes on standing in the marts. Every function works in the
transaction in which that row arrives, changes or goes. What leaves by a key of its own (a mail) is keys.py's.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from psycopg import sql

from orchestration.errors import BugError
from orchestration.postgres.connection import Connection
from orchestration.postgres.copy import Staged
from orchestration.postgres.merge import lock_for_writing
from orchestration.sync import ledger, under_way
from orchestration.sync.objects import NamedBy, SObject


def _naming(sobject: SObject) -> NamedBy:
    if sobject.named_by is None:
        raise BugError(f"{sobject.name} is not among the objects whose rows others name.")
    return sobject.named_by


def _names(sobject: SObject, **more: sql.Composable) -> dict[str, sql.Composable]:
    """What the statements below are filled with."""
    by = _naming(sobject)
    return {
        "raw": sql.Identifier("raw_salesforce", sobject.table_name),
        "table": sql.Literal(sobject.table_name),
        "namer": sql.Identifier("raw_salesforce", by.sobject.table_name),
        "namer_table": sql.Literal(by.sobject.table_name),
        "column": sql.Identifier(by.column),
        **more,
    }


def still_names(alias: str) -> sql.Composed:
    """SQL that is true where a row names what it names: it is live, or hidden, which is no proof that it is gone."""
    statement = "({0}._deleted_at is null or {0}._deleted_reason = 'not_visible')"
    return sql.SQL(statement).format(sql.Identifier(alias))


def is_named(sobject: SObject, record_id: sql.Composable) -> sql.Composed:
    """SQL that is true where a row that counts names this id."""
    statement = "exists (select from {namer} as namer where namer.{column} = {id} and {still})"
    return sql.SQL(statement).format(**_names(sobject, id=record_id, still=still_names("namer")))


def named_now(connection: Connection, sobject: SObject, ids: Sequence[str]) -> list[str]:
    """Those of these ids that a live row names, in order: the others are none of our business (any more)."""
    rows = connection.execute(
        sql.SQL("select wanted.id from unnest(%s::text[]) as wanted (id) where {}").format(
            is_named(sobject, sql.SQL("wanted.id"))
        ),
        [list(ids)],
    )
    return [row[0] for row in rows]


_LEAVE = """
    update {raw} as held
    set _deleted_at = {read_at}, _deleted_reason = 'moved_out_of_scope', _synced_at = now(), _run_id = {run_id},
        _xact_id = pg_current_xact_id()
    where held.id in ({concerned}) and held._deleted_at is null and not {is_named}
"""


def leave_unnamed(
    connection: Connection, sobject: SObject, concerned: sql.Composable, *, read_at: datetime, run_id: str
) -> int:
    """Tombstones those of the `concerned` rows (a query of ids) that no live row names; returns how many."""
    lock_for_writing(connection, sobject.raw_table())
    names = _names(
        sobject,
        concerned=concerned,
        read_at=sql.Literal(read_at),
        run_id=sql.Literal(run_id),
        is_named=is_named(sobject, sql.SQL("held.id")),
    )
    return connection.execute(sql.SQL(_LEAVE).format(**names)).rowcount


def named_by_gone(sobject: SObject, keys: sql.Composable) -> sql.Composed:
    """A query of what was named by rows that are gone, among those whose keys are staged."""
    statement = "select held.{column} from {keys} as k join {namer} as held on held.id = k.id where held._deleted_at is not null"
    return sql.SQL(statement).format(**_names(sobject, keys=keys))


def named_before(connection: Connection, sobject: SObject, rows: Staged) -> list[str]:
    """What held rows name and the arriving ones (of the naming object) do not."""
    lock_for_writing(connection, _naming(sobject).sobject.raw_table())
    query = """
        select distinct held.{column} from {namer} as held join {rows} as came on came.id = held.id
        where {still} and held.{column} is not null and held.{column} is distinct from came.{column}
    """
    names = _names(sobject, rows=rows.name, still=still_names("held"))
    return [row[0] for row in connection.execute(sql.SQL(query).format(**names))]


def leave_out_unnamed(connection: Connection, sobject: SObject, rows: Staged) -> None:
    """Takes out rows whose last naming row went while they were on the way (R6): nobody would tombstone them again."""
    # The naming table first, as everybody takes them: a contact that turns out to be an erased person takes its roles along.
    lock_for_writing(connection, _naming(sobject).sobject.raw_table())
    lock_for_writing(connection, sobject.raw_table())
    unnamed = is_named(sobject, sql.SQL("came.id"))
    connection.execute(sql.SQL("delete from {} as came where not {}").format(rows.name, unnamed))


_WANT = """
    insert into fluint_sync.pending (object, id, reason, since)
    select distinct {table}, came.{column}, {reason}, {since}::timestamptz
    from {rows} as came
    where came.{column} is not null and {is_live}
      and not exists (select from {raw} as held
                      where held.id = came.{column} and coalesce(held._deleted_reason, '') <> 'moved_out_of_scope')
    on conflict (object, id) do nothing
"""


def want_named(connection: Connection, sobject: SObject, rows: Staged, read_at: datetime) -> None:
    """Makes what these arriving rows name pending where it is not held (R5)."""
    since = ledger.cursor_of(connection, sobject.table_name) or read_at
    is_live = sql.SQL("not coalesce(came.is_deleted, false)")
    _want(connection, sobject, rows.name, is_live, since)


def want_all_named(connection: Connection, sobject: SObject, since: datetime) -> None:
    """Makes everything pending that held rows name and that is not held: for an object that was not read until `since`."""
    held = sql.Identifier("raw_salesforce", _naming(sobject).sobject.table_name)
    _want(connection, sobject, held, still_names("came"), since)


def _want(
    connection: Connection, sobject: SObject, rows: sql.Composable, is_live: sql.Composable, since: datetime
) -> None:
    # Keys of the same object may become pending at the same time, in another order.
    lock_for_writing(connection, sobject.raw_table())
    reason = sql.Literal(f"named_by_{_naming(sobject).sobject.table_name}")
    names = _names(sobject, rows=rows, is_live=is_live, reason=reason, since=sql.Literal(since))
    connection.execute(sql.SQL(_WANT).format(**names))


# Rows that name what was deleted, undeleted or merged move without a stamp of their own (R8): they are taken along, or re-parented.
# What was never held, because it went before it was fetched, may come back as well, and with it a row that was held; or a live row
# names it still that a merge gave to the winner.
_FLIPPED = """
    from {keys} as k
    left join {raw} as held on held.id = k.id
    join {namer} as namer on namer.{column} = k.id
    where (k.is_deleted and held._deleted_at = {read_at})
       or (not k.is_deleted and held._deleted_at is not null and held._deleted_reason <> 'moved_out_of_scope')
       or (not k.is_deleted and held.id is null and namer._deleted_at is not null)
       or (k.is_deleted and {is_merged} and namer._deleted_at is null
           and (held.id is null or held._deleted_reason = 'not_visible'))
"""
_DEALS_OF_FLIPPED = "select {namer_table}, namer.{parent} " + _FLIPPED
_WANT_FLIPPED = (
    """
    insert into fluint_sync.pending (object, id, parent_id, reason, since)
    select distinct {namer_table}, namer.id, namer.owner_id, {reason}, {since}::timestamptz
    """
    + _FLIPPED
    + "on conflict (object, id) do nothing"
)


def reread_naming(
    connection: Connection, sobject: SObject, keys: sql.Composable, *, read_at: datetime, since: datetime
) -> None:
    """Has the rows read again that name what the staged keys show as deleted, back or merged: children with their deal, or deals."""
    by = _naming(sobject)
    is_merged = sql.SQL("k.master_record_id is not null" if sobject.can_be_merged else "false")
    names = _names(
        sobject, keys=keys, read_at=sql.Literal(read_at), since=sql.Literal(since), is_merged=is_merged
    )
    if by.sobject.parent_column:
        parent = sql.Identifier(by.sobject.parent_column)
        under_way.uncover_deals(connection, sql.SQL(_DEALS_OF_FLIPPED).format(parent=parent, **names))
    else:
        reason = sql.Literal(f"{sobject.table_name}_changed")
        connection.execute(sql.SQL(_WANT_FLIPPED).format(reason=reason, **names))
