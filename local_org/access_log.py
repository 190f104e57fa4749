"""The access log: who asked the org what, with which query, and the shape of what came back; never content.

Belongs here: the log's tables, reading it, and the count of calls over a day. Does not: what is noted while a call is served
(access_notes.py), deciding what is a call (gate.py), finding records in an answer (shapes.py). Tests read it at GET /__local_org__/log.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from datetime import timedelta

from local_org.access_notes import CURRENT, Entry, note
from local_org.org import Org
from local_org.shapes import Shape

__all__ = ["CURRENT", "AccessLog", "Entry", "calls_in_last_day", "note"]

_TABLES = (
    """create table if not exists _access_log (
        entry integer primary key autoincrement, at text not null, user_id text, method text not null, path text not null,
        soql text not null, status integer, rows integer, bytes integer not null, is_complete integer not null,
        api_calls integer not null, job_id text, detail text not null default '{}')""",
    """create table if not exists _access_shape (
        entry integer not null, is_answer integer not null, sobject text not null, fields text not null, rows integer not null,
        ids blob)""",
    "create index if not exists _access_shape_entry on _access_shape (entry)",
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
    "detail",
)


class AccessLog:
    """The log of one org, kept in its store."""

    def __init__(self, org: Org) -> None:
        """Makes the tables where they are missing, and the column that an org of an earlier version lacks."""
        self._org = org
        for table in _TABLES:
            org.store.execute(table)
        if "detail" not in {row[1] for row in org.store.select("pragma table_info(_access_log)")}:
            org.store.execute("alter table _access_log add column detail text not null default '{}'")

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
            json.dumps(entry.detail),
        )
        marks = ", ".join("?" * len(_COLUMNS))
        store = self._org.store
        with store.transaction():
            store.execute(f"insert into _access_log ({', '.join(_COLUMNS)}) values ({marks})", values)
            shapes = [(0, each) for each in entry.asked] + [(1, each) for each in entry.returned]
            if shapes:
                number = self.last()
                store.execute_many(
                    "insert into _access_shape values (?, ?, ?, ?, ?, ?)",
                    [(number, is_answer, *_packed(shape)) for is_answer, shape in shapes],
                )

    def last(self) -> int:
        """Gives the number of the newest entry, 0 before the first."""
        rows = self._org.store.select("select coalesce(max(entry), 0) from _access_log")
        return int(str(rows[0][0]))

    def entries(
        self, after: int = 0, limit: int = 10_000, *, with_ids: bool = False
    ) -> list[dict[str, object]]:
        """Gives the entries after number `after`, oldest first, each with its number as `entry`, and what was asked and returned."""
        rows = self._org.store.select(
            f"select entry, {', '.join(_COLUMNS)} from _access_log where entry > ? order by entry limit ?",
            (after, limit),
        )
        found = [_readable(dict(zip(("entry", *_COLUMNS), row, strict=True))) for row in rows]
        by_number = {each["entry"]: each for each in found}
        for number, is_answer, sobject, fields, count, ids in self._shapes(after):
            if number in by_number:
                told: dict[str, object] = {"object": sobject, "fields": json.loads(fields)}
                if is_answer:
                    told |= {"rows": count} | ({"ids": _unpacked(ids)} if with_ids else {})
                listed = by_number[number]["returned" if is_answer else "asked"]
                assert isinstance(listed, list)
                listed.append(told)
        return found

    def reads(self, after: int = 0) -> dict[str, list[dict[str, object]]]:
        """Gives, over all entries after `after`, what was asked and what came back: per object and set of fields, rows and ids.

        This is what a test of entitlement needs: which fields of which records ever left the org.
        """
        asked: set[tuple[str, tuple[str, ...]]] = set()
        returned: dict[tuple[str, tuple[str, ...]], tuple[int, set[str]]] = {}
        for _, is_answer, sobject, fields, count, ids in self._shapes(after):
            key = (sobject, tuple(json.loads(fields)))
            if not is_answer:
                asked.add(key)
                continue
            rows, known = returned.setdefault(key, (0, set()))
            known.update(_unpacked(ids))
            returned[key] = (rows + count, known)
        return {
            "asked": [{"object": sobject, "fields": fields} for sobject, fields in sorted(asked)],
            "returned": [
                {"object": sobject, "fields": fields, "rows": rows, "ids": sorted(ids)}
                for (sobject, fields), (rows, ids) in sorted(returned.items())
            ],
        }

    def _shapes(self, after: int) -> list[tuple[int, int, str, str, int, bytes | None]]:
        return self._org.store.select(  # type: ignore[return-value]
            "select entry, is_answer, sobject, fields, rows, ids from _access_shape where entry > ? order by rowid",
            (after,),
        )

    def writes(self) -> list[dict[str, object]]:
        """Gives, over all entries, every kind of call that is no GET: method, path, client, subrequests, and how often."""
        rows = self._org.store.select(
            "select method, path, json_extract(detail, '$.client'), json_extract(detail, '$.requests'), count(*) from _access_log"
            " where method <> 'GET' group by 1, 2, 3, 4"
        )
        names = ("method", "path", "client", "requests", "calls")
        found = [dict(zip(names, row, strict=True)) for row in rows]
        return [{**each, "requests": json.loads(str(each["requests"] or "[]"))} for each in found]

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
        self._org.store.execute("delete from _access_shape")

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


def _packed(shape: Shape) -> tuple[str, str, int, bytes | None]:
    ids = zlib.compress(json.dumps(shape.ids).encode(), 1) if shape.ids else None
    return shape.sobject, json.dumps(shape.fields), shape.rows, ids


def _unpacked(ids: bytes | None) -> list[str]:
    return [] if ids is None else list(json.loads(zlib.decompress(ids)))


def _readable(entry: Mapping[str, object]) -> dict[str, object]:
    detail = json.loads(str(entry["detail"]))
    return {
        **{name: value for name, value in entry.items() if name != "detail"},
        "soql": json.loads(str(entry["soql"])),
        "is_complete": bool(entry["is_complete"]),
        "asked": [],
        "returned": [],
        **detail,
    }
