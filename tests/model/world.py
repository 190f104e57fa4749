"""An org and its workspace, what must be true of them at every moment, and what at the end. No database, no clock, no network.

Belongs here: the comparison. What happens in between is drawn (driver.py) or told (stories.py).
"""

from __future__ import annotations

from itertools import islice
from random import Random

from tests.model.ledger import Ledger, Scope
from tests.model.org import CONTACT, DEAL, LONGEST, MAIL, OBJECTS, ROLE, Org, Record
from tests.model.processes import Processes, Steps
from tests.model.rules import Rule

_ROUNDS = 10
_LONG = 1000


class World:
    """One org, one workspace that begins after something was there, and at most two processes at once."""

    def __init__(self, rng: Random, owners: int, before: int, broken: frozenset[Rule]) -> None:
        self.rng = rng
        self.org = Org(rng, owners)
        for _ in range(before):
            self.org.act()
        self.org.wait(3 * LONGEST)  # what was there before no window shows
        self.ledger = Ledger(self.org.now, broken)
        self.processes = Processes(self.org, self.ledger)
        self.running: list[Steps | None] = [None, None]
        self.violation = ""
        self._cursors = dict(self.ledger.cursor)

    def license(self, owner: int) -> None:
        """The app gives a licence, or takes it."""
        scope = self.ledger.scope
        self.ledger.scope = Scope(scope.owners ^ {owner}, scope.minimum, scope.months)

    def observe(self) -> None:
        """What the ledger says about itself must be true at any moment."""
        ledger = self.ledger
        self.violation = self.violation or ledger.violation
        for sobject in OBJECTS:
            if ledger.cursor[sobject] < self._cursors[sobject]:
                self.violation = "a cursor ran back"
        self._cursors = dict(ledger.cursor)
        if DEAL in ledger.owed:
            return  # rows of a listing are as old as their page until its keys pass
        for deal in self.org.records[DEAL].values():
            as_of = ledger.data_as_of(DEAL) - (LONGEST if deal.late else 0)
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

    def end(self) -> str:
        """Lets everything end that is under way; returns what was violated, or nothing."""
        self.observe()
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
                self.observe()
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
        # A role that was in the bin before it was ever held, and comes back with its contact, shows in no key of anything that is
        # held: only the nightly count finds it (R9), and only if an undelete leaves the stamps of children, which nobody has seen.
        roles = {r.id for r in org.records[ROLE].values() if not r.back or r.id in ledger.raw[ROLE]}
        named = {
            r.contact
            for i, r in org.records[ROLE].items()
            if not r.deleted and r.parent in deals and i in roles
        }
        belongs = {
            DEAL: lambda r: r.id in deals,
            ROLE: lambda r: r.parent in deals and r.id in roles,
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
