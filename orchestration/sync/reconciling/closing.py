"""Closing what differs: listed ids that are not held become pending, held ids that were not listed are asked for one by one.

Each answer is taken in one transaction with what it proves, so that a kill at any line leaves work for the next night and nothing
half done. What is concluded from an absence is judging.py's; where to look is doubt.py's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from psycopg import sql

from orchestration.postgres.connection import Connection
from orchestration.postgres.erased import erased_among
from orchestration.postgres.merge import lock_for_writing
from orchestration.salesforce import soql
from orchestration.salesforce.pages import Page, Record
from orchestration.sync import ledger, under_way
from orchestration.sync.asking import Part, pages_of
from orchestration.sync.fields import Readable
from orchestration.sync.keys import classify, staged_keys
from orchestration.sync.named import leave_unnamed
from orchestration.sync.objects import CHILDREN, OPPORTUNITY, SObject, named_by
from orchestration.sync.options import Collaborators
from orchestration.sync.plan import DEALS_IN_A_QUERY, chunks
from orchestration.sync.reconciling import holdings
from orchestration.sync.reconciling.holdings import Place
from orchestration.sync.reconciling.judging import HARD_DELETED, NOT_VISIBLE
from orchestration.sync.scope import scope_now

# More than so many that are missing of one parent are listed anew, through Bulk if need be, instead of id by id (R9).
MOST_FETCHED = 1_000


@dataclass(frozen=True)
class Listed:
    """What one listing of ids showed: all of them, those not held, those held and not shown; how many rows were tombstoned for it, and
    whether what is missing is to be listed anew."""

    ids: Mapping[str, Place]
    not_held: Mapping[str, Place]
    not_there: Mapping[str, Place]
    tombstoned: int = 0
    is_reopened: bool = False


def keys_of(what: Readable, part: Part) -> str:
    """The query of the keys of a part."""
    return soql.select(what.key_paths, what.sobject.name, part.conditions())


def take_listing(
    with_: Collaborators,
    what: Readable,
    pages: Sequence[Page],
    *,
    place_of: Callable[[Record], Place],
    held: Callable[[Connection], Mapping[str, Place]],
    reopen: Callable[[Connection, Mapping[str, Place]], None],
) -> Listed:
    """Compares the keys of a bucket with what is held of it (`held`), and makes pending what is not; `reopen` drops the coverage
    of the parents of what is missing, which is done instead where that is more than a thousand."""
    sobject = what.sobject
    ids = {row["Id"]: place_of(row) for page in pages for row in page.records() if not row.get("IsDeleted")}
    with with_.database.transaction() as connection:
        # Salesforce has them still: without a word of it here, they would be wanted, and named by id, every night.
        for record_id in erased_among(connection, ids):
            del ids[record_id]
        live = holdings.live(connection, sobject, ids)
        not_held = {record_id: place for record_id, place in ids.items() if record_id not in live}
        not_there = {
            record_id: place for record_id, place in held(connection).items() if record_id not in ids
        }
        if len(not_held) > MOST_FETCHED:
            reopen(connection, not_held)
            return Listed(ids, not_held, not_there, is_reopened=True)
        tombstoned = _take_keys(connection, with_, what, pages)
        _wake(connection, sobject, list(not_held))
    return Listed(ids, not_held, not_there, tombstoned)


def _take_keys(connection: Connection, with_: Collaborators, what: Readable, pages: Sequence[Page]) -> int:
    table = what.sobject.table_name
    read_at = min(page.read_at for page in pages)
    with staged_keys(connection, what.sobject, what.shown, pages) as (keys, _):
        return classify(
            connection,
            what.sobject,
            keys,
            scope_now(connection),
            read_at=read_at,
            since=ledger.cursor_of(connection, table) or read_at,
            run_id=with_.run_id,
        )


def _wake(connection: Connection, sobject: SObject, ids: Sequence[str]) -> None:
    """Makes ids due that rest because they were not visible, or refused: Salesforce has just shown them within the predicate."""
    connection.execute(
        "update fluint_sync.pending set retry_at = null where object = %s and id = any (%s)",
        [sobject.table_name, list(ids)],
    )


@dataclass(frozen=True)
class Ids:
    """Some records by id."""

    ids: tuple[str, ...]

    def conditions(self) -> list[str]:
        """The records as a SOQL condition."""
        return [soql.is_in("Id", self.ids)]

    def halves(self, now: datetime) -> tuple[Ids, Ids] | None:
        """Half of them and the others; None for one."""
        if len(self.ids) == 1:
            return None
        middle = len(self.ids) // 2
        return Ids(self.ids[:middle]), Ids(self.ids[middle:])

    def __str__(self) -> str:
        return f"with {len(self.ids)} ids, the first {self.ids[0]}"


@dataclass
class Asked:
    """How Salesforce answered for ids: there and live, in the recycle bin, or not returned, with the time of that answer."""

    there: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    gone: dict[str, datetime] = field(default_factory=dict)
    tombstoned: int = 0


def ask_by_id(with_: Collaborators, what: Readable, ids: Sequence[str], now: datetime) -> Asked:
    """Asks for these held ids, the recycle bin included, and takes every key that comes: deleted, changed or moved on (R10)."""
    asked = Asked()
    parts = [Ids(tuple(some)) for some in chunks(ids, DEALS_IN_A_QUERY)]
    for part, pages in pages_of(with_, what.sobject.name, parts, lambda some: keys_of(what, some), now):
        records = [row for page in pages for row in page.records()]
        with with_.database.transaction() as connection:
            asked.tombstoned += _take_keys(connection, with_, what, pages)
        asked.deleted |= {row["Id"] for row in records if row.get("IsDeleted")}
        asked.there |= {row["Id"] for row in records if not row.get("IsDeleted")}
        read_at = min(page.read_at for page in pages)
        asked.gone |= dict.fromkeys(set(part.ids) - asked.deleted - asked.there, read_at)
    return asked


_TOMBSTONE = """
    update {raw} as held
    set _deleted_at = gone.read_at, _deleted_reason = gone.reason, _read_at = gone.read_at, _synced_at = now(), _run_id = {run_id},
        _xact_id = pg_current_xact_id()
    from unnest({ids}::text[], {reasons}::text[], {times}::timestamptz[]) as gone (id, reason, read_at)
    where held.id = gone.id and held._deleted_at is null and held._read_at < gone.read_at
"""


def tombstone(
    connection: Connection,
    sobject: SObject,
    reasons: Mapping[str, str],
    gone: Mapping[str, datetime],
    run_id: str,
) -> int:
    """Marks rows as gone, id by id with its reason, as of when Salesforce did not return it; returns how many.

    A row that was read since then stays: it was seen later than its absence. Its values stay as Salesforce last had them.
    """
    lock_for_writing(connection, sobject.raw_table())
    ids = sorted(reasons)
    listed, raw = sql.Literal(ids), sql.Identifier("raw_salesforce", sobject.table_name)
    marked = connection.execute(
        sql.SQL(_TOMBSTONE).format(
            raw=raw,
            run_id=sql.Literal(run_id),
            ids=listed,
            reasons=sql.Literal([reasons[record_id] for record_id in ids]),
            times=sql.Literal([gone[record_id] for record_id in ids]),
        )
    ).rowcount
    _ask_no_more(connection, sobject, ids)
    if sobject.name == OPPORTUNITY.name:
        children = sql.SQL(
            "select child.object, deal.id from unnest({}::text[]) as deal (id), unnest({}::text[]) as child (object)"
        )
        tables = sql.Literal([child.table_name for child in CHILDREN])
        under_way.uncover_deals(connection, children.format(listed, tables))
    latest = max(gone.values())
    for other in named_by(sobject):
        named = sql.SQL("select {column} from {raw} where id = any ({ids}::text[])").format(
            column=sql.Identifier(other.named_by.column if other.named_by else "id"), raw=raw, ids=listed
        )
        leave_unnamed(connection, other, named, read_at=latest, run_id=run_id)
    return marked


def _ask_no_more(connection: Connection, sobject: SObject, ids: Sequence[str]) -> None:
    """Forgets that these are to be fetched where they are gone for good: they would be asked for day by day, for ever."""
    connection.execute(
        sql.SQL(
            "delete from fluint_sync.pending as p using {} as held"
            " where p.object = %s and p.id = any (%s) and held.id = p.id and held._deleted_reason = %s"
        ).format(sql.Identifier("raw_salesforce", sobject.table_name)),
        [sobject.table_name, list(ids), HARD_DELETED],
    )


def prove_deleted(connection: Connection, sobject: SObject, ids: Sequence[str], run_id: str) -> None:
    """Marks rows as deleted for good that were marked as not visible; when they went stays what it was."""
    lock_for_writing(connection, sobject.raw_table())
    statement = (
        "update {} set _deleted_reason = %s, _synced_at = now(), _run_id = %s, _xact_id = pg_current_xact_id()"
        " where id = any (%s) and _deleted_reason = %s"
    )
    raw = sql.Identifier("raw_salesforce", sobject.table_name)
    connection.execute(sql.SQL(statement).format(raw), [HARD_DELETED, run_id, list(ids), NOT_VISIBLE])
    _ask_no_more(connection, sobject, ids)


def reopen_children(connection: Connection, sobject: SObject, deals: Sequence[str]) -> None:
    """Drops the coverage of these deals' children of one object: the next listing reads them whole."""
    children = sql.SQL("select {}, deal.id from unnest({}::text[]) as deal (id)")
    under_way.uncover_deals(
        connection, children.format(sql.Literal(sobject.table_name), sql.Literal(list(deals)))
    )
