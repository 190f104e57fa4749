"""Salesforce's own counts of what is in scope: deals per owner and month, children per deal (R9). Asks; compares nothing.

A grouped query gives 2,000 groups at most and has no further page (SOQL limits): parts are made to stay below that by what is held,
and are halved where access that was granted shows more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from orchestration.entitlement.filters import owned_by
from orchestration.salesforce import soql
from orchestration.salesforce.pages import Page, Record
from orchestration.sync.asking import pages_of
from orchestration.sync.fields import Readable
from orchestration.sync.objects import OPPORTUNITY
from orchestration.sync.options import Collaborators
from orchestration.sync.plan import DEALS_IN_A_QUERY, OWNERS_IN_A_QUERY, chunks
from orchestration.sync.windows import ChildrenOf, CreatedRange

LIVE = soql.equal("IsDeleted", False)
GROUPS_IN_A_QUERY = 1_500
# Months that may have come since what is held was listed.
_SPARE_MONTHS = 2

OwnerMonth = tuple[str, date]


@dataclass(frozen=True)
class DealsOf:
    """The live deals of some owners created in a range that satisfy the filter's `rules` (SOQL conditions)."""

    owners: tuple[str, ...]
    created: CreatedRange
    rules: tuple[str, ...]

    def conditions(self) -> list[str]:
        """The deals as SOQL conditions."""
        return [owned_by(self.owners), *self.created.conditions(), *self.rules, LIVE]

    def halves(self, now: datetime) -> tuple[DealsOf, DealsOf] | None:
        """Those of half of the owners and of the others; those of one owner by the time of their creation."""
        if len(self.owners) > 1:
            middle = len(self.owners) // 2
            return replace(self, owners=self.owners[:middle]), replace(self, owners=self.owners[middle:])
        halves = self.created.halves(now)
        return (replace(self, created=halves[0]), replace(self, created=halves[1])) if halves else None

    def __str__(self) -> str:
        some = self.owners[0] if len(self.owners) == 1 else f"{len(self.owners)} owners"
        return f"of {some} {self.created}"


def packed(months_held: Mapping[str, int], owners: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Owners in packs whose groups, as far as what is held tells (owner → months), stay below what a query gives."""
    pack: list[str] = []
    groups = 0
    for owner in sorted(owners):
        expected = months_held.get(owner, 0) + _SPARE_MONTHS
        if pack and (groups + expected > GROUPS_IN_A_QUERY or len(pack) == OWNERS_IN_A_QUERY):
            yield tuple(pack)
            pack, groups = [], 0
        pack.append(owner)
        groups += expected
    if pack:
        yield tuple(pack)


def count_deals(with_: Collaborators, parts: Sequence[DealsOf], now: datetime) -> Counter[OwnerMonth]:
    """(owner, first day of the month of CreatedDate in UTC) → live deals, as Salesforce counts them."""
    # Date functions work on UTC, unless the query converts them (SOQL reference).
    by = ["OwnerId", "CALENDAR_YEAR(CreatedDate)", "CALENDAR_MONTH(CreatedDate)"]

    def query(part: DealsOf) -> str:
        fields = ["OwnerId", f"{by[1]} y", f"{by[2]} m", "COUNT(Id) n"]
        return soql.select(fields, OPPORTUNITY.name, part.conditions(), group_by=by)

    counted: Counter[OwnerMonth] = Counter()
    for _, pages in pages_of(with_, OPPORTUNITY.name, parts, query, now):
        for row in _records(pages):
            counted[row["OwnerId"], date(int(row["y"]), int(row["m"]), 1)] += int(row["n"])
    return counted


def count_children(with_: Collaborators, what: Readable, deals: Sequence[str], now: datetime) -> Counter[str]:
    """Deal → its live roles or mails, as Salesforce counts them."""
    parent = what.sobject.parent or "Id"
    parts = [ChildrenOf(parent, tuple(some)) for some in chunks(deals, DEALS_IN_A_QUERY)]

    def query(part: ChildrenOf) -> str:
        conditions = [*part.conditions(), LIVE]
        return soql.select([parent, "COUNT(Id) n"], what.sobject.name, conditions, group_by=[parent])

    counted: Counter[str] = Counter()
    for _, pages in pages_of(with_, what.sobject.name, parts, query, now):
        for row in _records(pages):
            counted[row[parent]] += int(row["n"])
    return counted


def month_of(created: str) -> date:
    """The first day of the month (UTC) of a CreatedDate as JSON has it."""
    return date(int(created[:4]), int(created[5:7]), 1)


def next_month(month: date) -> date:
    """The first day of the month after."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def _records(pages: Sequence[Page]) -> Iterator[Record]:
    return (row for page in pages for row in page.records())
