"""Times of the demo org as seconds since 1970 (UTC), all before today's midnight so that a day gives one org.

Belongs here: drawing a plausible moment and writing it as the store's text. Does not: the clock itself.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from random import Random

DAY = 86_400
_EPOCH = date(1970, 1, 1)


def midnight(now: datetime) -> int:
    """Returns the second at which the UTC day of `now` began."""
    return int(datetime(now.year, now.month, now.day, tzinfo=UTC).timestamp())


@lru_cache(maxsize=20_000)
def _day(number: int) -> str:
    return (_EPOCH + timedelta(days=number)).isoformat()


def as_date(second: int) -> str:
    """Returns the UTC date as `YYYY-MM-DD`."""
    return _day(second // DAY)


@lru_cache(maxsize=DAY)
def _time(second: int) -> str:
    return f"T{second // 3_600:02}:{second // 60 % 60:02}:{second % 60:02}.000Z"


def as_stamp(second: int) -> str:
    """Returns the moment as stored text; ten times as fast as strftime, which counts at a million values."""
    return _day(second // DAY) + _time(second % DAY)


def working_hour(second: int, rng: Random) -> int:
    """Returns a moment on that day, or on the Friday before a weekend, between 07:00 and 19:00 UTC."""
    day = second // DAY
    weekday = (day + 3) % 7  # 1970-01-01 was a Thursday
    return (day - max(0, weekday - 4)) * DAY + 25_200 + int(rng.random() * 43_200)


def between(start: int, end: int, rng: Random) -> int:
    """Returns a moment in `[start, end]`, or `end` if the interval is empty."""
    return start + int(rng.random() * (end - start)) if end > start else end
