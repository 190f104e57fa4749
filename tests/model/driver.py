"""A history: a seed that says what happens, step by step, and the comparison at its end. No database, no clock, no network."""

from __future__ import annotations

from itertools import islice
from random import Random

from tests.model.ledger import ALL, Ledger, Scope
from tests.model.org import CONTACT, DEAL, LONGEST, MAIL, OBJECTS, ROLE, Org, Record
from tests.model.processes import Processes, ReadFailedError, Steps
from tests.model.rules import Rule

OWNERS = 3
STEPS = 70
_ROUNDS = 10
_LONG = 1000
_RANGES = (ALL, ALL & ~1, ALL & ~3)


class History:
    """One history of an org, its workspace and at most two processes at once."""

    def __init__(self, seed: int, broken: frozenset[Rule] = frozenset()) -> None:
        self.rng = Random(seed)
        self.org = Org(self.rng, OWNERS)
        for _ in range(6):
            self.org.act()
        self.org.wait(3 * LONGEST)  # what was there before no window shows
        self.ledger = Ledger(self.org.now, broken)
        self.processes = Processes(self.org, self.ledger)
        self.running: list[Steps | None] = [None, None]
        self.violation = ""
        self._cursors = dict(self.ledger.cursor)
        self._license(0)

    def run(self) -> str:
        """Lives the history; returns what was violated, or nothing."""
        for _ in range(STEPS):
            self._step()
            if self.violation:
                return self.violation
        return self._end()

    # -- one step ----------------------------------------------------------------------------------------------------------------

    def _step(self) -> None:
        random = self.rng.random()
        if random < 0.55:
            self._advance(0 if random < 0.38 else 1)
        elif random < 0.75:
            self.org.act()
        elif random < 0.85:
            self.org.wait(
                int(self.rng.random() * 3) if random < 0.82 else int(self.rng.random() * 2 * LONGEST)
            )
        elif random < 0.91:
            self._license(int(self.rng.random() * (OWNERS - 1)))
        elif random < 0.95:
            scope = self.ledger.scope
            minimum, months = int(self.rng.random() * 2), _RANGES[int(self.rng.random() * 3)]
            self.ledger.scope = Scope(scope.owners, minimum, months)
        elif random < 0.975:
            self.running[int(self.rng.random() * 2)] = None  # a kill
        elif random < 0.985:
            self.processes.faults += 1
        else:
            self._observe()

    def _license(self, owner: int) -> None:
        scope = self.ledger.scope
        self.ledger.scope = Scope(scope.owners ^ {owner}, scope.minimum, scope.months)

    def _advance(self, place: int) -> None:
        process = self.running[place]
        if process is None:
            begin = self.processes.follow if self.rng.random() < 0.6 else self.processes.list_missing
            self.running[place] = process = begin()
        try:
            next(process)
        except (StopIteration, ReadFailedError):
            self.running[place] = None

    def _observe(self) -> None:
        """What the ledger says about itself must be true at any moment."""
        ledger = self.ledger
        self.violation = self.violation or ledger.violation
        for sobject in OBJECTS:
            if ledger.cursor[sobject] < self._cursors[sobject]:
                self.violation = "a cursor ran back"
        self._cursors = dict(ledger.cursor)
        if DEAL in ledger.owed:
            return  # rows of a listing are as old as their page until its keys pass
        as_of = ledger.data_as_of(DEAL) - LONGEST
        for deal in self.org.records[DEAL].values():
            held = ledger.live(DEAL, deal.id)
            waits = ledger.pending[DEAL].get(deal.id)
            if (
                held
                and not deal.deleted
                and held.row.stamp < deal.stamp < as_of
                and not (waits and waits.aside == "refused")
            ):
                self.violation = "data_as_of runs ahead of the rows"
            if not held and self._is_covered(deal) and deal.stamp < as_of:
                self.violation = "covered, and missing"

    def _is_covered(self, deal: Record) -> bool:
        """Whether coverage says that this deal is held or pending."""
        scope = self.ledger.scope
        digest, months = self.ledger.owners.get(deal.parent, (0, 0))
        return (
            not deal.deleted
            and scope.takes(deal)
            and digest == scope.minimum
            and bool(months >> deal.created & 1)
        )

    # -- the end -----------------------------------------------------------------------------------------------------------------

    def _end(self) -> str:
        self._observe()
        while self.org.late:
            self.org.end(self.org.late[0])
        self.processes.faults = 0
        for _ in range(_ROUNDS):
            self.org.wait(2 * LONGEST)
            for process in (*self.running, self.processes.follow(), self.processes.list_missing()):
                if sum(1 for _ in islice(process or (), _LONG)) == _LONG:
                    return "a process does not come to an end"
            self.running = [None, None]
            if self._is_at_rest():
                self._observe()
                return self.violation or self._difference()
        return "the sync does not come to rest"

    def _is_at_rest(self) -> bool:
        ledger = self.ledger
        waits = any(p.aside != "not visible" for pending in ledger.pending for p in pending.values())
        uncovered = any(
            ledger.live(DEAL, d) and (d not in ledger.deals[ROLE] or d not in ledger.deals[MAIL])
            for d in ledger.admitted
        )
        return not (waits or uncovered or ledger.missing())

    def _difference(self) -> str:
        """Compares the live rows with a load from scratch over what is in scope now or was admitted earlier."""
        org, ledger = self.org, self.ledger
        deals = {
            d.id
            for d in org.records[DEAL].values()
            if not d.deleted and (ledger.scope.takes(d) or d.id in ledger.admitted)
        }
        named = {r.contact for r in org.records[ROLE].values() if not r.deleted and r.parent in deals}
        belongs = {
            DEAL: lambda r: r.id in deals,
            ROLE: lambda r: r.parent in deals,
            CONTACT: lambda r: r.id in named,
            MAIL: lambda r: r.parent in deals,
        }
        for sobject in OBJECTS:
            expected = {
                r.id: (r.version, r.parent, r.contact, r.stamp)
                for r in org.records[sobject].values()
                if not r.deleted and belongs[sobject](r)
            }
            held = {
                i: (h.row.version, h.row.parent, h.row.contact, h.row.stamp)
                for i, h in ledger.raw[sobject].items()
                if not h.gone and (sobject not in (ROLE, MAIL) or ledger.live(DEAL, h.row.parent))
            }
            if held != expected:
                return f"object {sobject}: held {held}, expected {expected}"
        return ""


def first_failure(broken: frozenset[Rule], seeds: range) -> tuple[int, str] | None:
    """The first of these seeds whose history violates something, and what."""
    for seed in seeds:
        found = History(seed, broken).run()
        if found:
            return seed, found
    return None
