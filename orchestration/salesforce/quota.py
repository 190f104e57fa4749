"""The org's daily API calls: reading what is used, and the decision to stop. Pure; who asks and who waits belongs elsewhere.

Every call of every application of the org draws on one allowance over a rolling 24 hours (Salesforce Developer Limits, "API Requests").
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestration.errors import QuotaReachedError

PAUSE = timedelta(hours=1)
"""How long to wait at the limit: the allowance rolls, so an hour frees about a twenty-fourth of it. One call then asks how things stand."""

_HEADER = re.compile(r"(?<![\w-])api-usage=(\d+)/(\d+)")


@dataclass(frozen=True)
class ApiUsage:
    """Calls used and allowed in the org's last 24 hours, as a response said at `seen_at` (aware, UTC)."""

    used: int
    allowed: int
    seen_at: datetime

    @property
    def share(self) -> float:
        """The part that is used, 0 to 1 and beyond; an allowance of zero counts as used up."""
        return self.used / self.allowed if self.allowed else 1.0


def read_usage(header: str | None, seen_at: datetime) -> ApiUsage | None:
    """Returns what `Sforce-Limit-Info` says, for instance `api-usage=17/15000; per-app-api-usage=…`; None where it says nothing."""
    match = _HEADER.search(header or "")
    return ApiUsage(int(match[1]), int(match[2]), seen_at) if match else None


def check(usage: ApiUsage | None, quota_share: float, now: datetime) -> None:
    """Raises `QuotaReachedError` while the last known usage is at our share or above, for an hour after it was seen; times aware, UTC."""
    if usage is None or usage.share < quota_share or now >= usage.seen_at + PAUSE:
        return
    raise QuotaReachedError(
        f"The org has used {usage.used:,} of its {usage.allowed:,} API calls of the last 24 hours; Fluint stops at {quota_share:.0%} so"
        f" that other applications go on. What was read stays. The sync goes on by itself after {until_text(usage.seen_at + PAUSE)}.",
        until=usage.seen_at + PAUSE,
    )


def until_text(until: datetime) -> str:
    """Returns a time for a text, to the minute, in UTC."""
    return f"{until:%Y-%m-%d %H:%M} UTC"
