"""The org's own time: real time plus an offset that tests and the admin endpoints turn."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

STAMP_FORMAT = "%Y-%m-%dT%H:%M:%S.000Z"


def _real_now() -> datetime:
    return datetime.now(UTC)


class Clock:
    """Tells the org's time; everything in the org that needs the time asks here."""

    def __init__(self, real_now: Callable[[], datetime] = _real_now) -> None:
        """Starts at `real_now()`, which returns an aware UTC datetime."""
        self._real_now = real_now
        self._offset = timedelta(0)

    def now(self) -> datetime:
        """Returns the org's time, aware, in UTC."""
        return self._real_now() + self._offset

    def turn(self, by: timedelta) -> None:
        """Moves the org's time by `by` (negative turns it back)."""
        self._offset += by

    def stamp(self) -> str:
        """Returns now as stored text, e.g. `2026-05-01T07:25:37.000Z`: audit fields have second resolution."""
        return as_stamp(self.now())


def as_stamp(moment: datetime) -> str:
    """Returns an aware datetime as the store's sortable text in UTC, cut to the second."""
    return moment.astimezone(UTC).strftime(STAMP_FORMAT)
