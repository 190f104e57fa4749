"""The merge of a read of some columns alone into rows that are held (R3): where the stamp is the held one, and nothing besides.

Whole rows are merge.py's. A row that is not held is not made here, and stamp and time of reading stay as they are.
"""

from __future__ import annotations

from datetime import datetime

from psycopg import sql

from orchestration.errors import BugError
from orchestration.postgres.connection import Connection
from orchestration.postgres.erased import keep_out
from orchestration.postgres.merge import lock_for_writing
from orchestration.postgres.raw_tables import SCHEMA, RawTable

# A row that was read later than this read, under the same stamp, has the newer value: stamps are whole seconds.
_MERGE = """
update {raw} as held set {assignments}, _synced_at = now(), _xact_id = pg_current_xact_id()
from (select distinct on (id) * from {staged} order by id, system_modstamp desc, ctid desc) as arrived
where held.id = arrived.id and held.system_modstamp = arrived.system_modstamp and held._deleted_at is null
  and held._read_at <= %(read_at)s and row({held_columns}) is distinct from row({arrived_columns})
"""


def merge_columns(conn: Connection, staging: sql.Identifier, table: RawTable, *, read_at: datetime) -> int:
    """Writes the columns of `table` but id and stamp from `staging`, read at `read_at` (aware); returns how many rows differed."""
    if read_at.tzinfo is None:
        raise BugError(f"Columns of {table.name} came with a time of reading that has no time zone.")
    lock_for_writing(conn, table)
    keep_out(conn, staging, table)  # R12: what was erased comes back by no column either
    columns = [
        sql.Identifier(column.name)
        for column in table.columns
        if column.name not in ("id", "system_modstamp")
    ]
    comma = sql.SQL(", ")
    statement = sql.SQL(_MERGE).format(
        raw=sql.Identifier(SCHEMA, table.name),
        staged=staging,
        assignments=comma.join(sql.SQL("{0} = arrived.{0}").format(column) for column in columns),
        held_columns=comma.join(sql.SQL("held.{}").format(column) for column in columns),
        arrived_columns=comma.join(sql.SQL("arrived.{}").format(column) for column in columns),
    )
    return conn.execute(statement, {"read_at": read_at}).rowcount
