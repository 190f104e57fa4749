"""Which judgements of the status are told, as which incidents, and which only follow from another. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestration.alerts.judged import WARNINGS, needs_dagster, sightings
from orchestration.status.facts import Calls, Missing, Uploads
from orchestration.status.judgement import Judgement, Level
from orchestration.status.judging import judge
from tests.status.sample import TEXT, ago, connection, dagster, deals, facts, failed, run, sensor
from tests.status.test_ages import EXEMPT, STANDSTILLS, WAITING
from tests.status.test_judging import DUE, FULL, GIVEN_UP, PARTS, RUNS

DEAD = {"connection": connection(state="needs_reconnect", reason="Revoked.")}
OLD = {"objects": (deals(120), deals(90, table="contact"))}
DIED_OF_IT = replace(failed(failures=3), must_reconnect=True)
NO_DAEMON = {"dagster": dagster(daemon_seen_at=ago(60))}
FAILING = {"dagster": dagster(failed(failures=3))}
READING_AGAIN = {"unfinished_id": "run-9", "unfinished_status": "STARTED", "unfinished_since": ago(1)}

SITUATIONS: dict[str, tuple[dict[str, Any], list[tuple[str, str]], list[tuple[str, str]]]] = {
    # what is so → what is told, what only follows
    "all is well": ({}, [], []),
    "a dead connection, old data, failed runs, documents that wait": (
        DEAD | OLD | {"dagster": dagster(DIED_OF_IT), "uploads": DUE},
        [("connection", "needs_reconnect")],
        [("data", "stale"), ("runs.changes_job", "fails"), ("uploads", "unsent")],
    ),
    "a dead connection, and a run that fails of something else": (
        DEAD | {"dagster": dagster(failed("models", 3)), "marts_are_behind": True},
        [("connection", "needs_reconnect"), ("runs.models_job", "fails")], [],
    ),
    "a dead connection that failed the night's job": (
        DEAD | {"dagster": dagster(replace(failed("other"), must_reconnect=True))}, [("connection", "needs_reconnect")], [],
    ),
    "two objects are old": (OLD, [("data", "stale")], []),
    "data is old because runs fail": (OLD | FAILING, [("runs.changes_job", "fails")], [("data", "stale")]),
    "data is old because runs fail, and one tries again now": (
        OLD | {"dagster": dagster(replace(failed(failures=3), **READING_AGAIN))},
        [("runs.changes_job", "fails")], [("data", "stale")],
    ),
    "one object fails, others do not": (
        {"objects": (deals(120, error=TEXT), deals(1, table="contact"))} | FAILING,
        [("runs.changes_job", "fails")], [("data", "stale")],
    ),
    "no daemon: data is old and documents wait": (
        OLD | NO_DAEMON | {"uploads": DUE}, [("data", "stale")], [("uploads", "unsent")],
    ),
    "no daemon, and data is young": (NO_DAEMON, [], []),
    "a run failed once and is tried again": ({"dagster": dagster(failed()), "objects": (deals(12),)}, [], []),
    "a run failed, and what it was to do was done since": ({"dagster": dagster(failed(failures=3, minutes=10))}, [], []),
    "it fails again and again": (FAILING | {"objects": (deals(12),)}, [("runs.changes_job", "fails")], []),
    "the night's job failed": ({"dagster": dagster(failed("other"))}, [("runs.other_job", "fails")], []),
    "the grant dies unused": ({"connection": connection(refreshed_at=ago(21 * 1440))}, [("connection", "idle")], []),
    "a document was given up": ({"uploads": Uploads(open=(GIVEN_UP,))}, [("uploads", "given_up")], []),
    "a document waits for a person": ({"uploads": Uploads(open=(FULL,))}, [("uploads", "needs_admin")], []),
    "given up, and another is not sent": (
        {"uploads": replace(DUE, open=(GIVEN_UP,))}, [("uploads", "given_up"), ("uploads", "unsent")], [],
    ),
    "an object is hidden": (
        {"objects": (deals(absent_since=ago(20)),)}, [("data.opportunity", "not_readable")], [],
    ),
    "an object is no longer shown": (
        {"objects": (deals(9000, may_be_absent=True, absent_since=ago(9000)),)}, [("data.opportunity", "no_longer_shown")], [],
    ),
    "paused at the limit": (OLD | {"calls": Calls({}, 12_000, 15_000, ago(5))}, [], []),
    "nobody ever connected": (OLD | {"connection": None}, [], []),
    "somebody disconnected": (OLD | {"connection": connection(state="disconnected"), "uploads": DUE}, [], []),
    "somebody just connected again": (
        OLD | {"connection": connection(connected_at=ago(2)), "dagster": dagster(DIED_OF_IT)}, [], [],
    ),
    "documents wait at the limit": ({"calls": Calls({}, 12_000, 15_000, ago(5)), "uploads": DUE}, [], []),
    "documents are being sent": ({"uploads": DUE, "dagster": dagster(run("upload", **READING_AGAIN))}, [], []),
    "not listed yet": ({"missing": Missing(3, owners=1)}, [], []),
}  # fmt: skip


@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_root_is_told_and_what_comes_of_it_is_not(situation: str) -> None:
    """An alert for each object and job that one fault stops; or none, because each is taken for the other's."""
    changes, told, follow = SITUATIONS[situation]
    seen = sightings(judge(facts(**changes)))
    assert sorted(each.key for each in seen if not each.follows) == told
    assert sorted(each.key for each in seen if each.follows) == follow


def test_a_text_says_what_why_and_who_does_what_however_long_the_reason_is() -> None:
    """A message is cut behind 700 characters: a long reason would take the next step with it."""
    long = replace(failed(failures=3), error="x" * 1000)
    (said,) = sightings(judge(facts(objects=(deals(12),), dagster=dagster(long))))
    assert len(said.text) < 700
    assert said.text.startswith("changes_job has been failing since 2026-05-05 11:50 UTC. ")
    assert said.text.endswith(
        "Next step, by whoever runs Fluint: What the text says; the next run goes on from where it was."
    )


def test_old_data_is_told_by_its_objects_the_oldest_of_each_cause_and_the_next_step() -> None:
    """Ten objects are old for one reason: one sentence, not ten; and not the names alone."""
    many = tuple(deals(100 + n, table=f"t{n}") for n in range(8))
    (said,) = sightings(judge(facts(objects=many, dagster=dagster(looks=sensor(is_on=False)))))
    assert said.text.startswith("Salesforce data is old: t7, t6, t5, t4, t3 and 3 more. t7 is right up to ")
    assert said.text.count("is right up to") == said.text.count("Next step, by whoever runs Fluint: ") == 1
    one_fails = (deals(120, error=TEXT), deals(90, table="contact"))
    (said,) = sightings(judge(facts(objects=one_fails)))
    assert (said.text.count("is right up to"), TEXT in said.text) == (2, True)


def test_a_document_is_told_with_the_time_of_the_newest_that_was_given_up() -> None:
    """By it a later one is told though an earlier one was never mended."""
    groups = (replace(GIVEN_UP, newest_at=ago(7)), replace(GIVEN_UP, reason="other", newest_at=ago(400)))
    (said,) = sightings(judge(facts(uploads=Uploads(open=groups))))
    assert said.latest == ago(7)


def _every_judgement() -> list[Judgement]:
    given = [changes for _, changes, _ in PARTS.values()]
    given += [changes for changes, _, _ in RUNS.values()]
    given += [{"objects": (deals(120),)} | changes for changes, _, _ in STANDSTILLS.values()]
    given += [changes for changes, _, _ in EXEMPT.values()]
    given += [changes for changes, _, _ in SITUATIONS.values()]
    given += [
        {"objects": (deals(1, **{"data_as_of": ago(120)} | of),)} | more
        for of, more, _, _ in WAITING.values()
    ]
    return [each for changes in given for each in judge(facts(**changes))]


def test_of_every_warning_it_is_decided_whether_anybody_is_told() -> None:
    """A warning that somebody adds and nobody thinks of is told to nobody."""
    warned = {(e.subject.partition(".")[0], e.cause) for e in _every_judgement() if e.level is Level.WARNING}
    assert len(warned) > 15
    assert warned - WARNINGS.keys() == set()
    assert WARNINGS.keys() - warned == set(), "a warning that the status does not know"
    assert all(reason for _, reason in WARNINGS.values())


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_look_that_does_not_ask_dagster_tells_what_one_that_asks_would(situation: str) -> None:
    """Dagster is asked only where it can change what is told; a fault that the first look does not see is never told."""
    given = facts(**SITUATIONS[situation][0])
    has_failed_runs = any(job.failures for job in (given.dagster.jobs if given.dagster else ()))
    known, blind = judge(given), judge(replace(given, dagster=None))
    seen = known if has_failed_runs or needs_dagster(blind) else blind
    assert [each.key for each in sightings(seen)] == [each.key for each in sightings(known)]
