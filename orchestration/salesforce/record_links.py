"""From what a person copies, an id or the address of a record's page, to the record id that it means. Pure.

Addresses are those of Lightning (`/lightning/r/Opportunity/006…/view`, `/one/one.app#/sObject/006…/view`) and of Salesforce Classic
(`/006…`, 15 characters). In ids of 18 characters the last three say which letters are capitals, so a lost case can be restored.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from orchestration.errors import SetupError
from orchestration.salesforce.ids import to_18
from orchestration.salesforce.my_domain import my_domain_url

# The key prefixes of Salesforce's own objects begin with a digit, which no other word of these addresses does.
_ID = re.compile(r"(?<![A-Za-z0-9])([0-9][A-Za-z0-9]{14}(?:[A-Za-z0-9]{3})?)(?![A-Za-z0-9])")
_CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


@dataclass(frozen=True)
class RecordLink:
    """The 18-character id, and the origin of the org whose address it was, where the address says that."""

    record_id: str
    origin: str | None = None

    def belongs_to(self, instance_url: str) -> bool:
        """Whether this can be a record of the org at `instance_url`; False only if the address names another one."""
        try:
            return self.origin is None or self.origin == my_domain_url(instance_url)
        except SetupError:
            return True  # an org that is reached by an address of its own


def read_link(text: str) -> RecordLink:
    """The record that an id or an address names. Raises SetupError when there is no id in it, or one with a slip of the pen."""
    cleaned = text.strip()
    found = _ID.findall(unquote(cleaned))
    if not found:
        raise SetupError(
            f"{cleaned!r} holds no Salesforce id. Copy the address of the record's page from the browser, or its id of 15 or 18"
            " characters."
        )
    return RecordLink(_checked(found[0]), _origin(cleaned))


def _checked(record_id: str) -> str:
    full = to_18(record_id)
    is_folded = full in (full.lower(), full.upper())  # by a spreadsheet, for instance
    restored = _in_right_case(full) if is_folded else full
    if restored is None or restored != to_18(restored[:15]):
        raise SetupError(
            f"{record_id} is no Salesforce id: its last three characters do not fit the others, so one of them was changed. Copy it"
            " again."
        )
    return restored


def _in_right_case(full: str) -> str | None:
    """The id with the capitals that its checksum names; None when the checksum is none."""
    letters = []
    for place, character in enumerate(full[:15]):
        code = _CAPITALS.find(full[15 + place // 5].upper())
        is_capital = code >> place % 5 & 1 if code >= 0 else 0
        letters.append(character.upper() if is_capital else character.lower())
    restored = to_18("".join(letters))
    return restored if restored.upper() == full.upper() else None


def _origin(text: str) -> str | None:
    host = urlsplit(text).hostname if "://" in text else None
    if not host or not host.endswith((".my.salesforce.com", ".lightning.force.com")):
        return None
    try:
        return my_domain_url(host)
    except SetupError:
        return None
