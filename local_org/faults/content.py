"""Faults of what is answered: rows that are missing, counts that are wrong, a field of another type, a Date that is off.

Each takes an answer that is whole and gives it changed; the org itself knows nothing of it. Faults of the way are wire.py's.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

from local_org.faults.plan import Fault
from local_org.faults.wire import Kept

_ANNOUNCED = "sforce-numberofrecords"
Rows = list[list[str]]


def changed(answer: Kept, fault: Fault) -> bytes:
    """Returns the body of an answer as the fault makes it; headers are changed in place."""
    kind = answer.headers.get("content-type", "")
    if kind.startswith("text/csv"):
        return _CSV[fault.kind](answer, fault)
    if kind.startswith("application/json") and answer.body:
        return _json(answer.body, fault)
    return answer.body


def skew(answer: Kept, seconds: float) -> None:
    """Moves the Date of an answer."""
    said = parsedate_to_datetime(answer.headers["date"])
    answer.headers["date"] = format_datetime(said + timedelta(seconds=seconds), usegmt=True)


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Yields every object of a JSON value, outer ones first."""
    if isinstance(value, dict):
        yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        yield from _objects(each)


def _json(body: bytes, fault: Fault) -> bytes:
    document = json.loads(body)
    if fault.kind == "hide_row" and isinstance(document, list):
        document = [None if _is_record(each, fault.record_id) else each for each in document]
    for each in list(_objects(document)):
        _IN_OBJECT[fault.kind](each, fault)
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _is_record(value: object, record_id: str) -> bool:
    if not isinstance(value, dict):
        return False
    return record_id in (
        value.get("Id"),
        str((value.get("attributes") or {}).get("url", "")).rpartition("/")[2],
    )


def _hide(page: dict[str, Any], fault: Fault) -> None:
    records = page.get("records")
    if not isinstance(records, list) or "totalSize" not in page:
        return
    if fault.record_id:
        page["records"] = [each for each in records if not _is_record(each, fault.record_id)]
    else:
        page["records"] = records[: -fault.rows]


def _announce_less(page: dict[str, Any], fault: Fault) -> None:
    for name in ("totalSize", "numberRecordsProcessed"):
        if name in page:
            page[name] = max(0, page[name] - fault.rows)


def _retype(found: dict[str, Any], fault: Fault) -> None:
    if found.get("name") == fault.sobject and isinstance(found.get("fields"), list):
        for each in found["fields"]:
            if each["name"] == fault.field:
                each["type"] = fault.type
    is_one = (found.get("attributes") or {}).get("type") == fault.sobject
    if fault.value is not None and is_one and fault.field in found:
        found[fault.field] = fault.value


_IN_OBJECT: Mapping[str, Callable[[dict[str, Any], Fault], None]] = {
    "hide_row": _hide,
    "short_csv": lambda page, fault: None,
    "short_count": _announce_less,
    "changed_type": _retype,
}


def _rows(body: bytes) -> Rows:
    csv.field_size_limit(2**31 - 1)
    return list(csv.reader(io.StringIO(body.decode(), newline="")))


def _written(rows: Rows) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _announce(answer: Kept, fewer: int) -> None:
    answer.headers[_ANNOUNCED] = str(max(0, int(answer.headers[_ANNOUNCED]) - fewer))


def _csv_without_row(answer: Kept, fault: Fault) -> bytes:
    rows = _rows(answer.body)
    left = (
        [row for row in rows if fault.record_id not in row[:1]]
        if fault.record_id
        else rows[: max(1, len(rows) - fault.rows)]
    )
    _announce(answer, len(rows) - len(left))
    return _written(left)


def _csv_cut_short(answer: Kept, fault: Fault) -> bytes:
    rows = _rows(answer.body)
    return _written(rows[: max(1, len(rows) - fault.rows)])


def _csv_announced_short(answer: Kept, fault: Fault) -> bytes:
    _announce(answer, fault.rows)
    return answer.body


def _csv_retyped(answer: Kept, fault: Fault) -> bytes:
    rows = _rows(answer.body)
    if fault.value is None or not rows or fault.field not in rows[0]:
        return answer.body
    place = rows[0].index(fault.field)
    for row in rows[1:]:
        row[place] = fault.value
    return _written(rows)


_CSV: Mapping[str, Callable[[Kept, Fault], bytes]] = {
    "hide_row": _csv_without_row,
    "short_csv": _csv_cut_short,
    "short_count": _csv_announced_short,
    "changed_type": _csv_retyped,
}
CONTENT = frozenset(_CSV)
