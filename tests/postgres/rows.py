"""Rows as Salesforce would send them, in both of its formats, and a small raw table to hold them. For this room's tests."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestration.postgres.connection import Connection
from orchestration.postgres.copy import Merged, staged
from orchestration.postgres.raw_tables import RawColumn, RawTable

T0 = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)

DEAL = RawTable(
    "deal_for_tests",
    (
        RawColumn("id", "text", ("Id",)),
        RawColumn("name", "text", ("Name",)),
        RawColumn("account_name", "text", ("Account", "Name")),
        RawColumn("amount", "numeric", ("Amount",)),
        RawColumn("close_date", "date", ("CloseDate",)),
        RawColumn("is_won", "boolean", ("IsWon",)),
        RawColumn("is_deleted", "boolean", ("IsDeleted",)),
        RawColumn("system_modstamp", "timestamptz", ("SystemModstamp",)),
    ),
)

Row = Mapping[str, Any]


def row(id_: str = "006A", minute: int = 0, **values: Any) -> Row:
    """A deal whose stamp is `minute` minutes after T0."""
    held = {"name": "Deal", "account_name": "Acme", "amount": 1, "close_date": "2026-06-30", "is_won": False}
    return held | {"id": id_, "is_deleted": False, "system_modstamp": minutes(minute)} | values


def minutes(minute: float) -> datetime:
    """T0 and so many minutes."""
    return T0 + timedelta(minutes=minute)


def subset(*names: str) -> RawTable:
    """DEAL with only these columns, as when the others are hidden from the integration user."""
    return RawTable(DEAL.name, tuple(column for column in DEAL.columns if column.name in names))


def as_json(rows: Sequence[Row], table: RawTable = DEAL) -> bytes:
    """The rows as a REST query answers."""
    return json.dumps(
        {"totalSize": len(rows), "done": True, "records": [_record(r, table) for r in rows]}
    ).encode()


def as_csv(rows: Sequence[Row], table: RawTable = DEAL) -> bytes:
    """The rows as a Bulk result: everything quoted, null as an empty field."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(".".join(column.path) for column in table.columns)
    writer.writerows([_text(r[column.name], "Z") for column in table.columns] for r in rows)
    return text.getvalue().encode()


def merge_json(conn: Connection, rows: Sequence[Row], *, read: float, table: RawTable = DEAL) -> Merged:
    """Stages the rows as JSON and merges them, as read `read` minutes after T0."""
    with staged(conn, table) as staging:
        assert staging.add_json(as_json(rows, table), ["records"]) == len(rows)
        return staging.merge(read_at=minutes(read), run_id="run-json")


def merge_csv(conn: Connection, rows: Sequence[Row], *, read: float, table: RawTable = DEAL) -> Merged:
    """The same by CSV."""
    with staged(conn, table) as staging:
        assert staging.copy_csv([as_csv(rows, table)]) == len(rows)
        return staging.merge(read_at=minutes(read), run_id="run-csv")


def _record(values: Row, table: RawTable) -> dict[str, Any]:
    record: dict[str, Any] = {"attributes": {"type": "Opportunity"}}
    for column in table.columns:
        value = values[column.name]
        value = _text(value, "+0000") if isinstance(value, datetime) else value
        head, *rest = column.path
        record[head] = value if not rest else None if value is None else {rest[0]: value}
    return record


def _text(value: Any, zone: str) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.000") + zone
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
