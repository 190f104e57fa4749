"""What the Dagster instance says of itself, as facts of the status: is a daemon alive, what looks when, how the last runs ended.

Reads the instance's own storage alone, so that it works whether or not anything of Dagster runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import takewhile

import dagster as dg
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus
from dagster._utils.schedules import get_next_cron_tick

from orchestration import jobs
from orchestration.assets.reports import REMEDY
from orchestration.errors import Remedy
from orchestration.schedules import schedules
from orchestration.sensors.runs import UNFINISHED
from orchestration.status.facts import Automation, DagsterFacts, JobRuns, Role

_ROLES: Mapping[str, Role] = {
    jobs.SYNC_SALESFORCE: "changes",
    jobs.LIST_MISSING: "history",
    jobs.BUILD_MODELS: "models",
    jobs.UPLOAD_DOCUMENTS: "upload",
}
_SENSOR_ROLES: Mapping[str, Role] = {
    "salesforce_changes_sensor": "changes",
    "newly_licensed_owners_sensor": "history",
    "pending_documents_sensor": "upload",
}
# Those without which nothing is started; each writes a heartbeat of its own.
_DAEMONS = ("SENSOR", "SCHEDULER", "QUEUED_RUN_COORDINATOR")
# So many runs are looked at; more failures in a row say no more.
_MOST_RUNS = 10
_MOST_CHARACTERS = 1_000
_EVERY_JOB_RUNS_WITHIN = timedelta(hours=26)


def dagster_facts(instance: dg.DagsterInstance, sensors: Iterable[dg.SensorDefinition]) -> DagsterFacts:
    """Reads them; `sensors` are those of the code location, of which the instance knows state and ticks."""
    states = _states(instance)
    all_jobs = dict.fromkeys([*_ROLES, *(each.job_name for each in schedules())])
    return DagsterFacts(
        daemon_seen_at=_heartbeat(instance),
        automations=(
            *(_sensor(instance, each, states.get(each.name)) for each in sensors),
            *(_schedule(instance, each, states.get(each.name)) for each in schedules()),
        ),
        jobs=tuple(_runs(instance, job) for job in all_jobs if job != jobs.CHECK_STATUS),
    )


def has_failed_runs(instance: dg.DagsterInstance) -> bool:
    """Whether a run failed within a little more than a day, after which every job has run again; one query."""
    failed = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.FAILURE], updated_after=datetime.now(UTC) - _EVERY_JOB_RUNS_WITHIN
    )
    return bool(instance.get_run_records(failed, limit=1))


def _heartbeat(instance: dg.DagsterInstance) -> datetime | None:
    """The last sign of life of the daemon: the oldest among those that it cannot do without."""
    beats = instance.get_daemon_heartbeats()
    if not all(name in beats for name in _DAEMONS):
        return None
    return datetime.fromtimestamp(min(beats[name].timestamp for name in _DAEMONS), UTC)


def _states(instance: dg.DagsterInstance) -> dict[str, InstigatorState]:
    """Name → its state; where several code locations left one, the one that was used last."""
    if instance.schedule_storage is None:  # an instance in memory, as a test of an asset has it
        return {}
    return {state.instigator_name: state for state in sorted(instance.all_instigator_state(), key=_used)}


def _used(state: InstigatorState) -> float:
    data = state.instigator_data
    names = (
        "last_tick_start_timestamp",
        "last_sensor_start_timestamp",
        "last_iteration_timestamp",
        "start_timestamp",
    )
    return max((getattr(data, name, None) or 0.0 for name in names), default=0.0)


def _sensor(
    instance: dg.DagsterInstance, sensor: dg.SensorDefinition, state: InstigatorState | None
) -> Automation:
    every = timedelta(seconds=sensor.minimum_interval_seconds or 30)
    status, at = _tick(instance, state)
    role = _SENSOR_ROLES.get(sensor.name, "other")
    return Automation(sensor.name, "sensor", role, every, _is_on(state), status, at, at and at + every)


def _schedule(
    instance: dg.DagsterInstance, schedule: dg.ScheduleDefinition, state: InstigatorState | None
) -> Automation:
    status, at = _tick(instance, state)
    cron = schedule.cron_schedule
    crons = [cron] if isinstance(cron, str) else list(cron)
    coming = min(get_next_cron_tick(each, datetime.now(UTC), schedule.execution_timezone) for each in crons)
    role = _ROLES.get(schedule.job_name, "other")
    return Automation(
        schedule.name, "schedule", role, None, _is_on(state), status, at, coming.astimezone(UTC)
    )


def _is_on(state: InstigatorState | None) -> bool:
    """Ours are on unless somebody stopped them."""
    return state is None or state.status is not InstigatorStatus.STOPPED


def _tick(instance: dg.DagsterInstance, state: InstigatorState | None) -> tuple[str | None, datetime | None]:
    """How the last look that ended did so, and when the last one began."""
    if state is None:
        return None, None
    ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=2)
    if not ticks:
        return None, None
    ended = next((tick for tick in ticks if tick.is_completed), ticks[0])
    return ended.status.value, datetime.fromtimestamp(ticks[0].timestamp, UTC)


def _runs(instance: dg.DagsterInstance, job: str) -> JobRuns:
    records = instance.get_run_records(dg.RunsFilter(job_name=job), limit=_MOST_RUNS)
    unfinished = next((r for r in records if r.dagster_run.status in UNFINISHED), None)
    ended = [
        r
        for r in records
        if r.dagster_run.status in (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE)
    ]
    failed = list(takewhile(lambda r: r.dagster_run.status is dg.DagsterRunStatus.FAILURE, ended))
    last = ended[0] if ended else None
    error, must_reconnect = _said(instance, failed[0].dagster_run.run_id) if failed else (None, False)
    return JobRuns(
        job=job,
        role=_ROLES.get(job, "other"),
        run_id=last.dagster_run.run_id if last else None,
        status=last.dagster_run.status.value if last else None,
        started_at=_moment(last.start_time) if last else None,
        ended_at=_moment(last.end_time) if last else None,
        failures=len(failed),
        failing_since=_moment(failed[-1].end_time) if failed else None,
        error=error,
        must_reconnect=must_reconnect,
        unfinished_id=unfinished.dagster_run.run_id if unfinished else None,
        unfinished_status=unfinished.dagster_run.status.value if unfinished else None,
        unfinished_since=_since(unfinished) if unfinished else None,
    )


def _since(record: dg.RunRecord) -> datetime:
    """Since when a run works, or else waits."""
    return _moment(record.start_time) or record.create_timestamp.replace(tzinfo=UTC)


def _said(instance: dg.DagsterInstance, run_id: str) -> tuple[str, bool]:
    """What a failed run says on top, and whether one of its steps failed because somebody must connect again."""
    kinds = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    records = instance.get_records_for_run(run_id, of_type=kinds).records
    events = [event for record in records if (event := record.event_log_entry.dagster_event)]
    failures = [event.step_failure_data.user_failure_data for event in events if event.is_step_failure]
    remedies = {
        value.value
        for data in failures
        for name, value in (data.metadata if data else {}).items()
        if name.endswith(REMEDY)
    }
    return jobs.why(events, is_told_on=True)[:_MOST_CHARACTERS], Remedy.RECONNECT.value in remedies


def _moment(at: float | None) -> datetime | None:
    return datetime.fromtimestamp(at, UTC) if at else None
