"""The merge (R3): which version of a row wins, what is written, and what is left untouched, in both formats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest

from orchestration.errors import BugError
from orchestration.postgres.connection import Database
from orchestration.postgres.copy import Merged, staged
from tests.postgres.rows import DEAL, Row, as_csv, merge_csv, merge_json, minutes, row, subset

RAW = "raw_salesforce.deal_for_tests"
Merge = Callable[..., Merged]

both_formats = pytest.mark.parametrize("merge", [merge_json, merge_csv])


def _held(database: Database, *columns: str, id_: str = "006A") -> tuple[Any, ...]:
    with database.transaction() as conn:
        found = conn.execute(f"select {', '.join(columns)} from {RAW} where id = %s", [id_]).fetchone()
    assert found is not None
    return found


def _merge(database: Database, merge: Merge, rows: Sequence[Row], read: float, **options: Any) -> Merged:
    with database.transaction() as conn:
        return merge(conn, rows, read=read, **options)


@both_formats
def test_a_new_row_is_inserted_with_what_is_known_of_its_reading(deals: Database, merge: Merge) -> None:
    """The models find it by `_xact_id`, the sync judges it by `_read_at`, a person traces it by `_run_id`."""
    assert _merge(deals, merge, [row(), row("006B")], 5) == Merged(read=2, inserted=2, updated=0, unchanged=0)
    known = "_read_at, _run_id like 'run-%%', _deleted_at, _synced_at > now() - interval '1 hour', _xact_id is null"
    assert _held(deals, known) == (minutes(5), True, None, True, False)


@both_formats
def test_a_newer_stamp_wins_even_if_it_was_read_earlier(deals: Database, merge: Merge) -> None:
    """A Bulk job created before a REST read may hold the newer version."""
    _merge(deals, merge, [row(name="old")], 9)
    assert _merge(deals, merge, [row(minute=1, name="new")], 8).updated == 1
    assert _held(deals, "name", "_read_at") == ("new", minutes(8))


@both_formats
def test_an_older_stamp_is_ignored_however_late_it_was_read(deals: Database, merge: Merge) -> None:
    """A slow Bulk page must not undo a change that the changes read already brought."""
    _merge(deals, merge, [row(minute=1, name="new")], 5)
    assert _merge(deals, merge, [row(name="old")], 9) == Merged(read=1, inserted=0, updated=0, unchanged=1)
    assert _held(deals, "name", "_read_at") == ("new", minutes(5))


@both_formats
@pytest.mark.parametrize(("read", "name"), [(4, "first"), (5, "second"), (6, "second")])
def test_of_one_stamp_the_newer_read_wins_and_a_tie_goes_to_the_later_merge(
    deals: Database, merge: Merge, read: float, name: str
) -> None:
    """Stamps have whole seconds: two changes within one share a stamp, and only the time of reading tells them apart."""
    _merge(deals, merge, [row(name="first")], 5)
    _merge(deals, merge, [row(name="second")], read)
    assert _held(deals, "name") == (name,)


@both_formats
def test_an_identical_row_is_not_rewritten(deals: Database, merge: Merge) -> None:
    """The overlap reads 20 minutes again at every tick; rewriting would rebuild the marts each time."""
    _merge(deals, merge, [row()], 25)
    before = _held(deals, "xmin", "_xact_id", "_synced_at", "_read_at")
    assert _merge(deals, merge, [row()], 29) == Merged(read=1, inserted=0, updated=0, unchanged=1)
    assert _held(deals, "xmin", "_xact_id", "_synced_at", "_read_at") == before


@both_formats
def test_a_number_written_otherwise_is_no_change(deals: Database, merge: Merge) -> None:
    """REST writes 23.0, Bulk 23 or 2.3E1: by text every amount would change with the way it came."""
    _merge(deals, merge, [row(amount="23.0")], 5)
    assert _merge(deals, merge, [row(amount="2.3E1")], 9).unchanged == 1


@both_formats
def test_a_row_read_soon_after_its_stamp_settles_without_being_rewritten(
    deals: Database, merge: Merge
) -> None:
    """Held with a read less than 20 minutes after its stamp, R1 asks for it again: for ever, if the read left no trace."""
    _merge(deals, merge, [row()], 0.5)
    before = _held(deals, "_xact_id", "_synced_at", "_run_id")
    assert _merge(deals, merge, [row()], 0.9).unchanged == 1
    assert _held(deals, "_read_at") == (minutes(0.9),)
    _merge(deals, merge, [row()], 0.7)  # a read never goes back
    assert _held(deals, "_read_at") == (minutes(0.9),)
    _merge(deals, merge, [row()], 21)
    _merge(deals, merge, [row()], 22)  # settled: no transaction that stamped it can still be open
    assert _held(deals, "_read_at") == (minutes(21),)
    assert _held(deals, "_xact_id", "_synced_at", "_run_id") == before


@both_formats
def test_columns_that_were_not_read_keep_what_they_hold(deals: Database, merge: Merge) -> None:
    """A field that the integration user loses must not become null in every row."""
    _merge(deals, merge, [row(amount=7)], 5)
    seen = subset("id", "name", "is_deleted", "system_modstamp")
    assert _merge(deals, merge, [row(minute=1, name="new", amount=0)], 6, table=seen).updated == 1
    assert _held(deals, "name", "amount", "account_name") == ("new", 7, "Acme")


@both_formats
def test_a_changed_row_is_found_by_the_models(deals: Database, merge: Merge) -> None:
    """A write that kept `_xact_id` would never reach a mart."""
    _merge(deals, merge, [row()], 5)
    before, _ = _held(deals, "_xact_id", "_synced_at")
    _merge(deals, merge, [row(minute=1)], 6)
    assert _held(deals, f"_xact_id > '{before}'::xid8", "system_modstamp") == (True, minutes(1))


@both_formats
def test_a_deleted_row_gets_a_tombstone_that_keeps_its_first_time_and_is_lifted_by_an_undelete(
    deals: Database, merge: Merge
) -> None:
    """A deal from the recycle bin must come back; one that stays there must not seem deleted anew at each read."""
    _merge(deals, merge, [row()], 5)
    assert _merge(deals, merge, [row(minute=1, is_deleted=True)], 6).updated == 1
    _merge(deals, merge, [row(minute=2, is_deleted=True)], 7)
    assert _held(deals, "_deleted_at", "_deleted_reason", "is_deleted") == (minutes(6), "soft_deleted", True)
    _merge(deals, merge, [row(minute=3)], 8)
    assert _held(deals, "_deleted_at", "_deleted_reason", "is_deleted") == (None, None, False)


def _tombstone(database: Database, at: datetime) -> None:
    with database.transaction() as conn:
        conn.execute(f"update {RAW} set _deleted_at = %s, _deleted_reason = 'not_visible'", [at])


@both_formats
@pytest.mark.parametrize(("read", "reason"), [(6, "not_visible"), (7, None), (8, None)])
def test_a_row_read_as_live_lifts_a_tombstone_that_is_not_newer_than_the_read(
    deals: Database, merge: Merge, read: float, reason: str | None
) -> None:
    """Seen again means it is there, even with nothing changed; a read from before it was missed means nothing."""
    _merge(deals, merge, [row()], 5)
    _tombstone(deals, minutes(7))
    _merge(deals, merge, [row()], read)
    assert _held(deals, "_deleted_reason") == (reason,)


@both_formats
def test_an_identical_deleted_row_is_not_rewritten(deals: Database, merge: Merge) -> None:
    """A tombstone that was set anew at each read would rebuild its deal in every mart at every tick."""
    _merge(deals, merge, [row(is_deleted=True)], 25)
    before = _held(deals, "xmin", "_deleted_at")
    assert before[1] == minutes(25)
    assert _merge(deals, merge, [row(is_deleted=True)], 29).unchanged == 1
    assert _held(deals, "xmin", "_deleted_at") == before


@both_formats
def test_of_one_id_staged_twice_the_newest_stamp_is_merged(deals: Database, merge: Merge) -> None:
    """A row that changes while pages are read is on two of them; unresolved, ON CONFLICT stops the whole merge."""
    rows = [row(name="older"), row(minute=1, name="newest"), row("006B"), row(name="older")]
    assert _merge(deals, merge, rows, 5) == Merged(read=4, inserted=2, updated=0, unchanged=0)
    assert _held(deals, "name") == ("newest",)


def test_merges_of_the_same_rows_at_once_wait_for_each_other(deals: Database) -> None:
    """A backfill and the changes meet on the same rows, in opposite orders: without the lock one dies of a deadlock."""
    ids = [f"006{number:04}" for number in range(300)]

    def merge(worker: int) -> None:
        for turn in range(4):
            rows = [
                row(id_, minute=turn, name=f"{worker} {turn}") for id_ in (ids if worker % 2 else ids[::-1])
            ]
            with deals.transaction() as conn, staged(conn, DEAL) as first, staged(conn, DEAL) as second:
                for staging, half in ((first, rows[:150]), (second, rows[150:])):
                    staging.copy_csv([as_csv(half)])
                    staging.merge(read_at=minutes(turn), run_id="run")

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(merge, worker) for worker in range(4)]:
            done.result()
    with deals.transaction() as conn:
        assert conn.execute(f"select count(*), min(system_modstamp) from {RAW}").fetchone() == (
            300,
            minutes(3),
        )


def test_a_time_of_reading_without_a_zone_is_refused(deals: Database) -> None:
    """Postgres would take it for the session's time, and one merge in summer would win over all others."""
    with deals.transaction() as conn, staged(conn, DEAL) as staging, pytest.raises(BugError):
        staging.merge(read_at=minutes(0).replace(tzinfo=None), run_id="run")


def test_a_merge_of_nothing_changes_nothing(deals: Database) -> None:
    """An empty window is the usual case."""
    with deals.transaction() as conn, staged(conn, DEAL) as staging:
        merged = staging.merge(read_at=minutes(0), run_id="run")
    assert merged == Merged(read=0, inserted=0, updated=0, unchanged=0)
