"""Which jobs fail now, as Dagster's own storage says: the last run that ended, of each job that failed within a day.

A state, not a stream of events: a tick that is missed loses nothing, and a run that succeeds ends the incident. A sensor on failed runs
would keep a cursor of its own for that.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg

from orchestration.alerts.incidents import Sighting
from orchestration.errors import Remedy
from orchestration.jobs import SYNC_NOW

# Every job that matters runs daily or when there is something to do; a failure that nothing followed ends as an incident then.
_LOOK_BACK = timedelta(hours=26)
_MOST = 50
_LONGEST = 500  # characters of what a run said
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]


def failing_jobs(instance: dg.DagsterInstance) -> list[Sighting]:
    """One sighting for each job whose last ended run failed; one query while none did."""
    failed = instance.get_run_records(
        dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], updated_after=datetime.now(UTC) - _LOOK_BACK),
        limit=_MOST,
    )
    # What it starts are runs of their own jobs, and fail as these.
    jobs = dict.fromkeys(record.dagster_run.job_name for record in failed)
    jobs.pop(SYNC_NOW, None)
    return [sighting for job in jobs for sighting in _of_job(instance, job)]


def _of_job(instance: dg.DagsterInstance, job: str) -> Iterator[Sighting]:
    (last,) = instance.get_run_records(dg.RunsFilter(job_name=job, statuses=_ENDED), limit=1)
    run = last.dagster_run
    if run.status is dg.DagsterRunStatus.FAILURE:
        text, remedy = _said(instance, run.run_id)
        yield Sighting(f"runs.{job}", remedy, f"{job} failed, run {run.run_id}. {text}")


def _said(instance: dg.DagsterInstance, run_id: str) -> tuple[str, str]:
    """The text that the run's first failed step ends with, and what helps; only texts of ours, for others may quote a record."""
    records = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.STEP_FAILURE, limit=1).records
    event = records[0].event_log_entry.dagster_event if records else None
    told = event.step_failure_data.user_failure_data if event else None
    if told is None or not told.description:
        return (
            "It says nothing of ours: its page in the Dagster UI has the log. The next run tries again.",
            "unknown",
        )
    remedies = {str(v.value) for name, v in told.metadata.items() if name.endswith(" remedy")}
    text = told.description
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…", _worst(remedies)


def _worst(remedies: set[str]) -> str:
    """One stable word for the cause: a dead connection explains the rest; what a person must mend comes before what passes."""
    order = (Remedy.RECONNECT, Remedy.BUG, Remedy.SETUP, Remedy.RETRY, Remedy.WAIT)
    return next((each.name.lower() for each in order if each.value in remedies), "unknown")
