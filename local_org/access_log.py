"""The access log: who asked the org what, with which query, and the shape of what came back; never content.

Belongs here: the log's table, the notes that other modules add to the call being served, and the count of calls over a day.
Does not: deciding what is a call (gate.py). Tests read it at GET /__local_org__/log.
"""

from __future__ import annotations

import json
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # org.py notes its queries here.
    from local_org.org import Org

_TABLES = (
    """create table if not exists _access_log (
        entry integer primary key autoincrement, at text not null, user_id text, method text not null, path text not null,
        soql text not null, status integer, rows integer, bytes integer not null, is_complete integer not null,
        api_calls integer not null, job_id text)""",
    "create table if not exists _api_usage (hour text primary key, calls integer not null)",
)
_COLUMNS = (
    "at",
    "user_id",
    "method",
    "path",
    "soql",
    "status",
    "rows",
    "bytes",
    "is_complete",
    "api_calls",
    "job_id",
)


@dataclass
class Entry:
    """One call while it is served. `soql` holds every query of it, subrequests of a composite included."""

    at: datetime
    method: str
    path: str
    user_id: str | None = None
    soql: list[str] = field(default_factory=list)
    status: int | None = None
    rows: int | None = None
    bytes: int = 0
    is_complete: bool = False
    api_calls: int = 0
    job_id: str | None = None


CURRENT: ContextVar[Entry | None] = ContextVar("local_org_access_log_entry", default=None)


def note(*, soql: str | None = None, rows: int | None = None, job_id: str | None = None) -> None:
    """Adds to the entry of the call being served; rows of several answers in one call add up. Does nothing outside a call."""
    entry = CURRENT.get()
    if entry is None:
        return
    if soql is not None:
        entry.soql.append(soql)
    if rows is not None:
        entry.rows = (entry.rows or 0) + rows
    if job_id is not None:
        entry.job_id = job_id


class AccessLog:
    """The log of one org, kept in its store."""

    def __init__(self, org: Org) -> None:
        """Makes the tables where they are missing."""
        self._org = org
        for table in _TABLES:
            org.store.execute(table)

    def write(self, entry: Entry) -> None:
        """Keeps the entry of a call that ended."""
        values = (
            entry.at.isoformat(timespec="milliseconds"),
            entry.user_id,
            entry.method,
            entry.path,
            json.dumps(entry.soql),
            entry.status,
            entry.rows,
            entry.bytes,
            int(entry.is_complete),
            entry.api_calls,
            entry.job_id,
        )
        marks = ", ".join("?" * len(_COLUMNS))
        self._org.store.execute(f"insert into _access_log ({', '.join(_COLUMNS)}) values ({marks})", values)

    def entries(self, after: int = 0, limit: int = 10_000) -> list[dict[str, object]]:
        """Gives the entries after number `after`, oldest first, each with its number as `entry`."""
        rows = self._org.store.select(
            f"select entry, {', '.join(_COLUMNS)} from _access_log where entry > ? order by entry limit ?",
            (after, limit),
        )
        return [_readable(dict(zip(("entry", *_COLUMNS), row, strict=True))) for row in rows]

    def newest(
        self,
        limit: int,
        *,
        before: int | None = None,
        text: str = "",
        user_id: str = "",
        is_refused: bool | None = None,
    ) -> list[dict[str, object]]:
        """Gives at most `limit` entries, newest first: those before number `before`, whose path or query holds `text`, of one user,
        and answered with a status from 400 on or without an answer (`is_refused`), or not."""
        terms: list[tuple[str, object]] = []
        if before is not None:
            terms.append(("entry < ?", before))
        if text:
            terms.append(("instr(lower(method || ' ' || path || ' ' || soql), lower(?)) > 0", text))
        if user_id:
            terms.append(("user_id = ?", user_id))
        if is_refused is not None:
            terms.append(("(coalesce(status, 999) >= 400) = ?", int(is_refused)))
        where = " and ".join(term for term, _ in terms) or "1"
        rows = self._org.store.select(
            f"select entry, {', '.join(_COLUMNS)} from _access_log where {where} order by entry desc limit ?",
            (*(value for _, value in terms), limit),
        )
        return [_readable(dict(zip(("entry", *_COLUMNS), row, strict=True))) for row in rows]

    def clear(self) -> None:
        """Forgets the entries. What counts against the daily limit stays counted."""
        self._org.store.execute("delete from _access_log")

    def count_call(self) -> None:
        """Counts one API call in the present hour."""
        hour = self._org.clock.now().strftime("%Y-%m-%dT%H")
        self._org.store.execute(
            "insert into _api_usage values (?, 1) on conflict (hour) do update set calls = calls + 1", (hour,)
        )


def calls_in_last_day(org: Org) -> int:
    """Gives the API calls of the last 24 hours, by whole hours of the org's clock, those of other applications included."""
    since = (org.clock.now() - timedelta(hours=23)).strftime("%Y-%m-%dT%H")
    rows = org.store.select("select coalesce(sum(calls), 0) from _api_usage where hour >= ?", (since,))
    return int(str(rows[0][0])) + org.switches.api_calls_used_by_others


def _readable(entry: dict[str, object]) -> dict[str, object]:
    return {**entry, "soql": json.loads(str(entry["soql"])), "is_complete": bool(entry["is_complete"])}
