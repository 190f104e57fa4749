"""What failed runs mean. Pure. A run closes a difference: where the difference is closed, an older failure is history."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from orchestration.status.facts import Facts, JobRuns, LedgerRun, ObjectFacts, Role
from orchestration.status.judgement import Judgement, Level
from orchestration.status.stops import connection_is_dead, dead_connection, failing
from orchestration.status.words import STAYS, moment

TRIED_AGAIN_WITHIN = timedelta(hours=2)
"""A sensor rests an hour at most before it starts a failed job again (`sensors.runs`); a failure that stands longer is left alone."""

_JOBS = {"changes": "sync_salesforce_job", "history": "list_missing_job"}


def judge_runs(facts: Facts) -> Iterator[Judgement]:
    """A judgement for each job whose last runs failed, `runs.<job>`; one, `runs`, where none did."""
    jobs = facts.dagster.jobs if facts.dagster else tuple(_of_ledger(facts, run) for run in facts.runs)
    failed = [run for run in jobs if run.failures]
    for run in failed:
        yield _failed(facts, run)
    if not failed:
        ended = [run.ended_at for run in jobs if run.ended_at]
        last = f"The last one ended at {moment(max(ended))}." if ended else "None has ended yet."
        yield Judgement("runs", Level.OK, "ok", f"No run has failed since its job last succeeded. {last}")


def _failed(facts: Facts, run: JobRuns) -> Judgement:
    subject = f"runs.{run.job}"
    if _is_healed(facts, run):
        text = (
            f"The last run of {run.job} failed at {moment(run.ended_at)}; what it was to do was done since."
        )
        return Judgement(subject, Level.OK, "healed", text, since=run.failing_since)
    told = failing(run.job, run.failures, run.error)
    level, cause = _weight(facts, run)
    return Judgement(
        subject,
        level,
        cause,
        f"{run.job} has been failing since {moment(run.failing_since)}.",
        told.why,
        run.failing_since,
        STAYS,
        told.step,
        told.who,
    )


def _weight(facts: Facts, run: JobRuns) -> tuple[Level, str]:
    """How bad it is, and the cause: that of a dead connection where it failed of that; `failed_once` where it is tried again soon.

    A nightly job may wait for the morning; one failure of what is tried again within the hour is not yet an incident.
    """
    ended_at, dead = run.ended_at or facts.now, dead_connection(facts)
    if run.must_reconnect and dead is None and facts.connection and facts.connection.connected_at > ended_at:
        return Level.WARNING, "connected_since"
    cause = dead if dead and run.must_reconnect else "runs_fail"
    if run.role == "other":
        return Level.WARNING, cause
    if run.failures > 1 or facts.now - ended_at > TRIED_AGAIN_WITHIN:
        return Level.ERROR, cause
    return Level.WARNING, "failed_once"


def _is_healed(facts: Facts, run: JobRuns) -> bool:
    """Whether the difference that the job closes is closed; of checks and re-reads nobody can tell but their next run."""
    if run.role == "changes":
        after = run.ended_at or facts.now
        read = [each for each in facts.objects if each.is_enabled and not each.absent_since]
        return all(_followed_since(each, after) for each in read) and not facts.marts_are_behind
    if run.role == "history":
        return facts.missing.count == 0
    if run.role == "models":
        return not facts.marts_are_behind
    return run.role == "upload" and facts.uploads.due == 0


def _followed_since(each: ObjectFacts, after: datetime) -> bool:
    """Whether the changes up to then were followed, and nothing is left of them to be fetched."""
    return each.cursor is not None and each.cursor >= after and each.untried_since is None


def _of_ledger(facts: Facts, run: LedgerRun) -> JobRuns:
    """The run as Dagster would tell it, where it cannot be asked; without a connection it is taken to have failed of that."""
    failed = run.state == "failed"
    role: Role = "changes" if run.mode == "changes" else "history" if run.mode == "history" else "other"
    return JobRuns(
        job=_JOBS.get(run.mode, run.mode),
        role=role,
        run_id=run.run_id,
        ended_at=run.ended_at,
        started_at=run.started_at,
        failures=int(failed),
        failing_since=run.started_at if failed else None,
        error=run.error,
        must_reconnect=connection_is_dead(facts),
    )
