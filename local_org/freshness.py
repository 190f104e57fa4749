"""When the org last changed what it tells of itself: the ETag and Last-Modified of describes (API sheet 2.1, If-Modified-Since).

Belongs here: remembering each description by a digest, and whether the caller has it already. Does not: the descriptions (rest/).
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

from local_org.clock import Clock


class Freshness:
    """Remembers since when each description has been as it is; a restart counts as a change, which costs a caller one more read."""

    def __init__(self, clock: Clock) -> None:
        """Asks `clock` when something changes."""
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, tuple[str, datetime]] = {}

    def headers(self, key: str, body: object) -> dict[str, str]:
        """Returns ETag and Last-Modified of a description, `key` naming it and its reader."""
        digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]
        with self._lock:
            known = self._known.get(key)
            if known is None or known[0] != digest:
                now = self._clock.now().astimezone(UTC).replace(microsecond=0)
                # Two changes within a second must not share a stamp: who read the first would never read the second.
                known = self._known[key] = (
                    digest,
                    max(now, known[1] + timedelta(seconds=1)) if known else now,
                )
        return {"ETag": f'"{digest}"', "Last-Modified": format_datetime(known[1], usegmt=True)}


def is_known(asked: Mapping[str, str], headers: Mapping[str, str]) -> bool:
    """Tells whether the caller's `if-none-match` or `if-modified-since` says that it has what these headers describe."""
    if "if-none-match" in asked:
        return headers["ETag"] in [each.strip() for each in asked["if-none-match"].split(",")]
    try:
        since = parsedate_to_datetime(asked.get("if-modified-since", ""))
    except ValueError:
        return False
    return parsedate_to_datetime(headers["Last-Modified"]) <= since.replace(tzinfo=since.tzinfo or UTC)
