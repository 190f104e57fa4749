"""What the sync holds, and what it does inside one transaction. Every method here is one, or part of one: it happens at once or not.

Belongs here: classifying keys, storing rows, judging refusals, covering. What is asked of the org, and in which order, is processes.py's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tests.model.org import CONTACT, DEAL, LONGEST, MAIL, MONTHS, OBJECTS, ROLE, Record
from tests.model.rules import Rule

SETTLED = 3  # seconds after its stamp from which on a read of a row is final: a minute in the sync
ALL = (1 << MONTHS) - 1


@dataclass(frozen=True)
class Scope:
    """Licensed owners, and the filter: an amount that keeps deals out (the digest), and the first month (the range)."""

    owners: frozenset[int]
    minimum: int
    months: int  # bits of the months that may come in

    def takes(self, deal: Record, amount: bool = True) -> bool:
        """Whether a deal may come in; a key does not know its amount."""
        return (
            deal.parent in self.owners
            and bool(self.months >> deal.created & 1)
            and (not amount or deal.amount >= self.minimum)
        )


@dataclass(frozen=True)
class Since:
    """The cursor before keys were read. They begin there if they are of a window that is followed; others may be older."""

    cursor: int
    follows: bool = False


class Held:
    """One raw row."""

    __slots__ = ("gone", "read_at", "row")

    def __init__(self, row: Record, read_at: int) -> None:
        self.row, self.read_at, self.gone = row, read_at, ""


class Pending:
    """One id that waits to be fetched."""

    __slots__ = ("aside", "parent", "retry", "since", "stamp")

    def __init__(self, stamp: int, parent: int, since: int) -> None:
        self.stamp, self.parent, self.since, self.aside, self.retry = stamp, parent, since, "", 0


class Ledger:
    """The sync's database."""

    def __init__(self, now: int, broken: frozenset[Rule]) -> None:
        self.broken = broken
        self.scope = Scope(frozenset(), 0, ALL)  # the app's side
        self.cursor = dict.fromkeys(OBJECTS, now)
        self.raw: tuple[dict[int, Held], ...] = ({}, {}, {}, {})
        self.pending: tuple[dict[int, Pending], ...] = ({}, {}, {}, {})
        self.owners: dict[int, tuple[int, int]] = {}  # owner → digest, months covered
        self.deals: tuple[set[int], ...] = (
            set(),
            set(),
            set(),
            set(),
        )  # per object, deals whose children are covered
        self.admitted: set[int] = set()
        self.violation = ""
        self.uncovered: list[tuple[int, int, int]] = []  # object, deal and when its coverage was dropped
        self.clock = 0  # of the database: counts what happens in it
        self.owed: dict[
            int, int
        ] = {}  # object → since when keys must be read again, because a listing has stored rows

    def has(self, rule: Rule) -> bool:
        """Whether this model keeps the rule."""
        return rule not in self.broken

    def live(self, sobject: int, id: int) -> Held | None:
        """The row that is held and not tombstoned."""
        held = self.raw[sobject].get(id)
        return held if held and not held.gone else None

    def in_scope(self, deal: int) -> bool:
        """Whether a deal's children are followed."""
        return deal in self.admitted

    def is_named(self, contact: int) -> bool:
        """Whether a live role names the contact."""
        return any(not h.gone and h.row.contact == contact for h in self.raw[ROLE].values())

    # -- keys --------------------------------------------------------------------------------------------------------------------

    def drop_skipped(self, scope: Scope) -> None:
        """Coverage of whose changes are being skipped goes; ranges are cut to the filter's."""
        for owner, (digest, months) in list(self.owners.items()):
            if (self.has(Rule.DROP_UNENTITLED_COVERAGE) and owner not in scope.owners) or (
                self.has(Rule.DIGEST) and digest != scope.minimum
            ):
                del self.owners[owner]
            elif self.has(Rule.CUT_RANGES):
                self.owners[owner] = digest, months & scope.months

    def classify(
        self, sobject: int, keys: Iterable[Record], read_at: int, since: Since, scope: Scope, last: int = 0
    ) -> None:
        """Keys become tombstones, pending ids, or nothing; no later window shows keys stamped before `last`."""
        for key in keys:
            held = self.raw[sobject].get(key.id)
            if key.deleted:
                self._gone(sobject, key, held, read_at)
                continue
            if held and held.gone and sobject in (DEAL, CONTACT):
                self._uncover(sobject, key.id)
            if (
                sobject == CONTACT and held is None
            ):  # never held: its role may be, that went to the bin with it
                self._uncover_gone_roles(key.id)
            if sobject == MAIL and held and held.gone != "moved" and self._moves_out(key, held, read_at):
                self._tombstone(held, key, read_at, "moved")
            if sobject == CONTACT and held and not held.gone:
                self._contacts_leave([key.id], read_at)
            self._pend(sobject, key, held, read_at, since, scope, last)

    def _moves_out(self, key: Record, held: Held, read_at: int) -> bool:
        newer = (key.stamp, read_at) >= (held.row.stamp, held.read_at)
        return newer and not self.in_scope(key.parent) and self.has(Rule.MAIL_MOVES_OUT)

    def _gone(self, sobject: int, key: Record, held: Held | None, read_at: int) -> None:
        newer = held and (key.stamp, read_at) >= (held.row.stamp, held.read_at)
        if held and held.gone in ("", "moved") and newer and self.has(Rule.TOMBSTONE_FROM_THE_KEY):
            self._tombstone(held, key, read_at, "deleted")
            if sobject == ROLE:
                self._contacts_leave([held.row.contact], read_at)
            if sobject == CONTACT:
                self._uncover(sobject, key.id)
        waits = self.pending[sobject].get(key.id)
        if sobject == DEAL:
            self._uncover(sobject, key.id)
        if waits and waits.stamp <= key.stamp:
            del self.pending[sobject][key.id]

    def _tombstone(self, held: Held, key: Record, read_at: int, why: str) -> None:
        held.row = held.row.copy()
        held.row.stamp, held.row.deleted, held.gone, held.read_at = key.stamp, key.deleted, why, read_at
        if why == "moved":
            held.row.parent = key.parent

    def _uncover(self, sobject: int, id: int) -> None:
        """A flip of a deal or a contact moves children that carry no new stamp."""
        if not self.has(Rule.FLIPS_UNCOVER_CHILDREN):
            return
        deals = (
            [id]
            if sobject == DEAL
            else [h.row.parent for h in self.raw[ROLE].values() if h.row.contact == id]
        )
        for deal in deals:
            self.uncover(ROLE, deal)
        if sobject == DEAL:
            self.uncover(MAIL, id)

    def _uncover_gone_roles(self, contact: int) -> None:
        gone = [h.row.parent for h in self.raw[ROLE].values() if h.gone and h.row.contact == contact]
        for deal in gone if self.has(Rule.FLIPS_OF_CONTACTS_NEVER_HELD) else ():
            self.uncover(ROLE, deal)

    def uncover(self, sobject: int, deal: int) -> None:
        """Drops the coverage of a deal's children, also for a listing that is under way."""
        self.clock += 1
        self.deals[sobject].discard(deal)
        self.uncovered.append((sobject, deal, self.clock))

    def cover_children(self, sobject: int, deals: Iterable[int], began: int) -> None:
        """Covers children listed since `began` by the database's clock, unless the deal is gone or was uncovered meanwhile."""
        late = {
            d
            for o, d, at in self.uncovered
            if o == sobject and at > began and self.has(Rule.UNCOVERED_MEANWHILE)
        }
        self.deals[sobject].update(d for d in deals if self.live(DEAL, d) and d not in late)

    def _contacts_leave(self, contacts: Iterable[int], read_at: int) -> None:
        if self.has(Rule.CONTACTS_LEAVE):
            for contact in contacts:
                held = self.live(CONTACT, contact)
                if held and not self.is_named(contact):
                    held.gone = "moved"

    def _pend(
        self,
        sobject: int,
        key: Record,
        held: Held | None,
        read_at: int,
        since: Since,
        scope: Scope,
        last: int,
    ) -> None:
        follows = held is not None and held.gone != "moved" and self.has(Rule.KEYS_OF_HELD_ROWS)
        if (follows and held and self._is_news(key, held, read_at, last)) or (
            (held is None or held.gone) and self._is_entitled(sobject, key, scope)
        ):
            is_older = not since.follows and self.has(Rule.SINCE_THE_STAMP)
            self._announce(sobject, key, min(since.cursor, key.stamp) if is_older else since.cursor)

    def _is_news(self, key: Record, held: Held, read_at: int, last: int) -> bool:
        if key.stamp != held.row.stamp:
            return key.stamp > held.row.stamp
        if held.gone:
            return True
        if held.read_at < min(read_at, held.row.stamp + SETTLED):
            return self.has(Rule.TIES)
        late = key.stamp < last and held.read_at < min(read_at, held.row.stamp + LONGEST)
        return late and self.has(Rule.LATE_TIES)

    def _is_entitled(self, sobject: int, key: Record, scope: Scope) -> bool:
        if sobject == DEAL:
            return self.in_scope(key.id) or scope.takes(key, amount=False)
        return self.is_named(key.id) if sobject == CONTACT else self.in_scope(key.parent)

    def _announce(self, sobject: int, key: Record, since: int) -> None:
        waits = self.pending[sobject].get(key.id)
        if waits is None:
            self.pending[sobject][key.id] = Pending(key.stamp, key.parent, since)
        elif key.stamp > waits.stamp or (
            key.stamp == waits.stamp
            and key.parent != waits.parent
            and self.has(Rule.PENDING_FOLLOWS_THE_PARENT)
        ):
            waits.stamp, waits.parent, waits.since, waits.aside = (
                key.stamp,
                key.parent,
                min(since, waits.since),
                "",
            )

    # -- rows --------------------------------------------------------------------------------------------------------------------

    def store(self, sobject: int, rows: list[Record], read_at: int, asked: Scope) -> bool:
        """Rows arrive: merged, admitted, their contacts wanted, their pending ids settled; says whether some were left out."""
        entitled = self._entitled(rows, asked) if sobject == DEAL else rows
        for row in entitled:
            if sobject == CONTACT and self.has(Rule.CONTACTS_LEAVE) and not self.is_named(row.id):
                continue
            former = self.raw[sobject].get(row.id)
            contact = former.row.contact if former else 0
            self._merge(sobject, row, read_at)
            if sobject == DEAL and self.has(Rule.ADMISSION):
                if row.id not in self.admitted and not self.scope.takes(row):
                    self.violation = "a deal was admitted that is not entitled"
                self.admitted.add(row.id)
            if sobject == ROLE:
                self._want(row)
                if contact != row.contact:
                    self._contacts_leave([contact], read_at)
            waits = self.pending[sobject].get(row.id)
            if waits and (waits.stamp <= row.stamp or not self.has(Rule.PENDING_KEEPS_NEWER)):
                del self.pending[sobject][row.id]
                if waits.stamp > row.stamp:
                    self.violation = "a change that was announced is forgotten"
        return len(entitled) < len(rows)

    def _entitled(self, deals: list[Record], asked: Scope) -> list[Record]:
        """Those that were admitted before, or are in scope now by the filter that they were asked for with."""
        now = self.scope
        same = (now.minimum, now.months) == (asked.minimum, asked.months)
        found = [d for d in deals if d.id in self.admitted or (same and d.parent in now.owners)]
        if not self.has(Rule.ENTITLED_WHEN_STORED):
            return deals
        for deal in deals:
            if deal not in found and self.has(Rule.LEFT_OUT_IS_NOT_COVERED):
                self.owners.pop(deal.parent, None)
        return found

    def ask_again(self, sobject: int, rows: Iterable[Record], read_at: int) -> None:
        """What changed between an answer and the cursor was judged without its rows: keys of what was not held were forgotten."""
        if read_at < self.cursor[sobject] - 1:
            for row in rows:
                if self.live(sobject, row.id):
                    self.pending[sobject].setdefault(row.id, Pending(row.stamp, row.parent, read_at))

    def _merge(self, sobject: int, row: Record, read_at: int) -> None:
        held = self.raw[sobject].get(row.id)
        newer = held is None or (row.stamp, read_at) >= (held.row.stamp, held.read_at)
        # That a row is out of scope is no fact of the org's: whoever brings it has found it in scope.
        newer = newer or (held is not None and held.gone == "moved" and row.stamp >= held.row.stamp)
        if newer or not self.has(Rule.ORDER):
            if held and held.row.stamp > row.stamp:
                self.violation = "a row went back to an older state"
            self.raw[sobject][row.id] = Held(row, read_at)

    def _want(self, role: Record) -> None:
        held = self.raw[CONTACT].get(role.contact)
        missing = held is None or held.gone == "moved"
        if missing and self.has(Rule.ROLES_WANT_CONTACTS) and role.contact not in self.pending[CONTACT]:
            self.pending[CONTACT][role.contact] = Pending(0, 0, self.cursor[CONTACT])

    # -- refusals and coverage ---------------------------------------------------------------------------------------------------

    def refuse(self, sobject: int, id: int, asked: Scope, now: int) -> None:
        """An id that exists and does not match goes, with the coverage that another predicate promised."""
        waits = self.pending[sobject][id]
        if self.has(Rule.REFUSED_GOES_WITH_COVERAGE):
            if sobject == DEAL:
                digest, months = self.owners.get(waits.parent, (0, 0))
                kept = waits.parent in asked.owners and digest == asked.minimum and not months & ~asked.months
                if not kept:
                    self.owners.pop(waits.parent, None)
            else:
                self.uncover(sobject, waits.parent)
        if sobject == DEAL and waits.aside != "refused":
            # Out of sight until the windows no longer show its key, then asked for once more.
            waits.aside, waits.retry = "refused", now + 2 * LONGEST
        else:
            del self.pending[sobject][id]

    def cover(self, owner: int, asked: Scope, months: int, now: Scope) -> None:
        """An owner's range is covered, if the owner is in scope now by the filter that the listing began with."""
        if self.has(Rule.COVER_ONLY_THE_ENTITLED) and (
            owner not in now.owners or (now.minimum, now.months) != (asked.minimum, asked.months)
        ):
            return
        digest, held = self.owners.get(owner, (asked.minimum, 0))
        self.owners[owner] = asked.minimum, months | (held if digest == asked.minimum else 0)

    def missing(self) -> dict[int, int]:
        """Owner → months that are entitled and not covered."""
        found = {}
        for owner in self.scope.owners:
            digest, months = self.owners.get(owner, (self.scope.minimum, 0))
            left = self.scope.months & ~(
                months if digest == self.scope.minimum or not self.has(Rule.DIGEST) else 0
            )
            if left:
                found[owner] = left
        return found

    def data_as_of(self, sobject: int) -> int:
        """Up to when rows are right, by the ledger's own word."""
        waiting = [p.since for p in self.pending[sobject].values() if not p.aside]
        return min([self.cursor[sobject], *(waiting if self.has(Rule.SINCE) else [])])
