"""Comparing one object with Salesforce: what is counted, whose ids are listed, and what is asked for one by one (R9).

Each function does one object of its kind for a night; what follows from a difference is doubt.py's and closing.py's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from orchestration.salesforce.pages import Page
from orchestration.sync import ledger, under_way
from orchestration.sync.asking import pages_of
from orchestration.sync.fetch import fetch_pending
from orchestration.sync.fields import Readable, readable
from orchestration.sync.listing import list_children, list_missing_deals
from orchestration.sync.named import want_all_named
from orchestration.sync.objects import BY_TABLE, OPPORTUNITY, SObject
from orchestration.sync.options import Counts
from orchestration.sync.plan import DEALS_IN_A_QUERY, OWNERS_IN_A_QUERY, chunks
from orchestration.sync.reconciling import closing, counting, holdings, rotation
from orchestration.sync.reconciling import ledger as kept
from orchestration.sync.reconciling import whole as rows_of_whole
from orchestration.sync.reconciling.closing import Listed, take_listing
from orchestration.sync.reconciling.counting import DealsOf
from orchestration.sync.reconciling.doubt import Doubt
from orchestration.sync.reconciling.findings import Bucket, Outcome, Part, Tally
from orchestration.sync.reconciling.holdings import Place
from orchestration.sync.scope import Scope, scope_now
from orchestration.sync.windows import ChildrenOf, CreatedRange


@dataclass(frozen=True)
class _Span:
    """Deals whose ids are listed together: of these owners, created from the first month on and before the end (a first of a month)."""

    owners: tuple[str, ...]
    first: date
    end: date

    def has(self, bucket: Bucket) -> bool:
        """Whether a row of the comparison is of these deals."""
        return bucket.owner_id in self.owners and self.first <= bucket.month < self.end


def deals(doubt: Doubt, table: str) -> Counts:
    """Compares deals per owner and month under the scope predicate, and those that were kept one by one."""
    what, tally = readable(doubt.with_, OPPORTUNITY), Tally()
    began = doubt.begin()
    with doubt.with_.database.transaction() as connection:
        scope = scope_now(connection)
        covered = holdings.covered_owners(connection, scope)
        held = holdings.count_deals(connection, scope, covered)
        also_held = holdings.kept_deals(connection, scope, began)
    total, is_reopened = Counts(), False
    for span in _to_list(doubt, tally, scope, covered, held, began):
        listed = _list_deals(doubt, what, scope, span, began)
        _take(tally, listed, {bucket for bucket in tally.in_salesforce if span.has(bucket)})
        total += Counts(tombstoned=listed.tombstoned)
        is_reopened |= listed.is_reopened
    total += doubt.settle(tally, what, also_held, Part.KEPT, began)
    if is_reopened:
        total += list_missing_deals(doubt.with_)
    total += fetch_pending(doubt.with_, table)
    doubt.conclude_object(tally, OPPORTUNITY, owners_not_listed=len(scope.owners) - len(covered))
    return total


def _to_list(
    doubt: Doubt,
    tally: Tally,
    scope: Scope,
    covered: Sequence[str],
    held: Mapping[Place, int],
    began: datetime,
) -> list[_Span]:
    """Counts, and gives whose ids are to be listed: where the counts differ from what is held, and of months whose turn it is."""
    months = Counter(owner for owner, _ in held)
    created, rules = CreatedRange(scope.filters.created_since, None), _rules(scope)
    parts = [DealsOf(pack, created, rules) for pack in counting.packed(months, covered)]
    counted = counting.count_deals(doubt.with_, parts, began)
    tally.in_salesforce.update({Bucket(Part.IN_SCOPE, *place): number for place, number in counted.items()})
    places = held.keys() | counted.keys()
    rows: Counter[date] = Counter()
    for place in places:
        rows[place[1]] += max(held.get(place, 0), counted[place])
    tally.by_id = _due(doubt, OPPORTUNITY, rows)
    differing = {place for place in places if held.get(place, 0) != counted[place]}
    return _spans(covered, differing, tally.by_id)


def _due(doubt: Doubt, sobject: SObject, rows: Mapping[date, int]) -> list[date]:
    with doubt.with_.database.transaction() as connection:
        return rotation.months_due(rows, kept.ids_compared(connection, sobject.table_name))


def _list_deals(doubt: Doubt, what: Readable, scope: Scope, span: _Span, began: datetime) -> Listed:
    """Lists the ids of a span and takes what differs."""
    since = scope.filters.created_since
    start = max(_midnight(span.first), since) if since else _midnight(span.first)
    part = DealsOf(span.owners, CreatedRange(start, _midnight(span.end)), _rules(scope))
    ((_, pages),) = pages_of(doubt.with_, OPPORTUNITY.name, [part], lambda p: closing.keys_of(what, p), began)
    return take_listing(
        doubt.with_,
        what,
        pages,
        place_of=lambda row: (row["OwnerId"], counting.month_of(row["CreatedDate"])),
        held=lambda connection: holdings.deals_of(
            connection, scope, span.owners, span.first, span.end, began
        ),
        reopen=lambda connection, missing: under_way.uncover_owners(
            connection, sorted({owner for owner, _ in missing.values()})
        ),
    )


def children(doubt: Doubt, table: str) -> Counts:
    """Compares roles or mails deal by deal; they are counted together per month of their deals."""
    what, tally = readable(doubt.with_, BY_TABLE[table]), Tally()
    sobject, began = what.sobject, doubt.begin()
    with doubt.with_.database.transaction() as connection:
        deals = holdings.deals_with_children(connection, sobject)
    counted = counting.count_children(doubt.with_, what, [deal.id for deal in deals], began)
    months = {deal.id: deal.month for deal in deals}
    rows: Counter[date] = Counter()
    for deal in deals:
        tally.in_salesforce[Bucket(Part.IN_SCOPE, "", deal.month)] += counted[deal.id]
        rows[deal.month] += max(counted[deal.id], deal.children)
    tally.by_id = _due(doubt, sobject, rows)
    due = set(tally.by_id)
    differing = [
        deal.id
        for deal in deals
        if counted[deal.id] != deal.children or (deal.children and deal.month in due)
    ]
    total = Counts()
    parts = [ChildrenOf(sobject.parent or "Id", tuple(some)) for some in chunks(differing, DEALS_IN_A_QUERY)]
    for part, pages in pages_of(doubt.with_, sobject.name, parts, lambda p: closing.keys_of(what, p), began):
        listed = _take_children(doubt, what, part, pages, months, began)
        for deal_id in part.deals:
            tally.in_salesforce[Bucket(Part.IN_SCOPE, "", months[deal_id])] -= counted[deal_id]
        _take(tally, listed, ())
        total += Counts(tombstoned=listed.tombstoned)
        if listed.is_reopened:
            total += list_children(doubt.with_, table, part.deals)
    total += doubt.settle(tally, what, {}, Part.IN_SCOPE, began)
    total += fetch_pending(doubt.with_, table)
    doubt.conclude_object(tally, sobject)
    return total


def _take_children(
    doubt: Doubt,
    what: Readable,
    part: ChildrenOf,
    pages: Sequence[Page],
    months: Mapping[str, date],
    began: datetime,
) -> Listed:
    parent = part.parent
    return take_listing(
        doubt.with_,
        what,
        pages,
        place_of=lambda row: ("", months[row[parent]]),
        held=lambda connection: holdings.children_of(connection, what.sobject, part.deals, began),
        reopen=lambda connection, _: closing.reopen_children(connection, what.sobject, part.deals),
    )


def named(doubt: Doubt, table: str) -> Counts:
    """Asks for every row that others name, as contacts and accounts: it has no parent by which Salesforce could count it."""
    what, tally = readable(doubt.with_, BY_TABLE[table]), Tally()
    sobject, began = what.sobject, doubt.begin()
    with doubt.with_.database.transaction() as connection:
        held = holdings.read_before(connection, sobject, began)
        wanted = holdings.named_and_not_held(connection, sobject)
        want_all_named(connection, sobject, ledger.cursor_of(connection, table) or began)
    total = doubt.settle(tally, what, held, Part.IN_SCOPE, began)
    total += fetch_pending(doubt.with_, table)
    with doubt.with_.database.transaction() as connection:
        came = holdings.held_among(connection, sobject, wanted)
    this_month = began.date().replace(day=1)
    for record_id in wanted:
        bucket = Bucket(Part.IN_SCOPE, *came.get(record_id, ("", this_month)))
        tally.not_held[record_id] = bucket
        tally.in_salesforce[bucket] += 1
    tally.by_id = _months(tally)
    doubt.conclude_object(tally, sobject)
    return total


def whole(doubt: Doubt, table: str) -> Counts:
    """Compares every id of an object that is read whole, users, stages or record types: they are few."""
    what, tally = readable(doubt.with_, BY_TABLE[table]), Tally()
    sobject, began = what.sobject, doubt.begin()
    there = rows_of_whole.list_all(doubt.with_, what, began)
    with doubt.with_.database.transaction() as connection:
        live = holdings.live(connection, sobject, there)
        held = holdings.read_before(connection, sobject, began)
    for record_id, place in there.items():
        bucket = Bucket(Part.IN_SCOPE, *place)
        tally.in_salesforce[bucket] += 1
        if record_id not in live:
            tally.not_held[record_id] = bucket
    tally.not_there = {
        record_id: Bucket(Part.IN_SCOPE, *place)
        for record_id, place in held.items()
        if record_id not in there
    }
    total = rows_of_whole.read(doubt.with_, what, sorted(tally.not_held), began)
    asked = rows_of_whole.ask_again(doubt.with_, what, sorted(tally.not_there), began)
    tally.outcomes |= dict.fromkeys(asked.there, Outcome.ELSEWHERE)
    total += Counts(tombstoned=doubt.judge_gone(tally, sobject, asked.gone, {}))
    tally.by_id = _months(tally)
    doubt.conclude_object(tally, sobject)
    return total


def _spans(owners: Sequence[str], differing: Set[Place], due: Sequence[date]) -> list[_Span]:
    """An owner whose counts differ is listed alone, over all months that differ or are due; the others together, those that are due."""
    doubted = sorted({owner for owner, _ in differing})
    spans = []
    for owner in doubted:
        months = [*due, *(month for of, month in differing if of == owner)]
        spans.append(_Span((owner,), min(months), counting.next_month(max(months))))
    others = [owner for owner in owners if owner not in set(doubted)]
    return spans + [
        _Span(tuple(some), first, end)
        for first, end in rotation.runs(due)
        for some in chunks(others, OWNERS_IN_A_QUERY)
    ]


def _take(tally: Tally, listed: Listed, recounted: Iterable[Bucket]) -> None:
    """Puts what a listing showed in the place of the counts of these buckets."""
    for bucket in recounted:
        tally.in_salesforce[bucket] = 0
    for place in listed.ids.values():
        tally.in_salesforce[Bucket(Part.IN_SCOPE, *place)] += 1
    for found, into in ((listed.not_held, tally.not_held), (listed.not_there, tally.not_there)):
        into.update({record_id: Bucket(Part.IN_SCOPE, *place) for record_id, place in found.items()})


def _months(tally: Tally) -> list[date]:
    return sorted({bucket.month for bucket in tally.in_salesforce})


def _rules(scope: Scope) -> tuple[str, ...]:
    return tuple(rule.passes for rule in scope.filters.rules())


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
