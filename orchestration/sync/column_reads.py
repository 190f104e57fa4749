"""Reading some columns alone: of every held row that lacks them (R4), and nightly those whose values change without a stamp (R11).

Rows are asked for by their ids, with the parent that they are held under, in ascending order: a run that is killed or deferred is
gone on with. What became newer meanwhile, or did not come, is read whole by the fetch; which columns lack coverage is raw_columns.py's.

By REST however many there are: a call brings 1,500 rows by their ids, while a Bulk job, whose statement of 100,000 characters has room
for 4,700 ids, takes five. A job by owners instead would read rows that are not held.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from psycopg import sql

from orchestration.postgres.connection import Connection
from orchestration.postgres.copy import staged
from orchestration.postgres.merge_columns import merge_columns
from orchestration.salesforce import soql
from orchestration.salesforce.pages import Page
from orchestration.sync import ledger, raw_columns
from orchestration.sync.asking import pages_from
from orchestration.sync.fields import readable
from orchestration.sync.keys import pend_other, pend_unseen
from orchestration.sync.listing import LIVE
from orchestration.sync.objects import BY_TABLE, ID, STAMP, SObject
from orchestration.sync.options import Collaborators, Counts
from orchestration.sync.plan import IDS_IN_A_QUERY, QUERIES_IN_A_COMPOSITE, chunks, field_groups
from orchestration.sync.raw_columns import Reading

_ROWS_AT_ONCE = IDS_IN_A_QUERY * QUERIES_IN_A_COMPOSITE

_Begin = Callable[[Connection, SObject, str], list[Reading]]


def read_missing_columns(with_: Collaborators, table: str) -> Counts:
    """Reads the columns that were added, or are visible again, for every held row, and covers them."""
    return _read_all(with_, BY_TABLE[table], raw_columns.begin_missing)


def reread_unstamped_columns(with_: Collaborators, table: str) -> Counts:
    """Reads calculated fields, and those of parents, of every held row again; rows where they differ are written."""
    return _read_all(with_, BY_TABLE[table], raw_columns.begin_unstamped)


def _read_all(with_: Collaborators, sobject: SObject, begin: _Begin) -> Counts:
    readable(with_, sobject)  # what is asked for is what the org shows now
    with with_.database.transaction() as connection:
        readings = begin(connection, sobject, with_.run_id)
    with with_.salesforce.purpose("columns"):
        parts = [replace(each, fields=some) for each in readings for some in field_groups(each.fields)]
        return sum((_Reader(with_, sobject, part).read() for part in parts), Counts())


@dataclass(frozen=True)
class _Row:
    """A held row and the parent that it is held under."""

    id: str
    parent: str | None


@dataclass(frozen=True)
class _Reader:
    """One pass over the held rows of an object."""

    with_: Collaborators
    sobject: SObject
    reading: Reading

    def read(self) -> Counts:
        """Reads every held row and covers the columns, unless a row was stored without them meanwhile."""
        total, through = Counts(), self.reading.through
        while rows := self._rows_after(through):
            asked = [_question(self.sobject, self.reading, some) for some in chunks(rows, IDS_IN_A_QUERY)]
            came = set[str]()
            for answer in self.with_.salesforce.query_many(asked):
                for page in pages_from(self.with_, answer):
                    total += self._store(page)
                    came |= {str(record["Id"]) for record in page.records()}
            through = rows[-1].id
            with self.with_.database.transaction() as connection:
                if not self.sobject.is_whole:
                    # Not shown now: they are wanted whole, or the column would stay empty in them when they are shown again.
                    pend_unseen(connection, self.sobject, [row.id for row in rows if row.id not in came])
                raw_columns.came_to(connection, self.sobject.table_name, self.reading, through)
        with self.with_.database.transaction() as connection:
            raw_columns.end(connection, self.sobject.table_name, self.reading)
        return total

    def _rows_after(self, through: str | None) -> list[_Row]:
        parent = sql.Identifier(self.sobject.parent_column) if self.sobject.parent_column else sql.SQL("null")
        query = sql.SQL(
            "select id, {} from {} where _deleted_at is null and id > %s order by id limit %s"
        ).format(parent, sql.Identifier("raw_salesforce", self.sobject.table_name))
        with self.with_.database.transaction() as connection:
            rows = connection.execute(query, [through or "", _ROWS_AT_ONCE]).fetchall()
        return [_Row(record_id, parent) for record_id, parent in rows]

    def _store(self, page: Page) -> Counts:
        fields = (*ID, *STAMP, *self.reading.fields)
        with (
            self.with_.database.transaction() as connection,
            staged(connection, self.sobject.raw_table(fields)) as arrived,
        ):
            read = arrived.add_json(page.body, page.records_path)
            written = merge_columns(connection, arrived.name, arrived.table, read_at=page.read_at)
            if not self.sobject.is_whole:  # a whole object's next window reads what is newer
                since = ledger.cursor_of(connection, self.sobject.table_name) or page.read_at
                pend_other(connection, self.sobject, arrived, read_at=page.read_at, since=since)
        return Counts(read, updated=written, cleaned=arrived.cleaned.total)


def _question(sobject: SObject, reading: Reading, rows: Sequence[_Row]) -> str:
    """The query of these rows' columns; a child only under the parent that it is held under, for it may have left the scope."""
    where = [soql.is_in("Id", [row.id for row in rows])]
    if sobject.parent:
        where.append(soql.is_in(sobject.parent, sorted({row.parent for row in rows if row.parent})))
    if "IsDeleted" in sobject.paths:
        where.append(LIVE)
    paths = [field.path for field in (*ID, *STAMP, *reading.fields)]
    return soql.select(paths, sobject.name, where)
