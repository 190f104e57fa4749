"""When data is old, and why: each way in which a sync stands still has a cause of its own, and so a next step of its own."""

from __future__ import annotations

from typing import Any

import pytest

from orchestration.status.facts import Calls, LedgerRun
from orchestration.status.judgement import Level, worst
from orchestration.status.judging import judge
from tests.status.sample import (
    MINUTE,
    TEXT,
    ago,
    connection,
    dagster,
    deals,
    facts,
    failed,
    judged,
    outcomes,
    run,
    sensor,
)

OLD = deals(120)
AT_LIMIT = Calls({}, 12_000, 15_000, ago(10))
WORKING = {"unfinished_id": "run-2", "unfinished_status": "STARTED"}
QUEUED = {"unfinished_id": "run-2", "unfinished_status": "QUEUED"}

STANDSTILLS: dict[str, tuple[dict[str, Any], str, str]] = {
    "nobody ever connected": ({"connection": None}, "error", "never_connected"),
    "the grant is dead": ({"connection": connection(state="needs_reconnect", reason="Revoked.")}, "error", "needs_reconnect"),
    "disconnected": ({"connection": connection(state="disconnected")}, "error", "disconnected"),
    "a dead grant beats the limit": (
        {"connection": connection(state="needs_reconnect"), "calls": AT_LIMIT}, "error", "needs_reconnect",
    ),
    "at the limit": ({"calls": AT_LIMIT}, "warning", "deferred"),
    "at the limit for more than a day": ({"calls": AT_LIMIT, "objects": (deals(1500),)}, "error", "deferred"),
    "the limit was seen over an hour ago": (
        {"calls": Calls({}, 12_000, 15_000, ago(61))}, "error", "reads_nothing",
    ),
    "no daemon ever ran": ({"dagster": dagster(daemon_seen_at=None)}, "error", "no_daemon"),
    "the daemon ended": ({"dagster": dagster(daemon_seen_at=ago(6))}, "error", "no_daemon"),
    "the sensor was stopped": ({"dagster": dagster(looks=sensor(is_on=False))}, "error", "sensor_off"),
    "the sensor fails": ({"dagster": dagster(looks=sensor(last_tick="FAILURE"))}, "error", "sensor_fails"),
    "the sensor does not look": ({"dagster": dagster(looks=sensor(last_tick_at=ago(30)))}, "error", "sensor_silent"),
    "the sensor never looked": (
        {"dagster": dagster(looks=sensor(last_tick=None, last_tick_at=None))}, "error", "sensor_silent",
    ),
    "a run is reading": ({"dagster": dagster(run(**WORKING, unfinished_since=ago(20)))}, "error", "run_under_way"),
    "a run has been reading since before": (
        {"objects": (deals(50),), "dagster": dagster(run(**WORKING, unfinished_since=ago(40)))}, "warning", "run_under_way",
    ),
    "a run hangs": ({"dagster": dagster(run(**WORKING, unfinished_since=ago(90)))}, "error", "run_hangs"),
    "a listing holds up no changes": (
        {"dagster": dagster(run("history", **WORKING, unfinished_since=ago(20)))}, "error", "reads_nothing",
    ),
    "a run is not started": ({"dagster": dagster(run(**QUEUED, unfinished_since=ago(20)))}, "error", "run_waits"),
    "a run was just asked for": (
        {"dagster": dagster(run(**QUEUED, unfinished_since=ago(1)))}, "error", "reads_nothing",
    ),
    "runs fail": ({"dagster": dagster(failed())}, "error", "runs_fail"),
    "this object fails, others do not": (
        {"objects": (deals(120, error=TEXT),), "dagster": dagster(failed())}, "error", "object_fails",
    ),
    "all looks alive": ({}, "error", "reads_nothing"),
    "without Dagster, the last run failed": (
        {"dagster": None, "runs": (LedgerRun("changes", "run-1", "failed", ago(130), ago(129), 0, 0, TEXT),)}, "error", "runs_fail",
    ),
    "without Dagster, a run is reading": (
        {"dagster": None, "runs": (LedgerRun("changes", "run-1", "running", ago(10), None, 0, 0),)}, "error", "run_under_way",
    ),
    "without Dagster, a run was killed": (
        {"dagster": None, "runs": (LedgerRun("changes", "run-1", "running", ago(90), None, 0, 0),)}, "error", "reads_nothing",
    ),
    "without Dagster, nothing is known": ({"dagster": None}, "error", "reads_nothing"),
}  # fmt: skip


@pytest.mark.parametrize("situation", STANDSTILLS)
def test_data_that_is_old_says_why(situation: str) -> None:
    """One red light for twelve faults: whoever is woken by it begins with the wrong one."""
    changes, level, cause = STANDSTILLS[situation]
    (said,) = judged(facts(**{"objects": (OLD,)} | changes), "data")
    assert (said.level.value, said.cause) == (level, cause)
    assert "opportunity is right up to 2026-05-0" in said.text
    assert all((said.why, said.since, said.works, said.step, said.who))


EXEMPT: dict[str, tuple[dict[str, Any], str, str]] = {
    "young": ({}, "ok", "ok"),
    "as old as it may be": ({"objects": (deals(15),)}, "ok", "ok"),
    "a turn of six minutes": ({"objects": (deals(59, cadence=6 * MINUTE),)}, "ok", "ok"),
    "older than ten turns of six minutes": ({"objects": (deals(61, cadence=6 * MINUTE),)}, "error", "reads_nothing"),
    "an interval of an hour": ({"objects": (deals(590, cadence=60 * MINUTE),)}, "ok", "ok"),
    "switched off": ({"objects": (deals(9000, is_enabled=False),)}, "ok", "switched_off"),
    "absent from the beginning": (
        {"objects": (deals(cursor=None, data_as_of=None, may_be_absent=True, absent_since=ago(9000)),)}, "ok", "absent",
    ),
    "no longer shown": (
        {"objects": (deals(9000, may_be_absent=True, absent_since=ago(9000)),)}, "warning", "no_longer_shown",
    ),
    "needed and not shown": ({"objects": (deals(absent_since=ago(20)),)}, "error", "not_readable"),
    "nothing was read, nobody connected": (
        {"objects": (deals(cursor=None, data_as_of=None),), "connection": None}, "ok", "not_read_yet",
    ),
    "nothing was read, just connected": (
        {"objects": (deals(cursor=None, data_as_of=None),), "connection": connection(connected_at=ago(3))}, "warning", "not_read_yet",
    ),
    "old, and somebody just connected again": (
        {"objects": (deals(120),), "connection": connection(connected_at=ago(14))}, "warning", "catches_up",
    ),
    "still old though somebody connected again": (
        {"objects": (deals(120),), "connection": connection(connected_at=ago(16))}, "error", "reads_nothing",
    ),
    "nothing was ever read": ({"objects": (deals(cursor=None, data_as_of=None),)}, "error", "reads_nothing"),
}  # fmt: skip


@pytest.mark.parametrize("situation", EXEMPT)
def test_an_object_is_old_by_its_own_turn_and_never_for_what_the_org_lacks(situation: str) -> None:
    """An org without mail that is red for ever is a light that nobody looks at."""
    changes, level, cause = EXEMPT[situation]
    assert outcomes(judged(facts(**changes), "data")) == [(level, cause)]


WAITING: dict[str, tuple[dict[str, Any], dict[str, Any], str, str]] = {
    "one record cannot be read": ({"unreadable": 1}, {}, "warning", "records_wait"),
    "a record that nobody could read for a day": ({"data_as_of": ago(1500), "unreadable": 1}, {}, "error", "records_wait"),
    "ids are found and nobody fetches them": ({"pending": 9, "untried_since": ago(120)}, {}, "error", "reads_nothing"),
    "ids are found and their run is not started": (
        {"untried_since": ago(120)}, {"dagster": dagster(run(**QUEUED, unfinished_since=ago(100)))}, "error", "run_waits",
    ),
    "ids are found and a listing fetches them": (
        {"untried_since": ago(120)}, {"dagster": dagster(run("history", **WORKING, unfinished_since=ago(110)))}, "warning", "run_under_way",
    ),
}  # fmt: skip


@pytest.mark.parametrize("situation", WAITING)
def test_a_cursor_that_moves_does_not_hide_what_is_not_fetched(situation: str) -> None:
    """The tick moves the cursor every minute; a queue that stands still behind it would be green for ever."""
    of_object, changes, level, cause = WAITING[situation]
    each = deals(1, **{"data_as_of": ago(120)} | of_object)
    assert outcomes(judged(facts(objects=(each,), **changes), "data")) == [(level, cause)]


def test_a_sync_in_good_order_is_green_in_every_part() -> None:
    """A status that is never green is not read."""
    said = judge(facts())
    assert worst(said) is Level.OK, outcomes(said)
    assert [each.subject for each in said] == [
        "connection", "dagster", "data.opportunity", "coverage", "runs", "api_calls", "uploads",
    ]  # fmt: skip
