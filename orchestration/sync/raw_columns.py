"""The ledger of our columns in SQL: which are read, whether every held row's value was, and how far a reading of one alone has come.

Coverage of a column (R4) means that of every held row the value was read with the row's stamp. Whoever stores whole rows without a
column ends its coverage in that transaction, and a reading of it that is under way with it: both hold the raw table's lock. Every
function works inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import sql

from orchestration.postgres.connection import Connection
from orchestration.postgres.merge import lock_for_writing
from orchestration.postgres.raw_tables import RawTable
from orchestration.sync.objects import Field, Need, SObject
from orchestration.sync.wanted import Column

NO_LONGER_WANTED = "not_wanted"

# A row that a later describe finds to be the same is left alone: this runs hourly for every object.
_KEEP = """
    insert into fluint_sync.raw_column as held
        (object, column_name, field, type, need, is_unstamped, is_read, cause, not_read_since, mart_column, is_exposed)
    values (%(table)s, %(name)s, %(path)s, %(type)s, %(need)s, %(is_unstamped)s, %(is_read)s, %(cause)s,
            case when not %(is_read)s then now() end, %(mart)s, %(mart)s::text is not null)
    on conflict (object, column_name) do update
    set field = excluded.field, type = excluded.type, need = excluded.need, is_unstamped = excluded.is_unstamped,
        is_read = excluded.is_read, cause = excluded.cause, is_exposed = excluded.is_exposed,
        mart_column = coalesce(excluded.mart_column, held.mart_column),
        not_read_since = case when not excluded.is_read then coalesce(held.not_read_since, now()) end,
        covered_at = case when excluded.is_read then held.covered_at end
    where (held.field, held.type, held.need, held.is_unstamped, held.is_read, held.cause, held.is_exposed)
          is distinct from (excluded.field, excluded.type, excluded.need, excluded.is_unstamped, excluded.is_read,
                            excluded.cause, excluded.is_exposed)
       or excluded.mart_column <> coalesce(held.mart_column, '')
"""


@dataclass(frozen=True)
class Reading:
    """A reading of columns alone: the fields, the id that it has come to (ids ascend), and what identifies it."""

    fields: tuple[Field, ...]
    through: str | None
    run_id: str
    began_at: datetime

    @property
    def names(self) -> list[str]:
        """The columns."""
        return [field.column for field in self.fields]


def keep(connection: Connection, table: str, columns: Sequence[Column]) -> None:
    """Writes how each column stands; one that is not read loses its coverage, one that nobody wants any more is kept and marked.

    Where a mart's columns are other ones than before, all marks of the models go: the next build compares every row.
    """
    before = _exposed(connection, table)
    connection.cursor().executemany(
        _KEEP,
        [
            {
                "table": table,
                "name": each.name,
                "path": each.path,
                "type": each.type,
                "need": each.need.value,
                "is_unstamped": each.is_unstamped,
                "is_read": each.cause is None,
                "cause": each.cause,
                "mart": each.mart_column,
            }
            for each in columns
        ],
    )
    connection.execute(
        """
        update fluint_sync.raw_column
        set is_read = false, cause = %s, is_exposed = false, not_read_since = coalesce(not_read_since, now()), covered_at = null
        where object = %s and not column_name = any (%s) and (is_read or cause <> %s)
        """,
        [NO_LONGER_WANTED, table, [each.name for each in columns], NO_LONGER_WANTED],
    )
    if _exposed(connection, table) != before:
        connection.execute("delete from fluint_sync.modelled")


def _exposed(connection: Connection, table: str) -> list[tuple[str, ...]]:
    return connection.execute(
        "select mart_column, column_name, type from fluint_sync.raw_column where object = %s and is_exposed order by 1, 2",
        [table],
    ).fetchall()


def readable_fields(connection: Connection, table: str) -> dict[str, Field]:
    """Column → the field that fills it, of those that the org shows."""
    rows = connection.execute(
        "select field, type, need, column_name from fluint_sync.raw_column where object = %s and is_read",
        [table],
    )
    return {name: Field(path, type_, Need(need), name) for path, type_, need, name in rows}


def not_read(connection: Connection, table: str) -> list[tuple[str, Need]]:
    """The wanted fields that the org does not show: path and need."""
    rows = connection.execute(
        """
        select field, need from fluint_sync.raw_column
        where object = %s and not is_read and cause not in ('retyped', %s) order by field
        """,
        [table, NO_LONGER_WANTED],
    )
    return [(path, Need(need)) for path, need in rows]


def cover_if_empty(connection: Connection, table: RawTable) -> None:
    """Covers every column of a table without a row: of nothing, every value is held."""
    lacking = connection.execute(
        "select from fluint_sync.raw_column where object = %s and is_read and covered_at is null limit 1",
        [table.name],
    ).fetchone()
    if lacking is None:
        return
    lock_for_writing(connection, table)
    connection.execute(
        sql.SQL(
            """
            update fluint_sync.raw_column set covered_at = now(), began_at = null, through_id = null, begun_by = null
            where object = %s and is_read and covered_at is null and not exists (select from {})
            """
        ).format(sql.Identifier("raw_salesforce", table.name)),
        [table.name],
    )


def drop_all_but(connection: Connection, table: str, read: Collection[str]) -> None:
    """Ends the coverage of columns that rows were stored without, and readings of them that are under way.

    Called after the merge of those rows: its lock makes a reading that begins later see them.
    """
    connection.execute(
        """
        update fluint_sync.raw_column set covered_at = null, began_at = null, through_id = null, begun_by = null
        where object = %s and not column_name = any (%s) and (covered_at is not null or began_at is not null)
        """,
        [table, list(read)],
    )


def begin_missing(connection: Connection, sobject: SObject, run_id: str) -> list[Reading]:
    """Begins to read what is not covered, or goes on where a run that ended early stopped."""
    lock_for_writing(connection, sobject.raw_table())
    rows = connection.execute(
        """
        update fluint_sync.raw_column set began_at = now(), begun_by = %s
        where object = %s and is_read and covered_at is null
        returning through_id, field, type, need, column_name, began_at
        """,
        [run_id, sobject.table_name],
    ).fetchall()
    return _readings(rows, run_id)


def begin_unstamped(connection: Connection, sobject: SObject, run_id: str) -> list[Reading]:
    """Begins to read again, from the first row on, the covered columns whose values change without a stamp (R11)."""
    lock_for_writing(connection, sobject.raw_table())
    rows = connection.execute(
        """
        update fluint_sync.raw_column set began_at = now(), begun_by = %s, through_id = null
        where object = %s and is_read and is_unstamped and covered_at is not null
        returning through_id, field, type, need, column_name, began_at
        """,
        [run_id, sobject.table_name],
    ).fetchall()
    return _readings(rows, run_id)


def _readings(rows: Sequence[tuple[object, ...]], run_id: str) -> list[Reading]:
    by_place: dict[tuple[str | None, datetime], list[Field]] = {}
    for through, path, type_, need, name, began in sorted(rows, key=repr):
        key = (through, began)
        by_place.setdefault(key, []).append(Field(path, type_, Need(need), name))  # type: ignore[arg-type]
    return [Reading(tuple(fields), through, run_id, began) for (through, began), fields in by_place.items()]


def came_to(connection: Connection, table: str, reading: Reading, last_id: str) -> None:
    """Notes up to which id the columns were read, for whoever goes on after a kill."""
    connection.execute(
        """
        update fluint_sync.raw_column set through_id = %(last_id)s
        where object = %(table)s and column_name = any (%(names)s) and begun_by = %(run_id)s and began_at = %(began_at)s
        """,
        _identity(table, reading) | {"last_id": last_id},
    )


def end(connection: Connection, table: str, reading: Reading) -> bool:
    """Covers the columns; False when one of them lost its coverage meanwhile, or another run began to read it."""
    ended = connection.execute(
        """
        update fluint_sync.raw_column set covered_at = now(), began_at = null, through_id = null, begun_by = null
        where object = %(table)s and column_name = any (%(names)s) and begun_by = %(run_id)s and began_at = %(began_at)s
        """,
        _identity(table, reading),
    )
    return ended.rowcount == len(reading.fields)


def _identity(table: str, reading: Reading) -> dict[str, object]:
    return {
        "table": table,
        "names": reading.names,
        "run_id": reading.run_id,
        "began_at": reading.began_at,
    }


def count_missing(connection: Connection, tables: Collection[str]) -> int:
    """How many readable columns of these tables lack the value of some row."""
    row = connection.execute(
        """
        select count(*) from fluint_sync.raw_column
        where object = any (%s) and is_read and covered_at is null
          and object not in (select object from fluint_sync.unavailable_object)
        """,
        [list(tables)],
    ).fetchone()
    return int(row[0]) if row else 0
