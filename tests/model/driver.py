"""A history: a seed that says what happens, step by step. No database, no clock, no network."""

from __future__ import annotations

from random import Random

from tests.model.ledger import ALL, Scope
from tests.model.org import LONGEST
from tests.model.processes import ReadFailedError
from tests.model.rules import Rule
from tests.model.world import World

OWNERS = 3
STEPS = 70
_MOST_BEFORE = 40
_RANGES = (ALL, ALL & ~1, ALL & ~3)


class History(World):
    """One history, drawn."""

    def __init__(self, seed: int, broken: frozenset[Rule] = frozenset()) -> None:
        rng = Random(seed)
        super().__init__(rng, OWNERS, int(rng.random() * _MOST_BEFORE), broken)
        self.license(0)

    def run(self) -> str:
        """Lives the history; returns what was violated, or nothing."""
        for _ in range(STEPS):
            self._step()
            if self.violation:
                return self.violation
        return self.end()

    def _step(self) -> None:
        random = self.rng.random()
        if random < 0.55:
            self._advance(0 if random < 0.38 else 1)
        elif random < 0.75:
            self.org.act()
        elif random < 0.85:
            self.org.wait(int(self.rng.random() * (3 if random < 0.81 else 2 * LONGEST)))
        elif random < 0.91:
            self.license(int(self.rng.random() * (OWNERS - 1)))
        elif random < 0.95:
            scope = self.ledger.scope
            minimum, months = int(self.rng.random() * 2), _RANGES[int(self.rng.random() * 3)]
            self.ledger.scope = Scope(scope.owners, minimum, months)
        elif random < 0.975:
            self.running[int(self.rng.random() * 2)] = None  # a kill
        elif random < 0.985:
            self.processes.faults += 1
        else:
            self.observe()

    def _advance(self, place: int) -> None:
        process = self.running[place]
        if process is None:
            random = self.rng.random()
            begin = (
                self.processes.keys
                if random < 0.2
                else self.processes.follow
                if random < 0.6
                else self.processes.list_missing
            )
            self.running[place] = process = begin()
        try:
            next(process)
        except (StopIteration, ReadFailedError):
            self.running[place] = None


def first_failure(broken: frozenset[Rule], seeds: range) -> tuple[int, str] | None:
    """The first of these seeds whose history violates something, and what."""
    for seed in seeds:
        found = History(seed, broken).run()
        if found:
            return seed, found
    return None
