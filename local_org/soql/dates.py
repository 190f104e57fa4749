"""Dates and times in a query: literals as written and the relative ones (SOQL and SOSL Reference, "Date Formats and Date Literals")."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_RELATIVE = re.compile(
    r"(?P<day>YESTERDAY|TODAY|TOMORROW)"
    r"|(?P<which>LAST|THIS|NEXT)_(?:FISCAL_)?(?P<unit>WEEK|MONTH|QUARTER|YEAR)"
    r"|(?P<ninety>LAST|NEXT)_90_DAYS"
    r"|(?P<span>LAST|NEXT)_N_(?:FISCAL_)?(?P<units>DAY|WEEK|MONTH|QUARTER|YEAR)S:(?P<n>\d+)"
    r"|N_(?:FISCAL_)?(?P<ago>DAY|WEEK|MONTH|QUARTER|YEAR)S_AGO:(?P<m>\d+)",
    re.IGNORECASE,
)


def zone(name: object) -> ZoneInfo:
    """Returns the time zone of a user's TimeZoneSidKey."""
    return ZoneInfo(str(name or "GMT"))


def instant(text: str) -> str:
    """Returns a datetime literal as stored text in UTC with milliseconds; raises ValueError for a time that does not exist."""
    moment = datetime.fromisoformat(text.upper().replace("Z", "+00:00")).astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def midnight(day: date, where: ZoneInfo) -> str:
    """Returns the start of a day in a time zone as stored text in UTC."""
    return datetime.combine(day, time(), where).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _start(unit: str, today: date, ahead: int) -> date:
    """Returns the first day of the unit that lies `ahead` units after the present one; weeks begin on Sunday (locale en_US)."""
    if unit == "DAY":
        return today + timedelta(days=ahead)
    if unit == "WEEK":
        return today - timedelta(days=(today.weekday() + 1) % 7) + timedelta(weeks=ahead)
    months = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}[unit]
    first = (today.year * 12 + today.month - 1) // months * months + ahead * months
    return date(first // 12, first % 12 + 1, 1)


def relative(text: str, today: date) -> tuple[date, date] | None:
    """Returns the half-open range of days that a relative literal such as LAST_N_DAYS:30 means, or None when it is none."""
    match = _RELATIVE.fullmatch(text)
    if match is None:
        return None
    found = {name: value.upper() for name, value in match.groupdict().items() if value}
    unit, first, last = _units(found)
    return _start(unit, today, first), _start(unit, today, last + 1)


def _units(found: dict[str, str]) -> tuple[str, int, int]:
    """Returns the unit and the first and last one meant, counted from the present unit."""
    if "day" in found:
        offset = ("YESTERDAY", "TODAY", "TOMORROW").index(found["day"]) - 1
        return "DAY", offset, offset
    if "which" in found:
        offset = ("LAST", "THIS", "NEXT").index(found["which"]) - 1
        return found["unit"], offset, offset
    if "ago" in found:
        return found["ago"], -int(found["m"]), -int(found["m"])
    unit = found.get("units", "DAY")
    count = int(found.get("n", 90))
    if found.get("span", found.get("ninety")) == "NEXT":
        return unit, 1, count
    # Days count up to today included; weeks and longer end with the last whole one.
    return unit, -count, 0 if unit == "DAY" else -1
