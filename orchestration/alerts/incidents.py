"""From what is so now to incidents that open and close. Pure: what is looked at is observing.py's, what is kept ledger.py's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

QUIET = timedelta(minutes=5)
"""How long a condition must be gone before its incident ends: what fails every other minute is one incident, not thirty an hour."""

NEEDS_RECONNECT = ("connection", "needs_reconnect")
# What follows from a dead connection: age of the data, and runs whose remedy is to connect again.
_FOLLOWS = ("stale", "reconnect")


@dataclass(frozen=True)
class Sighting:
    """Something that is so now and that a person should know of.

    `subject` (connection, data, runs.<job>, uploads, setup.<item>, columns.<table>) and `cause` are stable: together they name the
    incident. `text` says what is so, what still works, and the next step with who takes it; ids and codes, never a record's content.
    """

    subject: str
    cause: str
    text: str

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from others."""
        return self.subject, self.cause


@dataclass(frozen=True)
class Incident:
    """One that is open: since when, and when it was last seen (aware, UTC)."""

    incident_id: int
    subject: str
    cause: str
    text: str
    opened_at: datetime
    seen_at: datetime

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from other open ones."""
        return self.subject, self.cause


@dataclass(frozen=True)
class Decision:
    """What becomes of the incidents: `opened` are new, `seen` go on, `closed` (ids) have ended."""

    opened: tuple[Sighting, ...]
    seen: tuple[Sighting, ...]
    closed: tuple[int, ...]


def decide(held: Sequence[Incident], sightings: Iterable[Sighting], now: datetime) -> Decision:
    """Compares the open incidents with what is so now.

    What only follows from a dead connection opens nothing beside it; if it was open before, it stays so.
    """
    now_so = {sighting.key: sighting for sighting in sightings}
    open_keys = {incident.key for incident in held}
    is_dead = NEEDS_RECONNECT in now_so
    opened = tuple(
        sighting
        for key, sighting in now_so.items()
        if key not in open_keys and not (is_dead and sighting.cause in _FOLLOWS)
    )
    closed = tuple(
        incident.incident_id
        for incident in held
        if incident.key not in now_so and now - incident.seen_at >= QUIET
    )
    return Decision(opened, tuple(now_so[key] for key in now_so.keys() & open_keys), closed)
