"""/query and /queryAll: the first page, and the pages behind a locator (REST API Developer Guide, Query)."""

from __future__ import annotations

import json
import re
import secrets
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from local_org import access_log, soql
from local_org.clock import as_stamp
from local_org.errors import ApiError
from local_org.ids import to_18
from local_org.rest import columns
from local_org.rest.dispatch import Answer, Call, resource
from local_org.standard import ALPHANUMERIC
from local_org.store import Store

LIFE = timedelta(days=2)
PAGE = 2_000
SMALLEST = 200
PAGE_BYTES = 4 * 1024 * 1024
"""Pages of wide rows are cut here; how Salesforce cuts them is not documented, only that it does."""
_STEP = 100
_BATCH = re.compile(r"batchSize\s*=\s*(\d+)", re.IGNORECASE)
_TABLE = """create table if not exists _locator (id text primary key, user_id text not null, soql text not null,
    include_deleted integer not null, child integer, ids blob not null, created_at text not null) without rowid"""
"""A cursor is a statement with the ids of its rows; `child`: of the rows of one of its sub-selects."""


@resource("GET", "/query")
def query(call: Call) -> Answer:
    """Answers with the first page of live rows."""
    return _first(call, include_deleted=False)


@resource("GET", "/queryAll")
def query_all(call: Call) -> Answer:
    """Answers with the first page, rows of the recycle bin included."""
    return _first(call, include_deleted=True)


def _first(call: Call, include_deleted: bool) -> Answer:
    text = call.query.get("q", "")
    access_log.note(soql=text)
    result = call.org.query(text, user_id=call.user_id, include_deleted=include_deleted)
    if call.query.get("columns") == "true":
        return Answer(columns.metadata(result, text))
    if result.kind == "count":
        return Answer({"totalSize": result.total, "done": True, "records": []})
    if result.kind == "aggregate":
        groups = result.groups()
        _refuse_slow(call, text, len(groups))
        access_log.note(rows=len(groups))
        return Answer(
            {
                "totalSize": len(groups),
                "done": True,
                "records": [result.to_record(row, call.version) for row in groups],
            }
        )
    ids = result.ids()
    _refuse_slow(call, text, len(ids))
    size = _page_size(call, result)
    rows = _cut(result, ids, 0, size)
    statement = _Statement(text, include_deleted)
    cursor = _save(call, statement, ids) if len(rows) < len(ids) else None
    return _page(call, result, _Part(ids, 0, rows, cursor), _children(call, statement, size))


def _refuse_slow(call: Call, text: str, rows: int) -> None:
    """Refuses what would take longer than the platform lets a query run (API sheet 2.5, QUERY_TIMEOUT)."""
    switches = call.org.switches
    if switches.slow_query and rows > switches.slow_query_rows and re.search(switches.slow_query, text):
        raise ApiError(400, "QUERY_TIMEOUT", "Your query request was running for too long.")


@resource("GET", "/query/{locator}")
def more(call: Call, locator: str) -> Answer:
    """Answers with the page that a locator `<cursor>-<next row>` stands for; it may be read again while it lives."""
    cursor, _, start = locator.rpartition("-")
    oldest = as_stamp(call.org.clock.now() - LIFE)
    call.org.store.execute(_TABLE)
    found = call.org.store.select(
        "select soql, include_deleted, child, ids from _locator where id = ? and user_id = ? and created_at > ?",
        (cursor, call.user_id, oldest),
    )
    if not found or not start.isdigit():
        raise ApiError(
            call.org.switches.invalid_query_locator_status, "INVALID_QUERY_LOCATOR", "invalid query locator"
        )
    text, include_deleted, child, packed = found[0]
    assert isinstance(packed, bytes)
    ids: list[str] = json.loads(zlib.decompress(packed))
    access_log.note(soql=str(text))
    statement = _Statement(str(text), bool(include_deleted))
    result = call.org.query(statement.text, user_id=call.user_id, include_deleted=statement.include_deleted)
    if isinstance(child, int):
        result = result.child(child)
    size = _page_size(call, result)
    part = _Part(ids, int(start), _cut(result, ids, int(start), size), cursor)
    return _page(call, result, part, _children(call, statement, size))


@resource("GET", "/queryAll/{locator}")
def more_of_all(call: Call, locator: str) -> Answer:
    """Answers like `/query/{locator}`."""
    return more(call, locator)


def _page_size(call: Call, result: soql.QueryResult) -> int:
    """Returns the rows per page: the hint of the caller, fewer where two long custom texts are selected (Sforce-Query-Options)."""
    asked = _BATCH.search(call.headers.get("sforce-query-options", ""))
    size = min(PAGE, max(SMALLEST, int(asked[1]))) if asked else PAGE
    long_texts = sum(
        1 for field in result.fields if field.custom and field.type == "textarea" and field.length > 255
    )
    return min(size, SMALLEST) if long_texts >= 2 else size


def _cut(result: soql.QueryResult, ids: Sequence[str], start: int, size: int) -> list[soql.Row | None]:
    """Reads up to `size` rows, fewer when they are wide; None stands for a record that is gone since the query began."""
    rows: list[soql.Row | None] = []
    width = 0
    wide = any(field.type == "textarea" for field in result.fields)
    step = _STEP if wide else size
    while len(rows) < size and start + len(rows) < len(ids) and width < PAGE_BYTES:
        first = start + len(rows)
        wanted = ids[first : min(first + step, start + size)]
        found = result.page(wanted)
        for row in found:
            width += sum(len(value) for value in row if isinstance(value, str))
        rows += found if len(found) == len(wanted) else _with_gaps(result, wanted, found)
    return rows


def _with_gaps(
    result: soql.QueryResult, wanted: Sequence[str], found: Sequence[soql.Row]
) -> list[soql.Row | None]:
    assert result.plan.node is not None
    by_id = {row[result.plan.node.key]: row for row in found}
    return [by_id.get(each) for each in wanted]


@dataclass(frozen=True)
class _Statement:
    """What a locator remembers of the question."""

    text: str
    include_deleted: bool


@dataclass(frozen=True)
class _Part:
    """One page: all ids of the result, where the page begins, its rows, and the cursor if there are more."""

    ids: Sequence[str]
    start: int
    rows: Sequence[soql.Row | None]
    cursor: str | None


def _children(call: Call, statement: _Statement, size: int) -> soql.ChildPages:
    """Says how sub-selects are cut: like the page they are on, each with a locator of its own."""
    return soql.ChildPages(
        size, lambda child, ids: f"{call.base}/query/{_save(call, statement, ids, child)}-{size}"
    )


def _save(call: Call, statement: _Statement, ids: Sequence[str], child: int | None = None) -> str:
    cursor = to_18("0r8" + "".join(secrets.choice(ALPHANUMERIC) for _ in range(12)))
    assert cursor is not None
    store = call.org.store
    packed = zlib.compress(json.dumps(ids).encode(), 1)
    with store.transaction():
        store.execute(_TABLE)
        store.execute("delete from _locator where created_at <= ?", (as_stamp(call.org.clock.now() - LIFE),))
        store.execute(
            "insert into _locator values (?, ?, ?, ?, ?, ?, ?)",
            (
                cursor,
                call.user_id,
                statement.text,
                statement.include_deleted,
                child,
                packed,
                call.org.clock.stamp(),
            ),
        )
    return cursor


def forget_cursors(store: Store) -> None:
    """Lets every locator die."""
    store.execute(_TABLE)
    store.execute("delete from _locator")


def _page(call: Call, result: soql.QueryResult, part: _Part, children: soql.ChildPages) -> Answer:
    records = [result.to_record(row, call.version, children) for row in part.rows if row is not None]
    access_log.note(rows=len(records))
    following = part.start + len(part.rows)
    body: dict[str, object] = {"totalSize": len(part.ids), "done": following >= len(part.ids)}
    if following < len(part.ids):
        body["nextRecordsUrl"] = f"{call.base}/query/{part.cursor}-{following}"
    return Answer(body | {"records": records})
