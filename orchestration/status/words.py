"""How the status speaks of times, ages and numbers. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

RUNNER = "whoever runs Fluint"
ADMIN = "a Salesforce admin"
NOBODY = "nobody"
STAYS = "What was read before stays readable."


def moment(at: datetime | None) -> str:
    """A time for a text, to the minute, in UTC."""
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "never"


def age(span: timedelta) -> str:
    """A length of time in at most two units: `40 s`, `12 min`, `2 h 5 min`, `3 d 4 h`."""
    seconds = max(0, int(span.total_seconds()))
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if days:
        return _two(days, "d", hours % 24, "h")
    if hours:
        return _two(hours, "h", minutes % 60, "min")
    return f"{minutes} min" if minutes else f"{seconds} s"


def _two(large: int, unit: str, small: int, smaller: str) -> str:
    return f"{large} {unit}" + (f" {small} {smaller}" if small else "")


def counted(number: int, one: str, more: str = "") -> str:
    """A number with its noun: `1 owner`, `1,204 owners`."""
    return f"{number:,} {one if number == 1 else more or f'{one}s'}"
