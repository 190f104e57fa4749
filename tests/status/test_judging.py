"""What the other parts come to: connection, Dagster, coverage, runs, calls, documents."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestration.documents.standing import OpenGroup
from orchestration.status.facts import Calls, LedgerRun, Missing, Uploads
from orchestration.status.judgement import Level, worst
from tests.status.sample import (
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

GIVEN_UP = OpenGroup("given_up", "given_up", "too_large", 2, ago(500), ago(500), needs_a_person=True)
DEAL_GONE = OpenGroup("given_up", "given_up", "deal_deleted", 3, ago(500), ago(500))
FULL = OpenGroup("failed", "needs_admin", "storage_full", 1, ago(50), ago(50), needs_a_person=True)
BUSY = OpenGroup("failed", "waits_until", "not_taken", 1, ago(2), ago(2))
UPLOADER = sensor(name="pending_documents_sensor", role="upload")
DUE = Uploads(due=1, due_since=ago(20))

PARTS: dict[str, tuple[str, dict[str, Any], list[tuple[str, str]]]] = {
    "the grant is dead": (
        "connection", {"connection": connection(state="needs_reconnect", reason="Revoked.")}, [("error", "needs_reconnect")],
    ),
    "a grant that nobody uses": ("connection", {"connection": connection(refreshed_at=ago(21 * 1440))}, [("warning", "idle")]),
    "a session without a refresh token": (
        "connection", {"connection": connection(refreshed_at=ago(21 * 1440), has_refresh_token=False)}, [("ok", "ok")],
    ),
    "nobody ever connected": ("connection", {"connection": None}, [("error", "never_connected")]),
    "no instance": ("dagster", {"dagster": None, "dagster_unknown": "It is not set."}, [("warning", "not_asked")]),
    "no daemon, a sensor stopped, another failing": (
        "dagster",
        {
            "dagster": dagster(
                daemon_seen_at=ago(6),
                automations=(sensor(is_on=False), replace(UPLOADER, last_tick="FAILURE")),
            )
        },
        [("warning", "no_daemon"), ("warning", "stopped"), ("warning", "tick_fails")],
    ),
    "owners to be listed": ("coverage", {"missing": Missing(3, owners=1)}, [("warning", "missing")]),
    "at our share of the org's calls": ("api_calls", {"calls": Calls({}, 12_000, 15_000, ago(5))}, [("warning", "at_limit")]),
    "near it": ("api_calls", {"calls": Calls({}, 10_900, 15_000, ago(5))}, [("warning", "near_limit")]),
    "the org never said": ("api_calls", {"calls": Calls({"keys": 1})}, [("ok", "ok")]),
    "given up": ("uploads", {"uploads": Uploads(open=(GIVEN_UP, DEAL_GONE))}, [("warning", "given_up")]),
    "given up with the deal": ("uploads", {"uploads": Uploads(open=(DEAL_GONE, BUSY))}, [("ok", "ok")]),
    "waits for a person": ("uploads", {"uploads": Uploads(open=(FULL,))}, [("warning", "needs_admin")]),
    "due and just generated": ("uploads", {"uploads": Uploads(due=1, due_since=ago(1))}, [("ok", "ok")]),
    "due and sent by nobody": ("uploads", {"uploads": DUE}, [("error", "sends_nothing")]),
    "due without a daemon": ("uploads", {"uploads": DUE, "dagster": dagster(daemon_seen_at=None)}, [("error", "no_daemon")]),
    "due and the sensor stopped": (
        "uploads", {"uploads": DUE, "dagster": dagster(looks=replace(UPLOADER, is_on=False))}, [("error", "sensor_off")],
    ),
    "due and its runs fail": ("uploads", {"uploads": DUE, "dagster": dagster(failed("upload"))}, [("error", "runs_fail")]),
    "due and the grant is dead": (
        "uploads", {"uploads": DUE, "connection": connection(state="disconnected")}, [("error", "disconnected")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("situation", PARTS)
def test_each_part_is_as_bad_as_what_people_miss_by_it(situation: str) -> None:
    """A warning that is an error wakes somebody for nothing; an error that is a warning is found by the customer."""
    subject, changes, expected = PARTS[situation]
    said = judged(facts(**changes), subject)
    assert outcomes(said) == expected
    assert all(
        (each.step and each.who and each.works) or each.level is Level.OK or each.cause == "never_connected"
        for each in said
    )


DIED = replace(failed(failures=3), must_reconnect=True)
RUNS: dict[str, tuple[dict[str, Any], str, str]] = {
    "changes were followed since": ({"dagster": dagster(failed(minutes=10))}, "ok", "healed"),
    "changes were not followed since": ({"dagster": dagster(failed()), "objects": (deals(12),)}, "warning", "failed_once"),
    "again and again": ({"dagster": dagster(failed(failures=3)), "objects": (deals(12),)}, "error", "runs_fail"),
    "once, and never tried again": (
        {"dagster": dagster(failed(minutes=130)), "objects": (deals(200),)}, "error", "runs_fail",
    ),
    "nothing was ever read": (
        {"dagster": dagster(failed(failures=2)), "objects": (deals(cursor=None, data_as_of=None),)}, "error", "runs_fail",
    ),
    "ids of then are still to be fetched": (
        {"dagster": dagster(failed(failures=2)), "objects": (deals(untried_since=ago(11)),)}, "error", "runs_fail",
    ),
    "the marts are behind": ({"dagster": dagster(failed(failures=2)), "marts_are_behind": True}, "error", "runs_fail"),
    "listed since": ({"dagster": dagster(failed("history", 3))}, "ok", "healed"),
    "not listed since": (
        {"dagster": dagster(failed("history", 3)), "missing": Missing(3, owners=1)}, "error", "runs_fail",
    ),
    "built since": ({"dagster": dagster(failed("models", 3))}, "ok", "healed"),
    "sent since": ({"dagster": dagster(failed("upload", 3))}, "ok", "healed"),
    "a nightly job": ({"dagster": dagster(failed("other", 3))}, "warning", "runs_fail"),
    "of a dead connection": (
        {"dagster": dagster(DIED), "objects": (deals(12),), "connection": connection(state="needs_reconnect")}, "error", "needs_reconnect",
    ),
    "of a connection that somebody made again since": (
        {"dagster": dagster(DIED), "objects": (deals(12),), "connection": connection(connected_at=ago(5))}, "warning", "connected_since",
    ),
    "of a dead connection, by the ledger alone": (
        {"dagster": None, "runs": (LedgerRun("changes", "run-1", "failed", ago(130), ago(129), 0, 0, TEXT),),
         "connection": connection(state="needs_reconnect"), "objects": (deals(130),)}, "error", "needs_reconnect",
    ),
    "none": ({"dagster": dagster(run())}, "ok", "ok"),
}  # fmt: skip


@pytest.mark.parametrize("situation", RUNS)
def test_a_failed_run_matters_while_what_it_was_to_do_is_not_done(situation: str) -> None:
    """After a blip there is no further run until something changes: a quiet org would be red until then."""
    changes, level, cause = RUNS[situation]
    (said,) = judged(facts(**changes), "runs")
    assert (said.level.value, said.cause) == (level, cause)
    assert (TEXT in said.why) == (cause not in ("ok", "healed"))


def test_the_worst_of_nothing_is_ok_and_error_beats_warning() -> None:
    """The exit code of a monitor."""
    assert worst([]) is Level.OK
    both = judged(facts(connection=None, uploads=Uploads(open=(FULL,))), "uploads") + judged(
        facts(connection=None), "connection"
    )
    assert worst(both) is Level.ERROR
