"""What the demo modules share while one org is being made: chance, time, ids, and short notes on what exists already.

Belongs here: the notes that later records refer to (whole rows go straight to the store, so memory stays small at any size).
Does not: making records.
"""

from __future__ import annotations

from bisect import bisect
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from random import Random

from local_org.demo.moments import DAY
from local_org.demo.pools import Company, Pools
from local_org.ids import make_id

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


class Ids:
    """Hands out the ids of each key prefix in ascending order."""

    def __init__(self, used: Mapping[str, int]) -> None:
        """Counts on from the numbers that each prefix has used."""
        self._used = defaultdict(int, used)
        self._ready: defaultdict[str, list[str]] = defaultdict(list)

    def next(self, prefix: str) -> str:
        """Returns a new 18-character id."""
        ready = self._ready[prefix]
        if not ready:
            ready.extend(reversed(_up_to_the_next_62(prefix, self._used[prefix] + 1)))
        self._used[prefix] += 1
        return ready.pop()


def _up_to_the_next_62(prefix: str, number: int) -> list[str]:
    """Returns the ids from `number` to the end of its run of 62, which differ in their last digit and check character alone:
    a tenth of what as many calls of make_id take, which counts at half a million rows."""
    first = make_id(prefix, number - number % 62)  # ends in the digit 0, which is no capital
    stem, checks = first[:14], (first[15:17] + first[17], first[15:17] + CHECK[CHECK.index(first[17]) | 16])
    return [stem + digit + checks["A" <= digit <= "Z"] for digit in ALPHABET[number % 62 :]]


@dataclass(frozen=True)
class Owner:
    """A user who owns deals: part in the cast, share of the deals, and until when (seconds; None: still there)."""

    role: str
    user_id: str
    name: str
    email: str
    share: int
    left_at: int | None


@dataclass(frozen=True)
class AccountNote:
    """An account that exists, with the company behind it."""

    account_id: str
    name: str
    company: Company
    owner_id: str
    created_at: int


@dataclass(frozen=True)
class ContactNote:
    """A contact that exists."""

    contact_id: str
    name: str
    first: str | None
    email: str | None
    created_at: int


@dataclass(frozen=True)
class DealNote:
    """An opportunity that exists: its account's position, its owner's, and its life in seconds."""

    opportunity_id: str
    name: str
    account: int
    owner: int
    created_at: int
    ended_at: int


@dataclass
class World:
    """One demo org in the making. `today` is the midnight before which everything happened, `began` the first deal's day."""

    rng: Random
    pools: Pools
    ids: Ids
    today: int
    years: int
    admin_id: str = ""
    user_ids: list[str] = field(default_factory=list)
    integration_id: str = ""
    owners: list[Owner] = field(default_factory=list)
    record_types: dict[str, str] = field(default_factory=dict)
    accounts: list[AccountNote] = field(default_factory=list)
    contacts: list[list[ContactNote]] = field(default_factory=list)
    deals: list[DealNote] = field(default_factory=list)

    doomed: list[tuple[str, str]] = field(default_factory=list)
    """Object and id of what is deleted once everything is in the store."""
    merges: list[tuple[str, str]] = field(default_factory=list)
    """Winner and loser of contacts that are merged then."""

    _shares: list[int] = field(default_factory=list)

    @property
    def began(self) -> int:
        """Returns the second at which this org's history begins."""
        return self.today - self.years * 365 * DAY

    def pick_owner(self) -> int:
        """Returns the position of an owner, drawn by share."""
        if len(self._shares) != len(self.owners):
            self._shares = list(accumulate(owner.share for owner in self.owners))
        return bisect(self._shares, self.rng.random() * self._shares[-1])
