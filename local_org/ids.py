"""Salesforce record ids: the 15- and 18-character forms, and the sequence that makes new ones.

An id is key prefix (3) + instance and pod (3) + running number (9) in base 62; the last three characters of the long form say which
characters are capitals (Salesforce Help, "How to convert 15 character IDs to 18 character IDs").
"""

from __future__ import annotations

import re

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
INSTANCE = "Qy0"


def checksum(short: str) -> str:
    """Returns the three characters that a 15-character id lacks."""
    return "".join(
        _CHECK[sum(1 << bit for bit, char in enumerate(short[start : start + 5]) if "A" <= char <= "Z")]
        for start in (0, 5, 10)
    )


def to_18(record_id: str) -> str | None:
    """Returns the 18-character form of a 15- or 18-character id, or None when it is no id.

    The long form is case-insensitive: its last three characters restore the capitals of the first fifteen.
    """
    if not _ID.fullmatch(record_id):
        return None
    if len(record_id) == 15:
        return record_id + checksum(record_id)
    if checksum(record_id[:15]) == record_id[15:]:
        return record_id
    return _restored(record_id)


def _restored(record_id: str) -> str | None:
    chars = []
    for position, char in enumerate(record_id[:15]):
        mask = _CHECK.find(record_id[15 + position // 5].upper())
        if mask < 0:
            return None
        chars.append(char.upper() if mask >> position % 5 & 1 else char.lower())
    return "".join(chars) + record_id[15:].upper()


def make_id(prefix: str, number: int) -> str:
    """Returns the 18-character id with this key prefix and running number."""
    digits = []
    for _ in range(9):
        number, digit = divmod(number, 62)
        digits.append(_ALPHABET[digit])
    short = prefix + INSTANCE + "".join(reversed(digits))
    return short + checksum(short)


def number_of(record_id: str) -> int:
    """Returns the running number inside an id that `make_id` made."""
    number = 0
    for char in record_id[6:15]:
        number = number * 62 + _ALPHABET.index(char)
    return number
