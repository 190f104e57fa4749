"""Listing: everything of a parent that is entitled and not covered is read whole, then coverage is written (R4, R5, R7).

A first load, a new licence and a widened filter are the same thing here. Following changes is changes.py's; deciding
which months a person asked for is run.py's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from orchestration.entitlement.filters import owned_by
from orchestration.errors import BulkUnavailableError, FluintError, IncompleteReadError, TooMuchAskedError
from orchestration.postgres.connection import Connection
from orchestration.postgres.copy import staged
from orchestration.salesforce import soql
from orchestration.salesforce.pages import Page
from orchestration.sync import ledger, under_way
from orchestration.sync.arrivals import store_page, store_rows
from orchestration.sync.asking import ask, in_halves, keys_within, pages_from
from orchestration.sync.fields import Readable, readable
from orchestration.sync.keys import classify, staged_keys
from orchestration.sync.objects import BY_TABLE, OPPORTUNITY
from orchestration.sync.options import Collaborators, Counts
from orchestration.sync.plan import (
    DEALS_IN_A_QUERY,
    OWNERS_IN_A_QUERY,
    QUERIES_IN_A_COMPOSITE,
    chunks,
    pack_owners,
)
from orchestration.sync.scope import Scope, scope_now
from orchestration.sync.wide import rest_of
from orchestration.sync.windows import ChildrenOf, CreatedRange, window_of_listing

# An id is immutable and `queryAll` with this condition also shows archived rows, which `query` leaves out (R5).
LIVE = soql.equal("IsDeleted", False)


def list_missing_deals(with_: Collaborators) -> Counts:
    """Lists, owner by owner, the ranges of CreatedDate that are entitled and not covered."""
    with with_.database.transaction() as connection:
        scope = scope_now(connection)
        missing = ledger.missing_ranges(connection, scope.filters.digest, scope.filters.created_since)
    total = Counts()
    for (start, end), owners in missing.items():
        total += list_deals(with_, scope, owners, CreatedRange(start, end))
    return total


def list_deals(with_: Collaborators, scope: Scope, owners: Sequence[str], created: CreatedRange) -> Counts:
    """Lists the deals of these owners in this range, covered or not, and writes that they are covered."""
    what = readable(with_, OPPORTUNITY)
    rules = [rule.passes for rule in scope.filters.rules()]
    total = Counts()
    with with_.salesforce.purpose("listing"):
        for some in chunks(owners, OWNERS_IN_A_QUERY):
            counted = {**dict.fromkeys(some, 0), **_count_by_owner(with_, [owned_by(some), *rules], created)}
            for pack in pack_owners(counted):
                with with_.database.transaction() as connection:
                    entitled = _still_entitled(scope_now(connection), scope, pack.owner_ids)
                if entitled:
                    where, rows = [owned_by(entitled), *rules], sum(counted[owner] for owner in entitled)
                    total += _list_pack(with_, what, scope, entitled, where, rows, created)
    return total


def _still_entitled(now: Scope, scope: Scope, owners: Sequence[str]) -> list[str]:
    """Those of the owners who are in scope `now` (R6); a listing can take hours.

    Raises IncompleteReadError when the filter is another one now: what it keeps out must not come in.
    """
    if now.filters != scope.filters:
        raise IncompleteReadError(
            "The workspace's filter was changed while deals were listed by the old one. What came is kept; the next run lists "
            "by the new one."
        )
    return [owner for owner in owners if owner in now.owners]


def _count_by_owner(with_: Collaborators, where: Sequence[str], created: CreatedRange) -> Counter[str]:
    def count(part: CreatedRange) -> Counter[str]:
        conditions = [*where, *part.conditions(), LIVE]
        query = soql.select(["OwnerId", "COUNT(Id) deals"], "Opportunity", conditions, group_by=["OwnerId"])
        rows = (row for page in ask(with_, query) for row in page.records())
        return Counter({row["OwnerId"]: int(row["deals"]) for row in rows})

    counts = in_halves("Opportunity", created, count, with_.salesforce.server_time())
    return sum(counts, Counter())


def _list_pack(
    with_: Collaborators,
    what: Readable,
    scope: Scope,
    owners: Sequence[str],
    where: Sequence[str],
    rows: int,
    created: CreatedRange,
) -> Counts:
    began = with_.salesforce.server_time()
    total = _read_deals(with_, what, scope, where, created, rows, began)
    if total.read < rows:
        _expect_all_counted(with_, where, created, rows, total.read)

    def cover(connection: Connection, now: Scope) -> None:
        entitled = _still_entitled(now, scope, owners)
        ledger.cover_owners(
            connection,
            # Whose rows were left out on the way is not known any more, and rare: the pack is listed again.
            [] if total.left_out else entitled,
            digest=scope.filters.digest,
            created=created.multirange(),
            run_id=with_.run_id,
        )

    return total + _keys_pass(with_, what, began, cover)


def _expect_all_counted(
    with_: Collaborators, where: Sequence[str], created: CreatedRange, counted: int, came: int
) -> None:
    """Raises IncompleteReadError when fewer deals came than Salesforce counted before and counts now; in between, some may have left."""
    there = min(counted, sum(_count_by_owner(with_, where, created).values()))
    if came < there:
        raise IncompleteReadError(
            f"Salesforce counts {there} rows of Opportunity {created} and gave {came}: {there - came} are missing. What came is kept,"
            " nobody's deals are taken for complete; the next run lists them again."
        )


def _read_deals(
    with_: Collaborators,
    what: Readable,
    scope: Scope,
    where: Sequence[str],
    created: CreatedRange,
    rows: int,
    began: datetime,
) -> Counts:
    """Reads what was counted as `rows`: through Bulk if they are many, and not at all if there are none."""
    if not rows:
        return Counts()
    store = _Store(with_, what, scope, began)

    def query(part: CreatedRange, paths: Sequence[str] = what.paths) -> str:
        return soql.select(paths, "Opportunity", [*where, *part.conditions(), LIVE])

    by_bulk = store.by_bulk(query(created, what.all_paths)) if rows >= with_.options.bulk_threshold else None
    if by_bulk is not None:
        return by_bulk
    counts = in_halves("Opportunity", created, lambda part: store.pages(ask(with_, query(part))), began)
    return sum(counts, Counts())


def list_children(with_: Collaborators, table: str, deals: Sequence[str]) -> Counts:
    """Reads every live role or mail of these deals and writes that they are covered, group of chunks by group of chunks."""
    what = readable(with_, BY_TABLE[table])
    total = Counts()
    with with_.salesforce.purpose("listing"):
        for group in chunks(deals, DEALS_IN_A_QUERY * QUERIES_IN_A_COMPOSITE):
            with with_.database.transaction() as connection:
                marked, scope = under_way.database_time(connection), scope_now(connection)
            began = with_.salesforce.server_time()
            total += _read_children(with_, what, scope, group, began)

            def cover(
                connection: Connection, _: Scope, deals: Sequence[str] = group, marked: datetime = marked
            ) -> None:
                ledger.cover_deals(connection, table, deals, with_.run_id, marked)

            total += _keys_pass(with_, what, began, cover)
    return total


def pay_owed_keys(with_: Collaborators, table: str) -> Counts:
    """Makes up for the keys pass of a listing that was killed after it had stored rows (R5)."""
    with with_.database.transaction() as connection:
        owed = under_way.keys_owed_since(connection, table)
    if owed is None:
        return Counts()
    with with_.salesforce.purpose("listing"):
        return _keys_pass(with_, readable(with_, BY_TABLE[table]), owed, lambda *_: None)


def _read_children(
    with_: Collaborators, what: Readable, scope: Scope, deals: Sequence[str], began: datetime
) -> Counts:
    """Reads the children of a group of deals by REST, or in one Bulk job when Salesforce's own counts say that they are many."""
    parent = what.sobject.parent or "Id"
    parts = [ChildrenOf(parent, tuple(some)) for some in chunks(deals, DEALS_IN_A_QUERY)]
    firsts = with_.salesforce.query_many([_children(what, part) for part in parts])
    for first in firsts:
        if isinstance(first, FluintError) and not isinstance(first, TooMuchAskedError):
            raise first
    store = _Store(with_, what, scope, began)
    if sum(first.total_size for first in firsts if isinstance(first, Page)) >= with_.options.bulk_threshold:
        by_bulk = store.by_bulk(_children(what, ChildrenOf(parent, tuple(deals)), what.all_paths))
        if by_bulk is not None:
            return by_bulk
    return sum((_store_part(store, part, first) for part, first in zip(parts, firsts, strict=True)), Counts())


def _store_part(store: _Store, whole: ChildrenOf, first: Page | FluintError) -> Counts:
    """Stores the children of one chunk, of which there is a first answer."""

    def read(part: ChildrenOf) -> Counts:
        if part is whole:
            return store.pages(pages_from(store.with_, first))
        return store.pages(ask(store.with_, _children(store.what, part)))

    return sum(in_halves(store.what.sobject.name, whole, read, store.began), Counts())


def _children(what: Readable, part: ChildrenOf, paths: Sequence[str] = ()) -> str:
    return soql.select(paths or what.paths, what.sobject.name, [*part.conditions(), LIVE])


@dataclass(frozen=True)
class _Store:
    """Stores the rows of one listing, which began then (the org's clock) and asked for what `scope` lets in."""

    with_: Collaborators
    what: Readable
    scope: Scope
    began: datetime

    def by_bulk(self, query: str) -> Counts | None:
        """Reads a query's rows through Bulk API 2.0; None when Bulk cannot be had, and REST has to give the same rows."""
        try:
            return self._read_by_bulk(query)
        except BulkUnavailableError:
            return None  # the org's Bulk jobs of today are used up, or Bulk refuses the object

    def _read_by_bulk(self, query: str) -> Counts:
        """Commits rows page by page: they come unordered, so they prove nothing until the last one is in (R7)."""
        total = Counts()
        with self.with_.salesforce.bulk_query(query) as job:
            for page in job.pages():
                with (
                    self.with_.database.transaction() as connection,
                    staged(connection, self.what.sobject.raw_table(self.what.fields)) as rows,
                ):
                    came = rows.copy_csv(page.chunks)
                    _expect(self.what, came, page.announced)
                    total += store_rows(
                        connection,
                        self.what,
                        rows,
                        read_at=job.created_at,
                        run_id=self.with_.run_id,
                        scope=self.scope,
                    )
                    under_way.owe_keys(connection, self.what.sobject.table_name, self.began)
            _expect(self.what, total.read, job.record_count)
        return total

    def pages(self, pages: Iterable[Page]) -> Counts:
        """Stores the pages of a REST answer, each in a transaction."""
        total, announced, came = Counts(), 0, 0
        for page in pages:
            rest = rest_of(self.with_, self.what, page)
            with self.with_.database.transaction() as connection:
                total += store_page(
                    connection, self.what, page, rest, run_id=self.with_.run_id, scope=self.scope
                )
                under_way.owe_keys(connection, self.what.sobject.table_name, self.began)
            announced, came = page.total_size, came + page.count
        _expect(self.what, came, announced)
        return total


def _expect(what: Readable, came: int, announced: int) -> None:
    if came != announced:
        raise IncompleteReadError(
            f"Salesforce announced {announced} rows of {what.sobject.name} and {came} came. What came is kept, nothing is "
            "taken for complete; the next run reads them again."
        )


def _keys_pass(
    with_: Collaborators, what: Readable, began: datetime, cover: Callable[[Connection, Scope], None]
) -> Counts:
    """Reads the keys of everything that changed while the listing ran, classifies them against what is held now, and covers (R5).

    Both in one transaction and by one scope, with the cursor not beyond those keys: otherwise a licence that is away for a moment
    in between, while another process follows changes, leaves keys that nobody took under a coverage that says nothing is missing.
    """
    while True:
        with with_.database.transaction() as connection:
            owed = under_way.keys_owed_since(connection, what.sobject.table_name)
            followed = ledger.cursor_of(connection, what.sobject.table_name)
        start = min(began, owed) if owed else began
        window = window_of_listing(start, with_.salesforce.server_time(), with_.options.overlap, followed)
        pages = keys_within(with_, what, window)
        with with_.database.transaction() as connection:
            cursor = ledger.cursor_of(connection, what.sobject.table_name, lock=True)
            if cursor is not None and cursor > window.end:
                continue
            scope, since, tombstoned = scope_now(connection), cursor or began, 0
            read_at = min(page.read_at for page in pages)
            if any(page.count for page in pages):
                with staged_keys(connection, what.sobject, what.shown, pages) as (keys, _):
                    tombstoned = classify(
                        connection,
                        what.sobject,
                        keys,
                        scope,
                        read_at=read_at,
                        since=since,
                        run_id=with_.run_id,
                        last_before=since - with_.options.overlap,
                    )
            cover(connection, scope)
            under_way.owed_keys_read(connection, what.sobject.table_name, start)
        return Counts(tombstoned=tombstoned)
