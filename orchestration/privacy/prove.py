"""The proof: a query over every column of a database in which a text can stand, for what should be nowhere any more.

Written apart from what erases (plan.py, postgres/scrub.py decide by names of columns; this looks at all of them), so that the one
finds what the other forgot. Looks only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from psycopg import sql

from orchestration.postgres.connection import Connection
from orchestration.postgres.scrub import likes, pattern
from orchestration.privacy.subject import Subject

# Types that hold no text: numbers, booleans, times, geometry, networks, ranges, and our hashes and transaction ids.
_NO_TEXT = "NBDTGIRZ"
_REMEMBERED = " (statistics)"


@dataclass(frozen=True)
class Found:
    """Rows of one column in which something still stands: an address, a record's id, or (which proves nothing) a full name."""

    schema: str
    table: str
    column: str
    what: Literal["address", "id", "name"]
    rows: int

    @property
    def remembered_of(self) -> str | None:
        """The column, where only Postgres' planner remembers it: its rows may be gone long ago."""
        return self.column.removesuffix(_REMEMBERED) if self.column.endswith(_REMEMBERED) else None

    def __str__(self) -> str:
        return f"{self.schema}.{self.table}.{self.column}"


@dataclass(frozen=True)
class Proof:
    """What was found, how many columns were looked into, and the tables that this user may not read."""

    found: tuple[Found, ...]
    columns: int
    unreadable: tuple[str, ...]


def search(connection: Connection, subject: Subject) -> Proof:
    """Looks into every text of the database, what Postgres remembers for its planner included."""
    found: list[Found] = []
    unreadable: list[str] = []
    looked_into = 0
    for schema, table, may_read, columns in _texts(connection):
        if not may_read:
            unreadable.append(f"{schema}.{table}")
            continue
        looked_into += len(columns)
        found += _in_table(connection, subject, schema, table, columns)
    found += in_statistics(connection, subject)
    return Proof(tuple(found), looked_into, tuple(unreadable))


def _texts(connection: Connection) -> Iterator[tuple[str, str, bool, list[tuple[str, str]]]]:
    """(schema, table, whether we may read it, columns with their kind: text, bytes, or something that holds texts).

    Our ledger's texts count as holding others: its errors name records. A mail may name any record in a link, which is no trace.
    """
    rows = connection.execute(
        """
        select space.nspname, class.relname, has_table_privilege(class.oid, 'select'),
               array_agg(attname::text order by attnum),
               array_agg(case when base.typcategory = 'S' and space.nspname <> 'fluint_sync'
                                   and not starts_with(class.relname, 'fluint_sync__') then 'text'
                              when atttypid = 'bytea'::regtype then 'bytes'
                              else 'other' end order by attnum)
        from pg_class as class
        join pg_namespace as space on space.oid = class.relnamespace
        join pg_attribute as attribute on attribute.attrelid = class.oid and attnum > 0 and not attisdropped
        join pg_type as base on base.oid = atttypid
        where class.relkind in ('r', 'm') and class.relpersistence <> 't'
          and space.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
          and position(base.typcategory in %(no_text)s) = 0
          and not (space.nspname = 'fluint_sync' and class.relname in ('erased', 'erasure_key'))
          and atttypid not in ('xid8'::regtype, 'uuid'::regtype)
        group by class.oid, 1, 2 order by 1, 2
        """,
        {"no_text": _NO_TEXT},
    ).fetchall()
    for schema, table, may_read, names, kinds in rows:
        yield schema, table, may_read, list(zip(names, kinds, strict=True))


def _in_table(
    connection: Connection, subject: Subject, schema: str, table: str, columns: list[tuple[str, str]]
) -> Iterator[Found]:
    """One reading of the table for all its columns."""
    asked = [
        (name, what, condition)
        for name, kind in columns
        for what, condition in _conditions(subject, sql.Identifier(name), kind)
    ]
    if not asked:
        return
    counts = sql.SQL(", ").join(sql.SQL("count(*) filter (where {})").format(c) for _, _, c in asked)
    row = connection.execute(
        sql.SQL("select {} from {}").format(counts, sql.Identifier(schema, table))
    ).fetchone()
    for (name, what, _), rows in zip(asked, row or (), strict=True):
        if rows:
            yield Found(schema, table, name, what, rows)


def _conditions(
    subject: Subject, name: sql.Identifier, kind: str
) -> Iterator[tuple[Literal["address", "id", "name"], sql.Composed]]:
    text = sql.SQL("encode({}, 'escape')" if kind == "bytes" else "{}::text").format(name)
    if subject.addresses:
        yield "address", _names_address(text, subject)
    # Users keep their ids, which own deals. Ids of people are written with 15 characters or 18.
    ids = sorted(record[:15] for record in subject.contacts | subject.opportunities)
    if ids and kind == "text":
        yield (
            "id",
            sql.SQL("length({0}) in (15, 18) and left({0}, 15) = any ({1}::text[])").format(
                text, sql.Literal(ids)
            ),
        )
    elif ids:
        some = f"(?:{'|'.join(ids)})([A-Z0-5]{{3}})?"
        yield "id", sql.SQL("{} ~ {}").format(text, sql.Literal(f"(?<![[:alnum:]]){some}(?![[:alnum:]])"))
    if subject.names:
        written = [
            f"%{name.replace(chr(92), '').replace('%', '').replace('_', '')}%" for name in subject.names
        ]
        yield "name", sql.SQL("lower({}) like any ({}::text[])").format(text, sql.Literal(sorted(written)))


def _names_address(text: sql.Composable, subject: Subject) -> sql.Composed:
    return sql.SQL("lower({0}) like any ({1}::text[]) and {0} ~* {2}").format(
        text, sql.Literal(likes(subject.addresses)), sql.Literal(pattern(subject.addresses))
    )


def in_statistics(connection: Connection, subject: Subject) -> Iterator[Found]:
    """ANALYZE keeps the commonest values of a column, and some that part it: an address stands there after its row is gone."""
    kept = sql.SQL("concat_ws(' ', most_common_vals::text, histogram_bounds::text, most_common_elems::text)")
    ids = sorted(record[:15] for record in subject.contacts | subject.opportunities)
    tests: list[tuple[Literal["address", "id"], sql.Composed]] = []
    if subject.addresses:
        tests.append(("address", _names_address(kept, subject)))
    if ids:
        tests.append(("id", sql.SQL("{} ~ {}").format(kept, sql.Literal("|".join(ids)))))
    for what, condition in tests:
        rows = connection.execute(
            sql.SQL("select schemaname, tablename, attname from pg_stats where {}").format(condition)
        ).fetchall()
        for schema, table, column in rows:
            yield Found(schema, table, f"{column}{_REMEMBERED}", what, 1)
