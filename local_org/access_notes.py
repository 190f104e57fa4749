"""What is noted of a call while it is served, by whichever module knows it. Keeping and reading it is access_log.py's."""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime

from local_org.shapes import Shape


@dataclass
class Entry:
    """One call while it is served. `soql` holds every query of it, subrequests of a composite included.

    `asked` is which fields were asked of which objects, `returned` which records came back; `detail` what only some calls have:
    `requests` (the subrequests of a composite), `grant_type` (of a token request), `fault` (that was committed on it), `client` (as the
    header Sforce-Call-Options names it), `content_type` (of a file's part in a multipart body).
    """

    at: datetime
    method: str
    path: str
    user_id: str | None = None
    soql: list[str] = field(default_factory=list)
    asked: list[Shape] = field(default_factory=list)
    returned: list[Shape] = field(default_factory=list)
    detail: dict[str, object] = field(default_factory=dict)
    status: int | None = None
    rows: int | None = None
    bytes: int = 0
    is_complete: bool = False
    api_calls: int = 0
    job_id: str | None = None
    sobject: str | None = None
    """The object of the Bulk job whose results are read."""


CURRENT: ContextVar[Entry | None] = ContextVar("local_org_access_log_entry", default=None)


def note(
    *,
    soql: str | None = None,
    rows: int | None = None,
    job_id: str | None = None,
    sobject: str | None = None,
    request: str | None = None,
    content_type: str | None = None,
    asked: Iterable[Shape] = (),
    returned: Iterable[Shape] = (),
) -> None:
    """Adds to the entry of the call being served; rows of several answers in one call add up. Does nothing outside a call."""
    entry = CURRENT.get()
    if entry is None:
        return
    if soql is not None:
        entry.soql.append(soql)
    if rows is not None:
        entry.rows = (entry.rows or 0) + rows
    entry.job_id = job_id or entry.job_id
    entry.sobject = sobject or entry.sobject
    if request is not None:
        requests = entry.detail.setdefault("requests", [])
        assert isinstance(requests, list)
        requests.append(request)
    if content_type is not None:
        entry.detail["content_type"] = content_type
    entry.asked += [each for each in asked if each not in entry.asked]
    entry.returned += returned
