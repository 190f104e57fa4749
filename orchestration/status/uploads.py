"""What the outbox of documents has come to. Pure. Reasons are codes, because Dagster shows these judgements; the command adds sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from orchestration.documents.standing import OpenGroup
from orchestration.status.facts import Facts
from orchestration.status.judgement import Judgement, Level
from orchestration.status.stops import Stop, connection_is_dead, daemon_runs, is_at_limit, stop_of
from orchestration.status.words import RUNNER, counted, moment

PATIENCE = timedelta(minutes=15)
"""What is due is sent within seconds; a version that has been due for so long is sent by nobody."""

_WORKS = "All other documents are sent, and deals are read."
_STEP = "`fluint documents list --open` says of each what it waits for, and who can do what."


def judge_uploads(facts: Facts) -> Iterator[Judgement]:
    """What nobody sends, what was given up, what waits for a person: a judgement each; else one that all is well."""
    found = [*_unsent(facts), *_given_up(facts.uploads.open), *_waiting(facts.uploads.open)]
    yield from found
    if not found:
        waits = sum(
            group.versions for group in facts.uploads.open if group.state not in ("given_up", "uploaded")
        )
        going = f", {waits:,} on their way" if waits else ""
        yield Judgement(
            "uploads",
            Level.OK,
            "ok",
            f"{counted(facts.uploads.uploaded, 'document version')} in Salesforce{going}.",
        )


def _unsent(facts: Facts) -> Iterator[Judgement]:
    due_since = facts.uploads.due_since
    if due_since is None or facts.now - due_since <= PATIENCE:
        return
    stop = _why_unsent(facts)
    yield Judgement(
        "uploads", stop.level, stop.cause,
        f"{counted(facts.uploads.due, 'document version')} could be sent and are not, the oldest since {moment(due_since)}.",
        stop.why, due_since, "Nothing is lost: they are sent as soon as that is mended.", stop.step, stop.who,
    )  # fmt: skip


def _why_unsent(facts: Facts) -> Stop:
    if connection_is_dead(facts) or is_at_limit(facts):
        return stop_of(facts)
    dagster = facts.dagster
    sensor = dagster.looks_for("upload") if dagster else None
    if dagster is None or not daemon_runs(facts, dagster):
        return Stop(
            "no_daemon", "No daemon of Dagster is known to run.", "Start Dagster (`fluint ui`).", RUNNER
        )
    if sensor is not None and not sensor.is_on:
        return Stop(
            "sensor_off", f"Somebody stopped {sensor.name}.", f"Dagster › Automation › {sensor.name}.", RUNNER
        )
    for run in dagster.runs("upload"):
        if run.unfinished_status == "STARTED":
            return Stop(
                "run_under_way", "A run is sending now.", "It goes on by itself.", "nobody", Level.WARNING
            )
        if run.failures:
            return Stop("runs_fail", run.error or f"{run.job} fails.", "What the text says.", RUNNER)
    return Stop("sends_nothing", "Dagster runs, and yet nothing is sent.", "Restart Dagster.", RUNNER)


def _given_up(groups: Iterable[OpenGroup]) -> Iterator[Judgement]:
    yield from _told(
        "given_up", "given up", [g for g in groups if g.needs_a_person and g.state == "given_up"]
    )


def _waiting(groups: Iterable[OpenGroup]) -> Iterator[Judgement]:
    yield from _told(
        "needs_admin",
        "waiting for a person",
        [g for g in groups if g.needs_a_person and g.state != "given_up"],
    )


def _told(cause: str, what: str, groups: list[OpenGroup]) -> Iterator[Judgement]:
    if not groups:
        return
    reasons = ", ".join(f"{group.versions} {group.reason}" for group in groups)
    number = counted(sum(group.versions for group in groups), "document version")
    yield Judgement(
        "uploads", Level.WARNING, cause, f"{number} {what}: {reasons}.", since=min(group.oldest_at for group in groups),
        works=_WORKS, step=_STEP, who=RUNNER, latest=max(group.newest_at for group in groups),
    )  # fmt: skip
