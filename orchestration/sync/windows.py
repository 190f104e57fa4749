"""Time windows and back-off, decided from values alone. No I/O, no clock of this machine: times come from Salesforce."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from orchestration.salesforce import soql
from orchestration.salesforce.spans import FOUNDED, middle_of


@dataclass(frozen=True)
class Window:
    """A half-open span of SystemModstamp, `start <= stamp < end`, aware and in UTC."""

    start: datetime
    end: datetime

    def conditions(self) -> list[str]:
        """The window as SOQL conditions."""
        return soql.within("SystemModstamp", self.start, self.end)

    def halves(self, now: datetime) -> tuple[Window, Window] | None:
        """The earlier and the later half; None for a window of a second."""
        middle = middle_of(self.start, self.end)
        return (Window(self.start, middle), Window(middle, self.end)) if middle else None

    def __str__(self) -> str:
        return f"changed from {self.start:%Y-%m-%d %H:%M:%S} to {self.end:%Y-%m-%d %H:%M:%S} UTC"


def window_to_follow(cursor: datetime, horizon: datetime, overlap: timedelta) -> Window:
    """The keys to read for a cursor: from `overlap` before it, since a row is stamped before it is committed (R2).

    A horizon before the cursor means that the cursor once followed a time that was ahead. It does not move until that time has
    come, and what changes meanwhile is read from before the horizon.
    """
    return Window(min(cursor, horizon) - overlap, max(horizon, cursor))


def followed_up_to(window: Window, cursor: datetime | None, answered_at: datetime) -> datetime:
    """Up to when an answer proves that changes were followed: the window's end, or its own Date where that is earlier.

    An answer that is dated before the question comes from a cache on the way, or the question was dated ahead.
    """
    proven = min(window.end, answered_at)
    return max(cursor, proven) if cursor else proven


def window_of_listing(began: datetime, now: datetime, overlap: timedelta, cursor: datetime | None) -> Window:
    """The keys that a listing must read again at its end, up to the cursor where that is ahead of the clock (R5)."""
    return Window(min(began, now) - overlap, max(now, began, cursor or now))


@dataclass(frozen=True)
class CreatedRange:
    """A half-open span of CreatedDate; None is open. What a listing covers is expressed in it."""

    start: datetime | None
    end: datetime | None

    def conditions(self) -> list[str]:
        """The range as SOQL conditions."""
        return soql.within("CreatedDate", self.start, self.end)

    def halves(self, now: datetime) -> tuple[CreatedRange, CreatedRange] | None:
        """The earlier and the later half, each as open as the whole is; None for a range of a second."""
        middle = middle_of(self.start or FOUNDED, self.end or now)
        return (CreatedRange(self.start, middle), CreatedRange(middle, self.end)) if middle else None

    def __str__(self) -> str:
        start = f" from {self.start:%Y-%m-%d %H:%M:%S}" if self.start else ""
        end = f" to {self.end:%Y-%m-%d %H:%M:%S}" if self.end else ""
        return f"created{start}{end} UTC" if start or end else "created at any time"

    def multirange(self) -> str:
        """The range as the text of a Postgres tstzmultirange."""
        lower = self.start.isoformat() if self.start else ""
        upper = self.end.isoformat() if self.end else ""
        return f"{{[{lower},{upper})}}"

    def cut_to(self, since: datetime | None) -> CreatedRange | None:
        """The part of the range from `since` on, or None when nothing is left."""
        start = max((t for t in (self.start, since) if t), default=None)
        return None if start and self.end and start >= self.end else CreatedRange(start, self.end)


@dataclass(frozen=True)
class ChildrenOf:
    """The children of some deals by the field `parent`, created in a range."""

    parent: str
    deals: tuple[str, ...]
    created: CreatedRange = CreatedRange(None, None)

    def conditions(self) -> list[str]:
        """The children as SOQL conditions."""
        return [soql.is_in(self.parent, self.deals), *self.created.conditions()]

    def halves(self, now: datetime) -> tuple[ChildrenOf, ChildrenOf] | None:
        """Those of half of the deals and of the others; those of one deal by the time of their creation."""
        if len(self.deals) > 1:
            middle = len(self.deals) // 2
            return replace(self, deals=self.deals[:middle]), replace(self, deals=self.deals[middle:])
        halves = self.created.halves(now)
        if halves is None:
            return None
        earlier, later = halves
        return replace(self, created=earlier), replace(self, created=later)

    def __str__(self) -> str:
        some = self.deals[0] if len(self.deals) == 1 else f"{len(self.deals)} deals"
        return f"of {some} {self.created}"
