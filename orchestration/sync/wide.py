"""Objects with more fields than one query can name: the rest is asked for by the ids of each page and put together again.

Parts belong together by id and stamp. A record that changed between two of its parts, or is gone, is made pending and read again:
it is never stored by halves, nor forgotten. Bulk jobs have no such limit, and most objects need one query.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from psycopg import sql

from orchestration.postgres.connection import Connection
from orchestration.postgres.copy import Staged, staged
from orchestration.salesforce import soql
from orchestration.salesforce.pages import Page
from orchestration.sync.asking import ask
from orchestration.sync.fields import Readable
from orchestration.sync.keys import pend_incomplete
from orchestration.sync.objects import ID, STAMP, Field
from orchestration.sync.options import Collaborators
from orchestration.sync.plan import IDS_IN_A_QUERY, chunks

Rest = Sequence[tuple[Page, ...]]
"""For each further group of fields the pages that have them, of the records of one page."""


def rest_of(with_: Collaborators, what: Readable, page: Page) -> Rest:
    """Asks for the fields that the query of this page had no room for; nothing, for most objects."""
    further = what.groups[1:]
    if not further:
        return ()
    records = page.records()
    return [
        tuple(
            each
            for some in chunks(records, IDS_IN_A_QUERY)
            for each in ask(with_, _question(what, group, some))
        )
        for group in further
    ]


def _question(what: Readable, group: Sequence[Field], records: Sequence[dict[str, object]]) -> str:
    """The query of some fields of these records, under the parents that they have."""
    where = [soql.is_in("Id", [str(record["Id"]) for record in records])]
    if what.sobject.parent:
        where.append(soql.is_in(what.sobject.parent, sorted({str(r[what.sobject.parent]) for r in records})))
    return soql.select([field.path for field in (*ID, *STAMP, *group)], what.sobject.name, where)


@contextmanager
def whole_rows(
    connection: Connection, what: Readable, page: Page, rest: Rest
) -> Iterator[tuple[Staged, int]]:
    """The records of a page with all their fields, staged, and how many are pending instead because they changed meanwhile."""
    first, *further = what.groups
    with ExitStack() as stack:
        rows = stack.enter_context(staged(connection, what.sobject.raw_table(first)))
        rows.add_json(page.body, page.records_path)
        if not further:
            yield rows, 0
            return
        parts = [rows]
        for group, pages in zip(further, rest, strict=True):
            part = stack.enter_context(staged(connection, what.sobject.raw_table((*ID, *STAMP, *group))))
            for each in pages:
                part.add_json(each.body, each.records_path)
            parts.append(part)
        whole = stack.enter_context(staged(connection, what.sobject.raw_table(what.fields)))
        _put_together(connection, whole, what.groups, parts)
        # An object that is read whole has no ids that wait: its next window shows what changed since, whole.
        yield whole, 0 if what.sobject.is_whole else pend_incomplete(connection, what.sobject, rows, whole)


def _put_together(
    connection: Connection, whole: Staged, groups: Sequence[Sequence[Field]], parts: Sequence[Staged]
) -> None:
    aliases = [sql.Identifier(f"part_{number}") for number in range(len(parts))]
    columns = [
        (sql.Identifier(field.column), alias)
        for group, alias in zip(groups, aliases, strict=True)
        for field in group
    ]
    joins = [
        sql.SQL("join {} as {} using (id, system_modstamp)").format(part.name, alias)
        for part, alias in zip(parts[1:], aliases[1:], strict=True)
    ]
    connection.execute(
        sql.SQL("insert into {} ({}) select {} from {} as {} {}").format(
            whole.name,
            sql.SQL(", ").join(column for column, _ in columns),
            sql.SQL(", ").join(sql.SQL("{}.{}").format(alias, column) for column, alias in columns),
            parts[0].name,
            aliases[0],
            sql.SQL(" ").join(joins),
        )
    )
    for part in parts:
        whole.cleaned.nul += part.cleaned.nul
        whole.cleaned.invalid_utf8 += part.cleaned.invalid_utf8
        whole.cleaned.surrogates += part.cleaned.surrogates
