"""The org's own time: real time plus an offset that tests and the admin endpoints turn, or a moment at which it stands still."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
        self._frozen: datetime | None = None
        self._stamping = threading.local()

    def now(self) -> datetime:
        """Returns the org's time, aware, in UTC."""
        return (self._frozen or self._real_now()) + self._offset

    def turn(self, by: timedelta) -> None:
        """Moves the org's time by `by` (negative turns it back)."""
        self._offset += by

    @property
    def is_frozen(self) -> bool:
        """Whether the org's time stands still."""
        return self._frozen is not None

    def freeze(self) -> None:
        """Lets the org's time stand still; it can still be turned. What is written meanwhile shares one stamp."""
        self._frozen = self._frozen or self._real_now()

    def thaw(self) -> None:
        """Lets the org's time go on, from real time and what it was turned by: it jumps ahead, never back."""
        self._frozen = None

    def stamp(self) -> str:
        """Returns now as stored text, e.g. `2026-05-01T07:25:37.000Z`: audit fields have second resolution."""
        return as_stamp(getattr(self._stamping, "moment", None) or self.now())

    @contextmanager
    def stamping(self, moment: datetime) -> Iterator[None]:
        """Gives what this thread writes inside the block the stamp of `moment`: that of a transaction which began then."""
        self._stamping.moment = moment
        try:
            yield
        finally:
            self._stamping.moment = None


def as_stamp(moment: datetime) -> str:
    """Returns an aware datetime as the store's sortable text in UTC, cut to the second."""
    return moment.astimezone(UTC).strftime(STAMP_FORMAT)
