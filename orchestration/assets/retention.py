"""What is kept for how long, as an asset: once a day old runs of Dagster with their logs, old results of checks and rows of our ledgers go.

Ticks are Dagster's own to remove (retention in dagster.yaml); of runs and of results of checks it keeps every one for ever.
"""

import time
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable

from orchestration.assets.reports import told_as_failure
from orchestration.postgres.connection import Database
from orchestration.postgres.retention import prune

RETENTION = dg.AssetKey(["fluint_sync", "retention"])
RUNS_ARE_KEPT = timedelta(days=30)
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_AT_ONCE = 200
_RESULTS_AT_ONCE = 5_000
_LONGEST = 600.0  # seconds; what is left then goes the next day


@dg.asset(
    key=RETENTION,
    group_name="operating",
    kinds={"postgres"},
    owners=["team:data"],
    description="Removes what is too old to be asked for: runs of Dagster that ended more than 30 days ago, with their events and logs, but"
    " for the last of each job; results of checks as old, but for the last of each check; and rows of our ledgers by the ages of"
    " docs/operating.md. No row of Salesforce's is touched.",
)
def retention(
    context: dg.AssetExecutionContext, database: dg.ResourceParam[Database]
) -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster reads it, and knows no other form
    """Removes the rows first: a run's log is the longer work."""
    with told_as_failure():
        removed = prune(database)
    before = datetime.now(UTC) - RUNS_ARE_KEPT
    runs, results = prune_runs(context.instance, before), prune_check_results(context.instance, before)
    numbers = {
        "runs": runs,
        "check results": results,
        **{table: rows for table, rows in removed.items() if rows},
    }
    return dg.MaterializeResult(metadata={name: dg.MetadataValue.int(n) for name, n in numbers.items()})


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


def prune_check_results(instance: dg.DagsterInstance, before: datetime) -> int:
    """Deletes results of asset checks from before then (UTC) that a later result of the same check replaced; how many.

    Dagster has no call for it: a deleted run leaves its rows in `asset_check_executions`. It reads the row of the highest id of a check
    and partition, or the check's history page by page, and refers to none from elsewhere (`SqlEventLogStorage`, seen in 1.13).
    """
    storage, until, removed = instance.event_log_storage, time.monotonic() + _LONGEST, 0
    if not isinstance(storage, SqlEventLogStorage):
        return 0
    held, later = AssetCheckExecutionsTable, AssetCheckExecutionsTable.alias("later")
    replaced = later.select().where(
        later.c.asset_key == held.c.asset_key,
        later.c.check_name == held.c.check_name,
        later.c.partition.is_not_distinct_from(held.c.partition),
        later.c.id > held.c.id,
        # A run that was killed has only announced its result.
        later.c.execution_status != AssetCheckExecutionRecordStatus.PLANNED.value,
    )
    is_old = held.c.evaluation_event_timestamp < before.replace(tzinfo=None)
    oldest = held.select().with_only_columns(held.c.id).where(is_old, replaced.exists()).order_by(held.c.id)
    while time.monotonic() < until:
        with storage.index_connection() as connection:
            gone = connection.execute(
                held.delete().where(held.c.id.in_(oldest.limit(_RESULTS_AT_ONCE)))
            ).rowcount
        removed += gone
        if gone < _RESULTS_AT_ONCE:
            break
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
