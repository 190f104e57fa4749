"""From what the last set-up check found to what people are told: what every look of the status judges too is left out. Pure.

A finding is as old as the check, up to a day. Told beside the status it would say twice what one incident says, or what the status
says nobody is to be told; and it would stay open after the end, until the next check.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from orchestration.setup.outcome import Outcome
from orchestration.setup.texts import TEXTS

DRIFT = (Outcome.STOPS, Outcome.DATA, Outcome.FEATURE)
"""What is told; advice waits for whoever runs `fluint check`."""

JUDGED_LIVE: Mapping[str, str] = {
    "not_connected": "connection: never_connected and disconnected are done by hand, and nobody is told",
    "grant_ended": "connection: needs_reconnect is told with Salesforce's reason, and ends with `fluint connect`",
    "user_inactive": "connection: the grant has ended by it, see grant_ended",
    "address_not_allowed": "connection: the grant has ended by it, see grant_ended",
    "allowance_used": "api_calls: at_limit goes on by itself; data that is old for a day is told",
    "never_read": "data: an object that was never read is told, but right after somebody connected",
    "stale": "data: by a tighter limit",
    "deals_not_readable": "data.opportunity: not_readable is told",
    "object_of_everybody_missing": "data.<table>: not_readable is told",
    "object_not_readable: OpportunityContactRole": "data.<table>: not_readable is told",
    "object_not_readable: Contact": "data.<table>: not_readable is told; an object that may be absent is not, where it was never read",
    "owners_not_listed": "coverage: missing is listed by itself, and told where that fails",
    "publications_used": "uploads: versions wait and are sent by themselves; what could be sent and is not is told",
    "upload_refused": "uploads: needs_admin and given_up are told, by the same rule of the outbox",
    "upload_not_sent": "uploads: see upload_refused",
}  # fmt: skip
"""Code of a finding, or its whole key → the part of the status that judges it at every look, and what becomes of it there."""


def told(findings: Iterable[str]) -> tuple[str, ...]:
    """The codes of those of an item's findings that people are told, by their keys (`code` or `code: subject`) as the check kept them.

    One of another version's check is told: nobody knows what it means, and the item is not well.
    """
    return tuple(_code(key) for key in findings if _is_drift(_code(key)) and not _is_judged_live(key))


def _is_drift(code: str) -> bool:
    return code not in TEXTS or TEXTS[code].outcome in DRIFT


def _is_judged_live(key: str) -> bool:
    return key in JUDGED_LIVE or _code(key) in JUDGED_LIVE


def _code(key: str) -> str:
    return key.partition(": ")[0]
