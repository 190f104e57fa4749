"""What is kept for how long, as an asset: once a day old runs of Dagster go with their logs, and old rows of our ledgers.

Ticks are Dagster's own to remove (retention in dagster.yaml); of runs it keeps every one for ever.
"""

import time
from datetime import UTC, datetime, timedelta

import dagster as dg

from orchestration.assets.reports import told_as_failure
from orchestration.postgres.connection import Database
from orchestration.postgres.retention import prune

RETENTION = dg.AssetKey(["fluint_sync", "retention"])
RUNS_ARE_KEPT = timedelta(days=30)
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_AT_ONCE = 200
_LONGEST = 600.0  # seconds; what is left then goes the next day


@dg.asset(
    key=RETENTION,
    group_name="operating",
    kinds={"postgres"},
    owners=["team:data"],
    description="Removes what is too old to be asked for: runs of Dagster that ended more than 30 days ago, with their events and logs, but"
    " for the last of each job; and rows of our ledgers by the ages of docs/operating.md. No row of Salesforce's is touched.",
)
def retention(
    context: dg.AssetExecutionContext, database: dg.ResourceParam[Database]
) -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster reads it, and knows no other form
    """Removes the rows first: a run's log is the longer work."""
    with told_as_failure():
        removed = prune(database)
    runs = prune_runs(context.instance, datetime.now(UTC) - RUNS_ARE_KEPT)
    metadata = {table: dg.MetadataValue.int(rows) for table, rows in removed.items() if rows}
    return dg.MaterializeResult(metadata={"runs": dg.MetadataValue.int(runs), **metadata})


def prune_runs(instance: dg.DagsterInstance, before: datetime) -> int:
    """Deletes runs that ended before then (UTC), events and logs included, but for the last ended one of each job; how many.

    The partition bar keeps its months: they are reported as events of no run.
    """
    removed, until, last = 0, time.monotonic() + _LONGEST, _LastRuns(instance)
    old, cursor = dg.RunsFilter(statuses=_ENDED, updated_before=before), None
    while time.monotonic() < until and (runs := instance.get_runs(old, limit=_AT_ONCE, cursor=cursor)):
        for run in runs:
            if run.run_id != last.of(run.job_name):
                instance.compute_log_manager.delete_logs(prefix=[run.run_id])
                instance.delete_run(run.run_id)
                removed += 1
        # The first page again, without those that went; those that stay are passed over.
        stays = [run.run_id for run in runs if run.run_id == last.of(run.job_name)]
        cursor = stays[-1] if stays else cursor
    return removed


class _LastRuns:
    """The last ended run of each job: how it went last stays to be seen, however seldom it runs."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._instance = instance
        self._known: dict[str, str] = {}

    def of(self, job: str) -> str:
        """Its id."""
        if job not in self._known:
            (run,) = self._instance.get_runs(dg.RunsFilter(job_name=job, statuses=_ENDED), limit=1)
            self._known[job] = run.run_id
        return self._known[job]
