"""What a sensor asks Dagster about runs: is one unfinished, how long to rest after failures, is reading deferred."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg

ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
UNFINISHED = [status for status in dg.DagsterRunStatus if status not in ENDED]
LONGEST_REST = timedelta(hours=1)
# Failures beyond these lengthen the rest no further: 60 s · 2^6 is above an hour.
_MOST_FAILURES = 7


def unfinished_run(instance: dg.DagsterInstance, jobs: Sequence[str]) -> str | None:
    """The id of a run of one of these jobs that has not ended, if there is one."""
    for job in jobs:
        runs = instance.get_runs(dg.RunsFilter(job_name=job, statuses=UNFINISHED), limit=1)
        if runs:
            return runs[0].run_id
    return None


def rests_until(
    instance: dg.DagsterInstance, job: str, same: Mapping[str, str] | None = None
) -> datetime | None:
    """Until when (UTC) a job rests: a minute after a failure, doubled with every further one, an hour at most.

    A run that succeeded and left the difference as it was (its tags are the `same`) counts as one that failed. A fault
    that a person must mend is so shown again, but not every minute. None when there is nothing to rest from.
    """
    records = instance.get_run_records(dg.RunsFilter(job_name=job), limit=_MOST_FAILURES)
    in_vain = 0
    for record in records:
        run = record.dagster_run
        if run.status is not dg.DagsterRunStatus.FAILURE and not (same and same.items() <= run.tags.items()):
            break
        in_vain += 1
    if not in_vain or records[0].end_time is None:
        return None
    return datetime.fromtimestamp(records[0].end_time, UTC) + rest_after(in_vain)


def rest_after(failures: int) -> timedelta:
    """How long to rest after so many failures in a row (one or more)."""
    return min(timedelta(minutes=2 ** min(failures - 1, _MOST_FAILURES)), LONGEST_REST)


def deferred_until(instance: dg.DagsterInstance, check: dg.AssetCheckKey) -> datetime | None:
    """Until when (UTC) reading is deferred, as the last evaluation of an asset's check `is_current` says.

    The asset's last materialization would not do: it may be a month that became covered, which belongs to no run.
    """
    record = instance.get_latest_asset_check_evaluation_record(check)
    event = record.event.dagster_event if record and record.event else None
    # A run that is under way, or that ended too early, has only planned the evaluation.
    is_evaluated = event and event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION
    evaluation = event.asset_check_evaluation_data if event and is_evaluated else None
    until = evaluation.metadata.get("deferred_until") if evaluation else None
    return datetime.fromtimestamp(until.value, UTC) if isinstance(until, dg.TimestampMetadataValue) else None
