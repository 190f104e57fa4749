"""The raw tables: their description as data, and the additive DDL that brings them up. The catalogue says which.

Raw DDL only ever adds (a table, a column, an index): analysts' views and the entitlement views hang on these.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import psycopg
from psycopg import sql

from orchestration.errors import SetupError, TransientError
from orchestration.postgres.connection import Connection

ColumnType = Literal["text", "boolean", "numeric", "timestamptz", "date"]

SCHEMA = "raw_salesforce"


@dataclass(frozen=True)
class RawColumn:
    """One column, its Postgres type, and its path in a REST record (joined with dots: the Bulk CSV header)."""

    name: str
    type: ColumnType
    path: tuple[str, ...]


@dataclass(frozen=True)
class RawTable:
    """One table of raw_salesforce; each has `id` and, where the object has them, `system_modstamp`, `is_deleted`."""

    name: str
    columns: tuple[RawColumn, ...]


# What the sync knows of a row beside its fields. `_xact_id` is how the models find what changed, `_read_at` is by
# Salesforce's clock, `_synced_at` by ours. A fill factor leaves room to move `_read_at` without touching an index.
_CREATE_TABLE = """
create table {table} (
    {columns},
    _read_at timestamptz not null,
    _synced_at timestamptz not null default now(),
    _run_id text not null,
    _xact_id xid8 not null default pg_current_xact_id(),
    _deleted_at timestamptz,
    _deleted_reason text,
    primary key (id)
) with (fillfactor = 90)
"""
_INDEXED = ("system_modstamp", "created_date", "owner_id", "opportunity_id", "contact_id", "related_to_id")

_COLUMNS = """
select attname, format_type(atttypid, null) from pg_attribute
where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped
"""
_TYPE_NAMES = {"timestamptz": "timestamp with time zone"}


def bring_up(conn: Connection, tables: Sequence[RawTable]) -> list[str]:
    """Adds what is missing of schema, tables, columns and indexes; returns what it added, empty when all was there.

    One caller at a time, in the caller's transaction. Raises SetupError when a column is there with another type.
    """
    conn.execute("select pg_advisory_xact_lock(hashtextextended('fluint raw tables', 0))")
    conn.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(SCHEMA)))
    return [added for table in tables for added in _bring_up(conn, table)]


def columns_held(conn: Connection, table: str) -> dict[str, ColumnType]:
    """The columns of a raw table with their types; empty when there is no such table."""
    name = sql.Identifier(SCHEMA, table).as_string()
    ours = {long: short for short, long in _TYPE_NAMES.items()}
    rows = conn.execute(_COLUMNS, [name]).fetchall()
    return {column: cast("ColumnType", ours.get(type_, type_)) for column, type_ in rows}


def grow(conn: Connection, table: RawTable) -> list[str]:
    """Adds the columns that an existing raw table lacks, in the caller's transaction; returns their names.

    Views on the table go on as they are. It waits for those who read the table, and while it waits nobody else gets at it: so it
    gives up after five seconds (TransientError), and the next run tries again.
    """
    lacking = [column for column in table.columns if column.name not in columns_held(conn, table.name)]
    if not lacking:
        return []
    conn.execute("set local lock_timeout = '5s'")
    name = sql.Identifier(SCHEMA, table.name)
    try:
        for column in lacking:
            conn.execute(
                sql.SQL("alter table {} add column if not exists {}").format(name, _definition(column))
            )
    except psycopg.errors.LockNotAvailable:
        raise TransientError(
            f"{SCHEMA}.{table.name} is to get the columns {', '.join(column.name for column in lacking)} and is in use. Nothing was"
            " changed; the next run tries again. If it stays, whoever administers the database ends the query that reads it."
        ) from None
    return [column.name for column in lacking]


def _bring_up(conn: Connection, table: RawTable) -> Iterator[str]:
    name = sql.Identifier(SCHEMA, table.name)
    held: dict[str, str] = dict(conn.execute(_COLUMNS, [name.as_string()]).fetchall())
    if not held:
        definitions = sql.SQL(",\n    ").join(map(_definition, table.columns))
        conn.execute(sql.SQL(_CREATE_TABLE).format(table=name, columns=definitions))
        yield f"table {SCHEMA}.{table.name}"
    else:
        for column in table.columns:
            if column.name not in held:
                conn.execute(sql.SQL("alter table {} add column {}").format(name, _definition(column)))
                yield f"column {SCHEMA}.{table.name}.{column.name}"
            elif held[column.name] != _TYPE_NAMES.get(column.type, column.type):
                raise SetupError(
                    f"{SCHEMA}.{table.name}.{column.name} holds {held[column.name]}, the catalogue says {column.type}. Nothing"
                    " was changed. A column is never altered in place, because views hang on it: whoever changed the catalogue"
                    " gives the field a column of another name there."
                )
    yield from _bring_up_indexes(conn, table)


def _bring_up_indexes(conn: Connection, table: RawTable) -> Iterator[str]:
    names = {column.name for column in table.columns}
    for column in (*(name for name in _INDEXED if name in names), "_xact_id"):
        index = f"{table.name}_{column}_idx"
        # `create index if not exists` would lock the table against writers before it looks.
        found = conn.execute("select to_regclass(%s)", [sql.Identifier(SCHEMA, index).as_string()]).fetchone()
        if found == (None,):
            conn.execute(
                sql.SQL("create index {} on {} ({})").format(
                    sql.Identifier(index), sql.Identifier(SCHEMA, table.name), sql.Identifier(column)
                )
            )
            yield f"index {SCHEMA}.{index}"


def _definition(column: RawColumn) -> sql.Composed:
    return sql.SQL("{} {}").format(sql.Identifier(column.name), sql.SQL(column.type))
