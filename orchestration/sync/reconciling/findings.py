"""What a comparison found, as data: rows of counts, and the ids that differ with what became of each. Pure.

How the ids were found is closing.py's; how it is told to people stands in texts.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from orchestration.errors import FluintError
from orchestration.sync.reconciling.judging import HARD_DELETED, NOT_VISIBLE, Withheld


class Part(StrEnum):
    """Which deals a row counts: those that match the scope predicate now, or those that came in earlier and were kept."""

    IN_SCOPE = "in_scope"
    KEPT = "kept"


@dataclass(frozen=True)
class Bucket:
    """What is counted together: an owner's deals of a month of CreatedDate (UTC), or all children of the deals of a month."""

    part: Part
    owner_id: str
    month: date


class Kind(StrEnum):
    """On which side an id is missing."""

    NOT_HELD = "not_held"  # Salesforce has it, we do not
    NOT_THERE = "not_there"  # we hold it, Salesforce did not count it


class Outcome(StrEnum):
    """What became of an id that differed; the first four leave the difference open."""

    WAITING = "waiting"  # wanted, and not read yet
    PERMISSIONS_CHANGED = Withheld.PERMISSIONS_CHANGED.value
    TOO_MANY = Withheld.TOO_MANY.value
    UNKNOWN = "unknown"  # the reading failed before anything could be concluded
    BROUGHT_IN = "brought_in"
    MOVED_ON = "moved_on"  # it changed in between and does not match any more
    ELSEWHERE = "elsewhere"  # it is there, with another owner or parent, and is followed
    SOFT_DELETED = "soft_deleted"
    HARD_DELETED = HARD_DELETED
    NOT_VISIBLE = NOT_VISIBLE

    @property
    def is_open(self) -> bool:
        """Whether the two sides still differ in this id."""
        return self in (Outcome.WAITING, Outcome.PERMISSIONS_CHANGED, Outcome.TOO_MANY, Outcome.UNKNOWN)


@dataclass(frozen=True)
class Difference:
    """One id that was on one side only, where, and what became of it."""

    id: str
    kind: Kind
    outcome: Outcome
    bucket: Bucket


@dataclass(frozen=True)
class Row:
    """One bucket after the run has closed what it could: Salesforce's count, the live rows held, how many came in just now."""

    bucket: Bucket
    in_salesforce: int
    held: int
    brought_in: int


@dataclass(frozen=True)
class Finding:
    """One object's comparison; with an `error` it proves nothing, and rows and differences are those found until then.

    `owners_not_listed` counts owners in scope whose deals were not all listed yet: of them a count says nothing. `by_id`: the months
    whose ids were all compared, whatever their counts said. `is_absent`: the org lacks the object, and nothing of it is held.
    """

    table: str
    rows: tuple[Row, ...] = ()
    differences: tuple[Difference, ...] = ()
    withheld: Withheld | None = None
    owners_not_listed: int = 0
    by_id: tuple[date, ...] = ()
    error: FluintError | None = None
    is_absent: bool = False

    @property
    def in_salesforce(self) -> int:
        """What Salesforce counts in all rows."""
        return sum(row.in_salesforce for row in self.rows)

    @property
    def held(self) -> int:
        """What is held in all rows."""
        return sum(row.held for row in self.rows)

    @property
    def open(self) -> list[Difference]:
        """What still differs."""
        return [each for each in self.differences if each.outcome.is_open]

    def count(self, *outcomes: Outcome) -> int:
        """How many ids ended so."""
        return sum(each.outcome in outcomes for each in self.differences)

    @property
    def is_complete(self) -> bool:
        """Whether the comparison was made whole and nothing differs any more."""
        return self.error is None and not self.open


@dataclass
class Tally:
    """Collects one object's counts and differences while it is compared."""

    in_salesforce: Counter[Bucket] = field(default_factory=Counter)
    not_held: dict[str, Bucket] = field(default_factory=dict)
    not_there: dict[str, Bucket] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    by_id: list[date] = field(default_factory=list)

    def count(self, counts: Mapping[Bucket, int]) -> None:
        """Takes what Salesforce has in these buckets, in place of what was counted before."""
        for bucket, number in counts.items():
            self.in_salesforce[bucket] = number

    def differences(self) -> tuple[Difference, ...]:
        """Every id that differed, in order; without an outcome it is unknown."""
        sides = ((Kind.NOT_HELD, self.not_held), (Kind.NOT_THERE, self.not_there))
        return tuple(
            Difference(record_id, kind, self.outcomes.get(record_id, Outcome.UNKNOWN), bucket)
            for kind, found in sides
            for record_id, bucket in sorted(found.items())
        )

    def rows(self) -> tuple[Row, ...]:
        """The counts as they stand after every outcome."""
        differences = self.differences()
        came = _per_bucket(d for d in differences if d.outcome is Outcome.BROUGHT_IN)
        moved = _per_bucket(d for d in differences if d.outcome is Outcome.MOVED_ON)
        lacking = _per_bucket(d for d in differences if d.kind is Kind.NOT_HELD and d.outcome.is_open)
        left = _per_bucket(d for d in differences if d.kind is Kind.NOT_THERE and d.outcome.is_open)
        rows = []
        for bucket in sorted(self.in_salesforce.keys() | left.keys(), key=_order):
            there = self.in_salesforce[bucket] - moved[bucket]
            rows.append(Row(bucket, there, there - lacking[bucket] + left[bucket], came[bucket]))
        return tuple(rows)


def _per_bucket(differences: Iterable[Difference]) -> Counter[Bucket]:
    return Counter(difference.bucket for difference in differences)


def _order(bucket: Bucket) -> tuple[str, str, date]:
    return bucket.part, bucket.owner_id, bucket.month
