"""A scenario: the switches, the clock and the faults that an org begins with, read from a file.

Belongs here: reading and checking the file, and setting what it says. Does not: what a switch, a clock or a fault is.
`{"switches": {…}, "clock": {"seconds": 0, "frozen": false}, "faults": [{"kind": …}, …]}`, each part as the admin endpoint takes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from local_org.admin_time import turn
from local_org.clock import Clock
from local_org.faults import Fault, Faults
from local_org.org import Org
from local_org.switches import Switches

PARTS = ("switches", "clock", "faults")


@dataclass(frozen=True)
class Scenario:
    """What an org begins with; by default nothing out of the ordinary."""

    switches: Mapping[str, object] = field(default_factory=dict)
    clock: Mapping[str, object] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()

    def begin(self, org: Org) -> Faults:
        """Sets switches and clock of an org, and returns its faults at work."""
        org.switches.set(self.switches)
        turn(org.clock, self.clock)
        faults = Faults()
        for fault in self.faults:
            faults.add(fault)
        return faults


NOTHING_SPECIAL = Scenario()


def read_scenario(path: Path) -> Scenario:
    """Reads a scenario from a JSON or YAML file (JSON is YAML). Raises OSError, and ValueError saying what cannot be meant."""
    try:
        given: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is neither JSON nor YAML: {error}") from None
    if not isinstance(given, dict) or not set(given) <= set(PARTS):
        raise ValueError(f"{path} must be an object with {', '.join(PARTS)}.")
    kinds = {"switches": dict, "clock": dict, "faults": list}
    if not all(isinstance(given.get(part, kind()), kind) for part, kind in kinds.items()):
        raise ValueError(f"{path}: switches and clock are objects, faults is a list.")
    made = Scenario(
        given.get("switches", {}), given.get("clock", {}), tuple(map(Fault.of, given.get("faults", [])))
    )
    Switches().set(made.switches)
    turn(Clock(), made.clock)
    return made
