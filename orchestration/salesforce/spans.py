"""Where a span of time is cut in two, for a query that Salesforce finds too long. Values only; no I/O, no clock of this machine."""

from __future__ import annotations

from datetime import UTC, datetime

FOUNDED = datetime(1999, 1, 1, tzinfo=UTC)
"""When Salesforce began: no record was created before it, except by imports that set their CreatedDate themselves."""


def middle_of(start: datetime, end: datetime) -> datetime | None:
    """A whole second between these two, near the middle; None where there is none. SOQL's windows are cut no finer: stamps are seconds."""
    middle = (start + (end - start) / 2).replace(microsecond=0)
    return middle if start < middle < end else None
