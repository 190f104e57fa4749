"""The merge of some columns alone: written where the stamp is the held one, and nothing else is touched (R3)."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from orchestration.errors import MissingFieldError
from orchestration.postgres.connection import Connection, Database
from orchestration.postgres.copy import staged
from orchestration.postgres.merge_columns import merge_columns
from tests.postgres.rows import Row, as_json, merge_json, minutes, row, subset

PART = subset("id", "system_modstamp", "name")


def _merge(conn: Connection, rows: Sequence[Row], *, read_at: float) -> int:
    with staged(conn, PART) as arrived:
        arrived.add_json(as_json(rows, PART), ["records"])
        return merge_columns(conn, arrived.name, arrived.table, read_at=minutes(read_at))


@pytest.mark.parametrize(
    ("arrives", "read_at", "name"),
    [
        (row(name="New"), 5, "New"),
        (row(name="New", minute=1), 5, "Deal"),
        (row(name="New", minute=-1), 5, "Deal"),
        (row(name="New"), 1, "Deal"),
        (row(name=None), 5, None),
        (row("006B", name="New"), 5, "Deal"),
    ],
    ids=["equal stamp", "newer", "older", "read before the row was", "emptied", "not held"],
)
def test_some_columns_are_written_only_where_the_stamp_is_the_held_one(
    deals: Database, arrives: Row, read_at: float, name: str | None
) -> None:
    """A value of one state of the record in a row of another: a deal that never was, in no state that Salesforce ever had."""
    with deals.transaction() as conn:
        merge_json(conn, [row()], read=2)
        before = conn.execute(
            "select system_modstamp, _read_at, amount from raw_salesforce.deal_for_tests"
        ).fetchall()
        assert _merge(conn, [arrives], read_at=read_at) == (name != "Deal")
        assert conn.execute("select name from raw_salesforce.deal_for_tests").fetchall() == [(name,)]
        after = conn.execute(
            "select system_modstamp, _read_at, amount from raw_salesforce.deal_for_tests"
        ).fetchall()
        assert after == before


def test_a_row_that_is_right_already_is_not_written(deals: Database) -> None:
    """Every deal a change, every night: the marts would be rebuilt whole for an account that nobody renamed."""
    with deals.transaction() as conn:
        merge_json(conn, [row(), row("006B")], read=2)
    with deals.transaction() as conn:
        assert _merge(conn, [row(), row("006B", name="New")], read_at=5) == 1
        written = conn.execute(
            "select id from raw_salesforce.deal_for_tests where _xact_id = pg_current_xact_id()"
        ).fetchall()
        assert written == [("006B",)]


def test_a_tombstone_keeps_what_it_had(deals: Database) -> None:
    """A record in the recycle bin is read whole when it comes back; until then nothing of it may change."""
    with deals.transaction() as conn:
        merge_json(conn, [row(is_deleted=True)], read=2)
        assert _merge(conn, [row(name="New")], read_at=5) == 0


def test_records_that_lack_a_field_are_no_records_in_which_it_is_empty(deals: Database) -> None:
    """A field that was renamed in case answers under another name, and its column went empty row by row."""
    body = as_json([row()], PART).replace(b'"Name"', b'"NAME"')
    with (
        deals.transaction() as conn,
        staged(conn, PART) as arrived,
        pytest.raises(MissingFieldError, match="lacks Name"),
    ):
        arrived.add_json(body, ["records"])
