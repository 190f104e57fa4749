"""From bytes to rows: a temporary typed table filled with COPY or one JSON parameter, then one merge into the raw table (R3, R7).

No Python code touches a row. Which rows are wanted, and what they prove, is decided by the sync, in the same transaction.
"""

from __future__ import annotations

import csv
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from orchestration.errors import BugError, IncompleteReadError, MissingFieldError, SetupError
from orchestration.postgres.clean import ByteFilter, Cleaned, clean_part
from orchestration.postgres.connection import Connection
from orchestration.postgres.merge import Merged, merge
from orchestration.postgres.raw_tables import RawColumn, RawTable

__all__ = ["Merged", "Staged", "staged"]

# A header line is a few kilobytes; a megabyte without a line end is no Bulk result.
_LONGEST_HEADER = 1 << 20
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Where Postgres was when a value did not fit: its line and column. The rest of that text is the value, which stays out.
_PLACE = re.compile(r"\bline (\d+)(?:, column (\w+))?")

_ADD_JSON = """
with body as materialized (
    select convert_from(%(body)b, 'UTF8')::jsonb #> %(path)s as records
), added as (
    insert into {staging} ({columns})
    select {values}
    from body, jsonb_array_elements(case jsonb_typeof(records) when 'array' then records else '[]' end) as record,
         jsonb_to_record(record) as fields ({fields})
    where jsonb_typeof(record) = 'object'
    returning 1
)
select jsonb_typeof(records) = 'array', (select count(*) from added),
       -- All records of a page come from one query and have the same keys.
       (select array_agg(key) from unnest(%(keys)s::text[]) as key
        where jsonb_typeof(records -> 0) = 'object' and not (records -> 0) ? key)
from body
"""


@contextmanager
def staged(conn: Connection, table: RawTable) -> Iterator[Staged]:
    """A temporary table with the columns of `table`, for the rows of one read; gone at exit, or when the transaction ends."""
    staging = Staged(conn, table)
    yield staging
    if conn.info.transaction_status == TransactionStatus.INTRANS:
        conn.execute(sql.SQL("drop table if exists {}").format(staging.name))


class Staged:
    """The rows of one read on their way into a raw table.

    `name` may be used in the caller's own SQL (columns as in `table.columns`); `cleaned` counts what Postgres cannot hold and was left out.
    """

    def __init__(self, conn: Connection, table: RawTable) -> None:
        self.table = table
        self.name = sql.Identifier(f"staged_{table.name}_{secrets.token_hex(4)}")
        self.cleaned = Cleaned()
        self._conn = conn
        self._create()

    def add_json(self, body: bytes, records_path: Sequence[str | int]) -> int:
        """Adds the records of the JSON array at `records_path` of `body`, nulls skipped; returns how many.

        Raises IncompleteReadError when there is no such array, or a record does not fit the columns; MissingFieldError when the
        records do not have a field, which would otherwise look like one that is empty.
        """
        parameters = {
            "body": clean_part(body, records_path, self.cleaned),
            "path": [str(step) for step in records_path],
            "keys": sorted({column.path[0] for column in self.table.columns}),
        }
        try:
            answer = self._conn.execute(self._add_json_statement(), parameters).fetchone()
        except psycopg.DataError as error:
            raise self._unfit("an answer in JSON", error) from None
        except psycopg.errors.NotNullViolation as error:
            raise self._unfit("an answer in JSON", error) from None
        except psycopg.errors.ProgramLimitExceeded:
            raise self._too_wide() from None
        is_array, added, lacking = answer or (False, 0, None)
        if not is_array:
            raise IncompleteReadError(
                f"An answer with rows of {self.table.name} has no list of records where one was expected. None of it was kept."
            )
        if lacking:
            raise MissingFieldError(
                f"An answer with rows of {self.table.name} lacks {', '.join(lacking)}, which was asked for: renamed or taken away since"
                " the object was described. None of it was kept; the next run describes the object anew and reads it again."
            )
        return int(added)

    def copy_csv(self, chunks: Iterable[bytes]) -> int:
        """Streams one page of a Bulk result (header line and rows, cut anywhere) into the table; returns the number of rows.

        Raises IncompleteReadError when the header is not the expected one, or the page ends inside a row.
        """
        cleaned = self._cleaned_chunks(chunks)
        header, rest = _split_header(cleaned)
        if not header:
            return 0
        columns = self._columns_of(header)
        cursor = self._conn.cursor()
        try:
            with cursor.copy(self._copy_statement(columns)) as copy:
                copy.write(rest)
                for chunk in cleaned:
                    copy.write(chunk)
        except (psycopg.DataError, psycopg.errors.NotNullViolation) as error:
            raise self._unfit("a page of a Bulk result", error) from None
        except psycopg.errors.ProgramLimitExceeded:
            raise self._too_wide() from None
        # Nobody analyzes a temporary table by itself, and the sync joins this one to large tables.
        self._conn.execute(sql.SQL("analyze {}").format(self.name))
        return cursor.rowcount

    def merge(self, *, read_at: datetime, run_id: str) -> Merged:
        """Merges what was staged into the raw table, as of `read_at` (aware; the time of the read by Salesforce's clock)."""
        return merge(self._conn, self.name, self.table, read_at=read_at, run_id=run_id)

    def _create(self) -> None:
        if self._conn.autocommit and self._conn.info.transaction_status != TransactionStatus.INTRANS:
            raise BugError(f"Rows of {self.table.name} were to be staged outside of a transaction.")
        definitions = [
            sql.SQL("{} {}{}").format(
                sql.Identifier(column.name),
                sql.SQL(column.type),
                sql.SQL(" not null" if column.name in ("id", "system_modstamp") else ""),
            )
            for column in self.table.columns
        ]
        self._conn.execute(
            sql.SQL("create temporary table {} ({}) on commit drop").format(
                self.name, sql.SQL(", ").join(definitions)
            )
        )

    def _add_json_statement(self) -> sql.Composed:
        comma = sql.SQL(", ")
        # One entry for each top-level key; what is read through a relationship (`Account.Name`) shares its key's object.
        keys = {
            column.path[0]: "jsonb" if len(column.path) > 1 else column.type for column in self.table.columns
        }
        return sql.SQL(_ADD_JSON).format(
            staging=self.name,
            columns=comma.join(sql.Identifier(column.name) for column in self.table.columns),
            values=comma.join(map(_value, self.table.columns)),
            fields=comma.join(
                sql.SQL("{} {}").format(sql.Identifier(key), sql.SQL(type_)) for key, type_ in keys.items()
            ),
        )

    def _copy_statement(self, columns: Sequence[str]) -> sql.Composed:
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        # Bulk quotes everything and writes null as an empty field; FORCE_NULL reads it so for quoted fields too.
        return sql.SQL("copy {} ({}) from stdin (format csv, force_null ({}))").format(
            self.name, names, names
        )

    def _cleaned_chunks(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        byte_filter = ByteFilter(self.cleaned)
        for chunk in chunks:
            yield byte_filter.clean(chunk)
        yield byte_filter.clean(b"", final=True)

    def _columns_of(self, header: bytes) -> list[str]:
        """The columns in the order of the header line, which need not be ours."""
        arrived = next(csv.reader([header.decode()]))
        # Salesforce's names have no case: a field that is renamed in case is the same field.
        expected = {".".join(column.path).lower(): column.name for column in self.table.columns}
        arrived = [name.lower() for name in arrived]
        if sorted(arrived) != sorted(expected):
            missing, unknown = sorted(expected.keys() - set(arrived)), sorted(set(arrived) - expected.keys())
            raise IncompleteReadError(
                f"A Bulk result for {self.table.name} has other columns than were asked for: missing {missing}, not asked for"
                f" {unknown}, {len(arrived)} in all. None of it was kept; the next run reads it again."
            )
        return [expected[name] for name in arrived]

    def _too_wide(self) -> SetupError:
        return SetupError(
            f"A row of {self.table.name} with {len(self.table.columns)} columns has more than the 8 kB that Postgres takes for one row"
            " (long texts, which it keeps apart, not counted). None of the answer was kept; everything else goes on. Whoever runs this"
            " pipeline takes fields of this object out of fluint.yaml, those that nobody reads first."
        )

    def _unfit(self, what: str, error: psycopg.Error) -> IncompleteReadError:
        place = _PLACE.search(error.diag.context or "")
        line, column = place.groups() if place else (None, None)
        column = column or error.diag.column_name
        where = (f", line {line}" if line else "") + (f", column {column}" if column else "")
        return IncompleteReadError(
            f"In {what} with rows of {self.table.name}{where}, something is no value of its column's type, or is cut off"
            f" (Postgres {error.sqlstate}). None of it was kept; the next run reads it again.",
            code=error.sqlstate,
        )


def _value(column: RawColumn) -> sql.Composed:
    head, *rest = column.path
    if not rest:
        return sql.SQL("fields.{}").format(sql.Identifier(head))
    # `#>>` on null, which stands for a record without this parent, is null.
    return sql.SQL("(fields.{} #>> {})::{}").format(
        sql.Identifier(head), sql.Literal(rest), sql.SQL(column.type)
    )


def _split_header(chunks: Iterator[bytes]) -> tuple[bytes, bytes]:
    """The first line without its end, and what followed it in the same chunk; reads no further than it must."""
    start = b""
    for chunk in chunks:
        start += chunk
        line, end, rest = start.removeprefix(_BYTE_ORDER_MARK).partition(b"\n")
        if end:
            return line.rstrip(b"\r"), rest
        if len(start) > _LONGEST_HEADER:
            raise IncompleteReadError(
                "A Bulk result begins with a megabyte that has no line end. None of it was kept."
            )
    return start.removeprefix(_BYTE_ORDER_MARK).rstrip(b"\r"), b""
