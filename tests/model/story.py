"""The words in which a story is told: what people do in the org, what the app does, how far each process of the sync goes.

In a story nothing is left to chance: owner 0 is licensed when it begins, a read takes no time, and every process stops where it is
told to ("deal page stored" and the like are what processes.py yields). The stories themselves are in stories.py.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.model.ledger import ALL, Scope
from tests.model.org import CONTACT, DEAL, LONGEST, Record
from tests.model.processes import Steps
from tests.model.rules import Rule
from tests.model.world import World

FIRST, SECOND = 0, 1


class _NoChance(Random):
    """Draws nothing: always the first, in the order in which it lies."""

    def random(self) -> float:
        return 0.0

    def shuffle(self, x: object) -> None:
        """Leaves the order."""


class Story(World):
    """A world in which only what is told happens."""

    def __init__(self, broken: frozenset[Rule] = frozenset()) -> None:
        super().__init__(_NoChance(), 3, 0, broken)
        self.license(0)
        self.list()

    def hear(self, tell: Callable[[Story], None]) -> str:
        """Lives the story; returns what was violated, or nothing."""
        tell(self)
        return self.violation or self.end()

    # -- what people do ----------------------------------------------------------------------------------------------------------

    def deal(self, owner: int = 0, *, amount: int = 1) -> Record:
        """A new deal of the first month."""
        return self._priced(self.org.add(DEAL, owner, self.org.now), amount)

    def late_deal(self, owner: int = 0) -> None:
        """A new deal that is stamped now and seen when its transaction ends."""
        self.org.late.append(
            (self.org.now, None, lambda stamp: self._priced(self.org.add(DEAL, owner, stamp), 1) and None)
        )

    def child(self, sobject: int, deal: Record, contact: Record | None = None) -> Record:
        """A new role or mail."""
        return self.org.add(sobject, deal.id, self.org.now, contact.id if contact else 0)

    def contact(self) -> Record:
        """A new contact."""
        return self.org.add(CONTACT, 0, self.org.now)

    def edit(self, record: Record, *, parent: int | None = None) -> None:
        """Somebody saves a record, and may give it another parent."""
        record.parent = record.parent if parent is None else parent
        self.org.touch(record, self.org.now)

    def late_edit(self, record: Record, parent: int) -> None:
        """The same in a transaction that is stamped now and seen when it ends."""

        def act(stamp: int) -> None:
            record.parent = parent
            self.org.touch(record, stamp)

        self.org.late.append((self.org.now, record, act))

    def the_late_one_ends(self) -> None:
        """The oldest open transaction ends."""
        self.org.end(self.org.late[0])

    def filter(self, *, minimum: int = 0, months: int = ALL) -> None:
        """The app sets the filter."""
        self.ledger.scope = Scope(self.ledger.scope.owners, minimum, months)

    @staticmethod
    def _priced(deal: Record, amount: int) -> Record:
        deal.amount, deal.created = amount, 0
        return deal

    # -- what the sync does ------------------------------------------------------------------------------------------------------

    def begin(self, process: int, kind: str, until: str) -> None:
        """A process begins (to `follow`, to `list`) and stops when it has done what `until` says."""
        processes = self.processes
        begun: Steps = processes.follow() if kind == "follow" else processes.list_missing()
        self.running[process] = begun
        self.go_on(process, until)

    def go_on(self, process: int, until: str = "") -> None:
        """A process goes on until then, or to its end."""
        running = self.running[process]
        assert running is not None
        if not until:
            self._exhaust(running)
            self.running[process] = None
        elif until not in running:  # this takes steps until one of them is it
            raise AssertionError(f"The story is out of date: no step {until!r} came.")

    def kill(self, process: int) -> None:
        """A process ends here."""
        self.running[process] = None

    def tick(self) -> None:
        """The sensor's keys phase."""
        self._exhaust(self.processes.keys())

    def follow(self) -> None:
        """A run that follows changes."""
        self._exhaust(self.processes.follow())

    def list(self) -> None:
        """A run that lists what is missing."""
        self._exhaust(self.processes.list_missing())

    def time_passes_in_ticks(self) -> None:
        """So long that no later window shows what was stamped until now: only the sensor is awake."""
        self.org.wait(1)
        self.tick()
        self.org.wait(LONGEST + 5)
        self.tick()

    @staticmethod
    def _exhaust(steps: Steps) -> None:
        for _ in steps:
            pass
