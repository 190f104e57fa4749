"""Why nothing is read, the first cause that explains it: from the connection over the org's allowance and Dagster to the runs. Pure.

A consumer that looks alive and reads nothing has none of the other causes; it is told from them here and by nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestration.salesforce.quota import PAUSE
from orchestration.status.facts import Automation, DagsterFacts, Facts, JobRuns, Role
from orchestration.status.judgement import Level
from orchestration.status.words import ADMIN, NOBODY, RUNNER, age, moment

DAEMON_SILENCE = timedelta(minutes=5)
"""Dagster's daemon writes a heartbeat every 30 seconds; after so long it is taken for ended."""

LEAST_SILENCE = timedelta(minutes=5)
"""A sensor that has not looked for so long, or for five of its intervals, does not look."""

RUN_PATIENCE = timedelta(hours=1)
"""How long a run that follows changes may take while the data behind it grows old; a run of history may take a day."""

HISTORY_PATIENCE = timedelta(days=1)
QUEUE_PATIENCE = timedelta(minutes=15)


@dataclass(frozen=True)
class Stop:
    """A cause: its stable code, the sentence, and the next step with who takes it. `level` is that of data that is old because of it."""

    cause: str
    why: str
    step: str
    who: str
    level: Level = Level.ERROR


def stop_of(
    facts: Facts,
    *,
    old_since: datetime | None = None,
    said: str | None = None,
    of_fetching: bool = False,
) -> Stop:
    """Why changes are not followed; `said` is what the last run told of the object alone, while others went on.

    A run that began after `old_since`, when the data was old already, is the cause of nothing: it is named and excuses nothing. With
    `of_fetching`, why ids that are known are not fetched: a run of history does that, too.
    """
    return (
        _connection(facts)
        or _allowance(facts)
        or _of_object(said)
        or (
            _dagster(facts, facts.dagster, of_fetching, old_since)
            if facts.dagster
            else _ledger(facts, of_fetching, old_since)
        )
        or _nothing(facts)
    )


def connection_is_dead(facts: Facts) -> bool:
    """Whether there is no connection that could be used."""
    return dead_connection(facts) is not None


def dead_connection(facts: Facts) -> str | None:
    """The cause of all that comes of having no connection that could be used; None where there is one."""
    state = facts.connection.state if facts.connection else "never_connected"
    return None if state == "connected" else state


def is_at_limit(facts: Facts) -> bool:
    """Whether the org's allowance keeps the sync from asking now (`salesforce.quota.check`)."""
    calls = facts.calls
    if calls.used is None or calls.allowed is None or calls.seen_at is None:
        return False
    return calls.used >= facts.expected.quota_share * calls.allowed and facts.now < calls.seen_at + PAUSE


def daemon_runs(facts: Facts, dagster: DagsterFacts) -> bool:
    """Whether Dagster's daemon gave a sign of life within minutes."""
    return dagster.daemon_seen_at is not None and facts.now - dagster.daemon_seen_at < DAEMON_SILENCE


def _connection(facts: Facts) -> Stop | None:
    cause = dead_connection(facts)
    if cause is None:
        return None
    return Stop(
        cause,
        "There is no working connection to Salesforce.",
        "`fluint connect`; the sync then goes on from where it was.",
        ADMIN,
    )


def _allowance(facts: Facts) -> Stop | None:
    if not is_at_limit(facts) or facts.calls.seen_at is None:
        return None
    return Stop(
        "deferred",
        f"The org's API calls of the last 24 hours are used up to the {facts.expected.quota_share:.0%} at which Fluint stops.",
        f"It goes on by itself after {moment(facts.calls.seen_at + PAUSE)}.",
        NOBODY,
        Level.WARNING,
    )


def _of_object(said: str | None) -> Stop | None:
    if said is None:
        return None
    return Stop("object_fails", said, "What the text says; the next run goes on from where it was.", RUNNER)


def _dagster(
    facts: Facts, dagster: DagsterFacts, of_fetching: bool, old_since: datetime | None
) -> Stop | None:
    roles: tuple[Role, ...] = ("changes", "models", "history") if of_fetching else ("changes", "models")
    runs = dagster.runs(*roles)
    return (
        _at_work(facts, runs, old_since)
        or _no_daemon(facts, dagster)
        or _sensor(facts, dagster.looks_for("changes"))
        or _queue(facts, runs)
        or _hanging(facts, runs)
        or _failing(dagster.runs("changes"))
    )


def _at_work(facts: Facts, runs: tuple[JobRuns, ...], old_since: datetime | None) -> Stop | None:
    """A run that works, within patience; by hand, without a daemon, it works as well."""
    for run in runs:
        patience = HISTORY_PATIENCE if run.role == "history" else RUN_PATIENCE
        if run.unfinished_status == "STARTED" and facts.now - _began(facts, run) < patience:
            return _working(facts, run.unfinished_id, _began(facts, run), old_since)
    return None


def _working(facts: Facts, run_id: str | None, began: datetime, old_since: datetime | None) -> Stop:
    was_old = old_since is not None and began > old_since
    before = "; the data was old before it began" if was_old else ""
    return Stop(
        "run_under_way",
        f"Run {run_id} has been reading for {age(facts.now - began)}{before}.",
        "It is finished by itself; its log in Dagster shows how far it is.",
        NOBODY,
        Level.ERROR if was_old else Level.WARNING,
    )


def _no_daemon(facts: Facts, dagster: DagsterFacts) -> Stop | None:
    if daemon_runs(facts, dagster):
        return None
    seen = f"It was last seen at {moment(dagster.daemon_seen_at)}." if dagster.daemon_seen_at else ""
    return Stop(
        "no_daemon",
        f"Dagster's daemon, which starts every sync, does not run. {seen}".strip(),
        "Start Dagster (`fluint ui`, or the service that runs it); `fluint sync` syncs once without it.",
        RUNNER,
    )


def _sensor(facts: Facts, sensor: Automation | None) -> Stop | None:
    if sensor is None:
        return None
    if not sensor.is_on:
        return Stop(
            "sensor_off",
            f"Somebody stopped {sensor.name} in Dagster, so no changes are looked for.",
            f"Start it again: Dagster › Automation › {sensor.name}.",
            RUNNER,
        )
    if sensor.last_tick == "FAILURE":
        return Stop(
            "sensor_fails",
            f"{sensor.name} fails; its last try was at {moment(sensor.last_tick_at)}.",
            f"Its error is under Dagster › Automation › {sensor.name}.",
            RUNNER,
        )
    silence = max(LEAST_SILENCE, 5 * facts.expected.interval)
    if sensor.last_tick_at is None or facts.now - sensor.last_tick_at > silence:
        return Stop(
            "sensor_silent",
            f"Dagster's daemon runs, but {sensor.name} has not looked since {moment(sensor.last_tick_at)}.",
            "The daemon's log says why it does not evaluate the sensor; most often the code server does not answer. Restart Dagster.",
            RUNNER,
        )
    return None


def _queue(facts: Facts, runs: tuple[JobRuns, ...]) -> Stop | None:
    for run in runs:
        waits = run.unfinished_status not in (None, "STARTED", "CANCELING")
        if waits and facts.now - _began(facts, run) > QUEUE_PATIENCE:
            return Stop(
                "run_waits",
                f"Run {run.unfinished_id} of {run.job} has been waiting to be started for {age(facts.now - _began(facts, run))}.",
                "Dagster › Runs shows what it waits for: a run before it that hangs is ended there; otherwise restart Dagster.",
                RUNNER,
            )
    return None


def _hanging(facts: Facts, runs: tuple[JobRuns, ...]) -> Stop | None:
    """A run that works longer than patience lasts, and holds up whatever would come after it."""
    for run in runs:
        if run.unfinished_status == "STARTED":
            return Stop(
                "run_hangs",
                f"Run {run.unfinished_id} of {run.job} has been under way for {age(facts.now - _began(facts, run))}, and nothing follows"
                " changes meanwhile.",
                "Look at its log in Dagster; if it stands still, terminate it there. Nothing that was read is lost.",
                RUNNER,
            )
    return None


def _failing(runs: tuple[JobRuns, ...]) -> Stop | None:
    for run in runs:
        if run.failures:
            return failing(run.job, run.failures, run.error)
    return None


def failing(job: str, failures: int, error: str | None) -> Stop:
    """The cause that runs fail, with what the last one said."""
    last = f"the last {failures} runs of {job} failed" if failures > 1 else f"the last run of {job} failed"
    return Stop(
        "runs_fail",
        f"{last[0].upper()}{last[1:]}. {error or ''}".strip(),
        "What the text says; the next run goes on from where it was.",
        RUNNER,
    )


def _ledger(facts: Facts, of_fetching: bool, old_since: datetime | None) -> Stop | None:
    """What the ledger alone can tell; a run that was killed is `running` there for ever."""
    modes = ("changes", "history") if of_fetching else ("changes",)
    for run in facts.runs:
        if run.mode not in modes:
            continue
        patience = HISTORY_PATIENCE if run.mode == "history" else RUN_PATIENCE
        if run.state == "running" and facts.now - run.started_at < patience:
            return _working(facts, run.run_id, run.started_at, old_since)
        if run.state == "failed" and run.mode == "changes":
            return failing("sync_salesforce_job", 1, run.error)
    return None


def _nothing(facts: Facts) -> Stop:
    sensor = facts.dagster.looks_for("changes") if facts.dagster else None
    looked = (
        f"; {sensor.name} looked {age(facts.now - sensor.last_tick_at)} ago"
        if sensor and sensor.last_tick_at
        else ""
    )
    alive = (
        f"Dagster's daemon runs{looked}, and no run failed"
        if facts.dagster
        else "No run is known to have failed"
    )
    return Stop(
        "reads_nothing",
        f"{alive}, and yet nothing is read: it only looks alive.",
        "`fluint sync` reads now and says what is wrong; then restart Dagster. If it stays so, it is for Fluint's support.",
        RUNNER,
    )


def _began(facts: Facts, run: JobRuns) -> datetime:
    return run.unfinished_since or facts.now
