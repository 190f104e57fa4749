"""Values in their three forms: as Python hands them in, as SQLite stores them, as JSON shows them."""

from __future__ import annotations

import re
from datetime import date, datetime

from local_org.clock import as_stamp
from local_org.objects import Field

TRIMMED = frozenset({"string", "picklist", "email", "phone", "url", "combobox"})
_HALF = re.compile("[\ud800-\udfff]")
_WITH_HALVES = ("utf-8", "surrogatepass")
NUMBERS = frozenset({"double", "currency", "percent"})


def to_stored(field: Field, value: object) -> object:
    """Returns `value` as it is stored: blank text is null, text fields are trimmed, times are UTC text.

    A text with half of a surrogate pair, which Java holds and SQLite's text does not, is stored as its bytes.
    """
    if isinstance(value, str):
        text = value.strip() if field.type in TRIMMED else value
        return (text if text.isascii() or not _HALF.search(text) else text.encode(*_WITH_HALVES)) or None
    if isinstance(value, datetime):
        return as_stamp(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return int(value)
    if field.type in NUMBERS and isinstance(value, int):
        return float(value)
    return value


def from_stored(field: Field, value: object) -> object:
    """Returns a stored value as a Python value: checkboxes become bool (null is false), the rest stays."""
    if isinstance(value, bytes):
        return value.decode(*_WITH_HALVES)
    return bool(value) if field.type == "boolean" else value


def to_json(field: Field, value: object) -> object:
    """Returns a stored value as REST shows it: `…000+0000` for times, a bool for a checkbox."""
    if field.type == "boolean":
        return bool(value)
    if isinstance(value, bytes):
        return value.decode(*_WITH_HALVES)
    if value is not None and field.type == "datetime":
        return str(value)[:23] + "+0000"
    return value
