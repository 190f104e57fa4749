"""Makes Postgres' planner forget what it remembers of columns whose rows are gone: ANALYZE keeps some of the values that it met.

What it remembers is found by prove.py; here it is only made to look again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress

import psycopg
from psycopg import sql

from orchestration.postgres.connection import Connection

# The version of Postgres, as libpq has it, from which on statistics can be cleared.
CLEARS = 180_000

Column = tuple[str, str, str]
"""Schema, table and column."""


def look_again(connection: Connection, tables: Iterable[tuple[str, str]]) -> None:
    """Takes what is remembered of these tables from their rows anew; of a table without rows that changes nothing."""
    for schema, table in sorted(set(tables)):
        connection.execute(sql.SQL("analyze {}").format(sql.Identifier(schema, table)))


def forget(connection: Connection, columns: Sequence[Column]) -> None:
    """Makes the planner forget columns of tables without rows; what cannot be had is left, for a search finds it.

    Postgres 18 can be told. Before, it is shown one row of nobody, which is taken away again in the same transaction.
    """
    if connection.info.server_version >= CLEARS:
        for schema, table, column in columns:
            connection.execute("select pg_clear_attribute_stats(%s, %s, %s, false)", [schema, table, column])
        return
    for schema, table in sorted({(schema, table) for schema, table, _ in columns}):
        name = sql.Identifier(schema, table)
        # Only where a constraint of somebody else's refuses such a row.
        with suppress(psycopg.IntegrityError, psycopg.DataError), connection.transaction():
            is_empty = connection.execute(
                sql.SQL("select not exists (select from {})").format(name)
            ).fetchone()
            if is_empty == (True,):
                connection.execute(_row_of_nobody(connection, schema, table))
                connection.execute(sql.SQL("analyze {}").format(name))
                connection.execute(sql.SQL("delete from {}").format(name))


# What a column takes that must have a value: the first that its own check names, or the emptiest of its type.
_MUST_HAVE = """
select attname::text, format_type(atttypid, atttypmod),
       coalesce((select substring(pg_get_constraintdef(oid) from '''([^'']*)''') from pg_constraint
                 where conrelid = attrelid and contype = 'c' and conkey = array[attnum]
                   and pg_get_constraintdef(oid) ~ '''' limit 1),
                case when atttypid = 'uuid'::regtype then '00000000-0000-0000-0000-000000000000'
                     when atttypid = 'jsonb'::regtype then '{}' when typcategory = 'A' then '{}'
                     when typcategory = 'B' then 'false' when typcategory = 'D' then 'epoch'
                     when typcategory = 'N' or atttypid = 'xid8'::regtype then '0' else '' end)
from pg_attribute join pg_type as type on type.oid = atttypid
where attrelid = %s::regclass and attnum > 0 and not attisdropped and attnotnull
  and not atthasdef and attidentity = ''
"""


def _row_of_nobody(connection: Connection, schema: str, table: str) -> sql.Composed:
    name = sql.Identifier(schema, table)
    columns = connection.execute(_MUST_HAVE, [name.as_string(connection)]).fetchall()
    if not columns:
        return sql.SQL("insert into {} default values").format(name)
    comma = sql.SQL(", ")
    return sql.SQL("insert into {} ({}) values ({})").format(
        name,
        comma.join(sql.Identifier(column) for column, _, _ in columns),
        comma.join(
            sql.SQL("{}::{}").format(sql.Literal(value), sql.SQL(type_)) for _, type_, value in columns
        ),
    )
