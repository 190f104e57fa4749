"""Who asks a statement and when: what its answer depends on besides the rows. Made by org.py."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from local_org.security import Access
from local_org.switches import Switches


@dataclass(frozen=True)
class Asking:
    """One user's question: their access, the moment (aware, UTC), their time zone, the org's switches, and whether it is queryAll."""

    access: Access
    now: datetime
    zone: ZoneInfo
    switches: Switches
    include_deleted: bool
