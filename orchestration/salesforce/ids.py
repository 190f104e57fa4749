"""Record ids: 15 case-sensitive characters, or 18 with the checksum that makes them safe to compare without case."""

from __future__ import annotations

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def to_18(record_id: str) -> str:
    """Returns the 18-character form: per group of five characters, one that says which of them are capitals. Others pass unchanged."""
    if len(record_id) != 15:
        return record_id
    return record_id + "".join(_checksum(record_id[start : start + 5]) for start in (0, 5, 10))


def _checksum(group: str) -> str:
    return _ALPHABET[sum(1 << place for place, character in enumerate(group) if "A" <= character <= "Z")]
