"""The one merge statement from a staging table into its raw table, for CSV and JSON alike (R3).

Which version of a row wins is decided here and nowhere else; which rows are staged is the sync's decision.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from psycopg import sql

from orchestration.errors import BugError
from orchestration.postgres.connection import Connection
from orchestration.postgres.erased import keep_out, lock_writers
from orchestration.postgres.raw_tables import SCHEMA, RawTable

SOFT_DELETED = "soft_deleted"

# The tombstone that the row shall carry. A row read as live lifts it, unless what set it was seen later than this read. That a row
# is out of scope is no fact of Salesforce's: whoever brings the row has found it in scope in this transaction.
_TOMBSTONE = """
case when excluded._deleted_at is not null then coalesce(held.{0}, excluded.{0})
     when held._deleted_at > excluded._read_at and held._deleted_reason <> 'moved_out_of_scope' then held.{0} end"""

_MERGE = """
with newest as (
    select distinct on (id) * from {staged} order by id, system_modstamp desc, ctid desc
), written as (
    insert into {raw} as held ({columns}, _read_at, _run_id, _deleted_at, _deleted_reason)
    select {columns}, %(read_at)s, %(run_id)s,
           case when {is_deleted} then %(read_at)s::timestamptz end, case when {is_deleted} then %(soft_deleted)s end
    from newest
    order by id
    on conflict (id) do update set
        {assignments}, _read_at = excluded._read_at, _run_id = excluded._run_id, _synced_at = now(),
        _xact_id = pg_current_xact_id(), _deleted_at = {deleted_at}, _deleted_reason = {deleted_reason}
    where ((excluded.system_modstamp, excluded._read_at) >= (held.system_modstamp, held._read_at)
           or (held._deleted_reason = 'moved_out_of_scope' and excluded.system_modstamp >= held.system_modstamp))
      and (row({held_columns}, held._deleted_at) is distinct from row({excluded_columns}, {deleted_at}))
    returning xmax = 0 as is_new  -- a row that the conflict branch wrote carries the lock of this transaction in xmax
)
select (select count(*) from {staged}),
       count(*) filter (where is_new),
       count(*) filter (where not is_new),
       (select count(*) from newest) - count(*)
from written
"""

# A row that was read within 20 minutes of its stamp may change again under the same stamp, so R1 asks for it until a read
# is later than that. Such a read of the same values moves only `_read_at`: for the models nothing has changed.
_SETTLE = """
update {raw} held set _read_at = %(read_at)s
from {staged} staged
where held.id = staged.id and held.system_modstamp = staged.system_modstamp
  and held._read_at < %(read_at)s and held._read_at < held.system_modstamp + interval '20 minutes'
"""


@dataclass(frozen=True)
class Merged:
    """What a merge did: rows staged, inserted, updated, left as they were (identical, or held newer), and kept out as erased."""

    read: int
    inserted: int
    updated: int
    unchanged: int
    erased: int = 0


def lock_for_writing(conn: Connection, table: RawTable) -> None:
    """Waits for every other writer of the raw table, and keeps it for us until the transaction ends.

    Whoever writes many rows of a raw table takes it first: two such writers would deadlock over rows that they share.
    """
    lock_writers(conn, table.name)


def merge(
    conn: Connection, staging: sql.Identifier, table: RawTable, *, read_at: datetime, run_id: str
) -> Merged:
    """Merges the table `staging` into `table` as of `read_at` (aware): the newer `(system_modstamp, _read_at)` wins, ties too.

    What was erased is taken out of `staging` first, with the lock held that erasing takes, so that none slips in between (R12).
    """
    if read_at.tzinfo is None:
        raise BugError(f"The rows of {table.name} came with a time of reading that has no time zone.")
    lock_for_writing(conn, table)
    erased = keep_out(conn, staging, table)
    parameters = {"read_at": read_at, "run_id": run_id, "soft_deleted": SOFT_DELETED}
    [counts] = conn.execute(_statement(staging, table), parameters).fetchall()
    raw = sql.Identifier(SCHEMA, table.name)
    conn.execute(sql.SQL(_SETTLE).format(raw=raw, staged=staging), parameters)
    read, inserted, updated, unchanged = counts
    return Merged(read + erased, inserted, updated, unchanged, erased)


def _statement(staging: sql.Identifier, table: RawTable) -> sql.Composed:
    columns = [sql.Identifier(column.name) for column in table.columns]
    others = [column for column in columns if column != sql.Identifier("id")]
    has_is_deleted = any(column.name == "is_deleted" for column in table.columns)
    comma = sql.SQL(", ")
    return sql.SQL(_MERGE).format(
        staged=staging,
        raw=sql.Identifier(SCHEMA, table.name),
        columns=comma.join(columns),
        is_deleted=sql.SQL("is_deleted" if has_is_deleted else "false"),
        assignments=comma.join(sql.SQL("{0} = excluded.{0}").format(column) for column in others),
        held_columns=comma.join(sql.SQL("held.{}").format(column) for column in columns),
        excluded_columns=comma.join(sql.SQL("excluded.{}").format(column) for column in columns),
        deleted_at=sql.SQL(_TOMBSTONE).format(sql.Identifier("_deleted_at")),
        deleted_reason=sql.SQL(_TOMBSTONE).format(sql.Identifier("_deleted_reason")),
    )
