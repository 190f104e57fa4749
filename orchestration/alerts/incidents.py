"""From what is so now to incidents that open and close. Pure: what is looked at is observing.py's, what is kept ledger.py's.

Which judgement is told, and what follows from what, is judged.py's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

QUIET = timedelta(minutes=5)
"""How long a condition must be gone before its incident ends: what fails every other minute is one incident, not thirty an hour."""

TOLD_AGAIN = timedelta(days=1)
"""How long an incident of things that happen one by one is quiet before a further one is told: what is never mended hides none for ever."""


@dataclass(frozen=True)
class Sighting:
    """Something that is so now and that a person should know of.

    `subject` (connection, data, data.<table>, runs.<job>, uploads, setup.<item>, columns.<table>) and `cause` are stable: together they
    name the incident. `text` says what is so, what still works, and the next step with who takes it; ids and codes, never a record's
    content. `follows`: it only comes of another one. `latest` (aware, UTC): of what happens one by one, when the last one did.
    """

    subject: str
    cause: str
    text: str
    follows: bool = False
    latest: datetime | None = None

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
    """What becomes of the incidents: `opened` are new, `seen` go on, `closed` (ids) have ended.

    `renewed` (ids) give way to one that is `opened` in their place; nobody is told that they ended, because they did not.
    """

    opened: tuple[Sighting, ...]
    seen: tuple[Sighting, ...]
    closed: tuple[int, ...]
    renewed: tuple[int, ...] = ()


def decide(held: Sequence[Incident], sightings: Iterable[Sighting], now: datetime) -> Decision:
    """Compares the open incidents with what is so now.

    What only follows from another sighting opens nothing beside it; if it was open before, it stays so.
    """
    now_so = {sighting.key: sighting for sighting in sightings}
    renewed = {incident.key: incident.incident_id for incident in held if _is_news(incident, now_so, now)}
    open_keys = {incident.key for incident in held} - renewed.keys()
    opened = tuple(
        sighting
        for key, sighting in now_so.items()
        if key in renewed or (key not in open_keys and not sighting.follows)
    )
    closed = tuple(
        incident.incident_id
        for incident in held
        if incident.key not in now_so and now - incident.seen_at >= QUIET
    )
    seen = tuple(now_so[key] for key in now_so.keys() & open_keys)
    return Decision(opened, seen, closed, tuple(renewed.values()))


def _is_news(incident: Incident, now_so: Mapping[tuple[str, str], Sighting], now: datetime) -> bool:
    """Whether something happened since it was told that is to be told as well, and enough time passed."""
    sighting = now_so.get(incident.key)
    latest = sighting.latest if sighting else None
    return latest is not None and latest > incident.opened_at and now - incident.opened_at >= TOLD_AGAIN
