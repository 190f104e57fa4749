"""Jobs: which assets go together in one run, under which mode. How an asset is made belongs to the asset.

A job that models selects the views between raw tables and marts too. They are never built by a run (`fluint upgrade` deploys
them), but Dagster orders two assets only along selected ones: without the views the marts would be built first.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from orchestration import errors
from orchestration.assets.modes import MODE_TAG, STARTED_BY_TAG, Mode
from orchestration.assets.reconciling import COMPLETENESS
from orchestration.assets.reports import raw_key
from orchestration.assets.retention import RETENTION
from orchestration.checks.coverage import every_month_is_covered
from orchestration.checks.documents import (
    every_version_is_in_salesforce_once,
    every_version_is_in_salesforce_or_has_a_reason,
)
from orchestration.checks.expectations import KEYS as PLAUSIBLE
from orchestration.sync.objects import BY_TABLE

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

SYNC_SALESFORCE = "sync_salesforce_job"
LIST_MISSING = "list_missing_job"
BACKFILL_SALESFORCE = "backfill_salesforce_job"
REREAD_COLUMNS = "reread_columns_job"
BUILD_MODELS = "build_models_job"
UPLOAD_DOCUMENTS = "upload_documents_job"
SNAPSHOT_DEALS = "deal_daily_snapshot_job"
CHECK_MODELS = "check_models_job"
CHECK_DOCUMENTS = "check_documents_job"
SYNC_NOW = "sync_now_job"
CHECK_SETUP = "check_setup_job"
RECONCILE_SALESFORCE = "reconcile_salesforce_job"
PRUNE_LEDGERS = "prune_ledgers_job"
CHECK_STATUS = "check_status_job"

RAW = dg.AssetSelection.groups("salesforce")
VIEWS = dg.AssetSelection.groups("staging", "entitlement", "intermediate")
INTERVAL_MARTS = dg.AssetSelection.tag("interval", "")
MODELS = INTERVAL_MARTS | (INTERVAL_MARTS.upstream() & VIEWS)
SNAPSHOT = dg.AssetKey(["fluint", "deal_daily_snapshot"])
COVERAGE = dg.AssetSelection.checks(every_month_is_covered)
PLAUSIBILITY = dg.AssetSelection.checks(*PLAUSIBLE)
SWEEP = dg.AssetSelection.checks(every_version_is_in_salesforce_once)
EXPLAINED = dg.AssetSelection.checks(every_version_is_in_salesforce_or_has_a_reason)
UPLOAD = dg.AssetSelection.groups("documents") - SWEEP
SETUP = dg.AssetSelection.groups("setup")
STATUS = dg.AssetSelection.groups("status")

# Higher goes first: a change waits neither for history nor for a file.
_PRIORITY = {Mode.CHANGES: "10", Mode.UPLOAD: "5", Mode.HISTORY: "0", Mode.COLUMNS: "0"}


def all_jobs(
    tables: Sequence[str], interval_tests: dg.AssetSelection, model_tests: dg.AssetSelection
) -> "list[UnresolvedAssetJobDefinition]":
    """Every job but sync_now_job, for the raw `tables` that are read and the dbt tests of two cadences."""
    return _salesforce_jobs(tables, interval_tests) + _other_jobs(model_tests) + _regular_jobs()


def _salesforce_jobs(
    tables: Sequence[str], interval_tests: dg.AssetSelection
) -> "list[UnresolvedAssetJobDefinition]":
    """The jobs that read Salesforce or model what was read."""
    models = MODELS.without_checks() | interval_tests
    months = dg.AssetSelection.assets(*(raw_key(table) for table in tables if not BY_TABLE[table].is_whole))
    return [
        _job(
            SYNC_SALESFORCE,
            (RAW | models) - COVERAGE,
            Mode.CHANGES,
            "Follows what changed in Salesforce since the last run, and brings the marts up to date.",
        ),
        _job(
            LIST_MISSING,
            RAW | models | COVERAGE,
            Mode.HISTORY,
            "Lists the deals of entitled owners that were never listed, with their roles, contacts and mail: the first load,"
            " a new licence, a wider filter, whatever an earlier run left.",
        ),
        _job(
            BACKFILL_SALESFORCE,
            (months | models) - COVERAGE,
            Mode.HISTORY,
            "Reads a range of months again, whether they are covered or not: choose the months when you launch it.",
        ),
        _job(
            REREAD_COLUMNS,
            (RAW | models) - COVERAGE,
            Mode.COLUMNS,
            "Reads calculated fields, and fields of parents such as the account's name, of every row again: they change without"
            " a stamp. These columns alone; only rows that differ are written.",
        ),
        _job(
            BUILD_MODELS,
            models,
            Mode.CHANGES,
            "Brings the marts up to the raw rows that are there; asks Salesforce nothing.",
        ),
    ]


def _other_jobs(model_tests: dg.AssetSelection) -> "list[UnresolvedAssetJobDefinition]":
    """The comparison with Salesforce, documents, the daily snapshot and the nightly checks."""
    return [
        _job(
            RECONCILE_SALESFORCE,
            dg.AssetSelection.assets(COMPLETENESS),
            Mode.HISTORY,
            "Compares what is held with Salesforce's own counts and ids, reads what is missing and marks what is gone.",
        ),
        _job(
            UPLOAD_DOCUMENTS,
            (UPLOAD.downstream() & (VIEWS | INTERVAL_MARTS)).without_checks() | UPLOAD,
            Mode.UPLOAD,
            "Sends document versions that Fluint generated to their opportunities, and models what became of them.",
        ),
        _job(
            CHECK_DOCUMENTS,
            SWEEP | EXPLAINED,
            None,
            "Asks Salesforce for the documents of the last weeks: once each, none deleted, all seen by people; finds the unexplained.",
        ),
        _job(
            SNAPSHOT_DEALS,
            dg.AssetSelection.assets(SNAPSHOT).without_checks(),
            None,
            "Keeps today's state of every deal. The past cannot be captured later.",
        ),
        _job(
            CHECK_MODELS,
            model_tests | COVERAGE | PLAUSIBILITY,
            None,
            "Runs every test of the models and Great Expectations over whole tables.",
        ),
    ]


def _regular_jobs() -> "list[UnresolvedAssetJobDefinition]":
    """What looks after the workspace at its own times."""
    return [
        _job(
            CHECK_SETUP,
            SETUP,
            None,
            "Tests how Salesforce is set up, item by item, at 30 API calls at most; what is wrong says who can mend it, and where.",
        ),
        _job(
            PRUNE_LEDGERS,
            dg.AssetSelection.assets(RETENTION),
            None,
            "Removes runs of Dagster and rows of our ledgers that are older than they are kept.",
        ),
        _job(
            CHECK_STATUS,
            STATUS,
            None,
            "Says how the sync stands: the connection, the age of every object's data, runs, documents. Asks Salesforce nothing.",
        ),
    ]


def sync_now_job(resolve: Callable[[str], dg.JobDefinition]) -> dg.JobDefinition:
    """One click, no configuration: follows changes, then lists what is missing, each as a run of its own job.

    `resolve` gives a job by its name. The runs are executed by this one, so that it works without a daemon.
    """

    @dg.op(
        name="sync_now", description="Runs sync_salesforce_job and then list_missing_job, in this process."
    )
    def sync_now(context: dg.OpExecutionContext) -> None:
        failed = []
        for name in (SYNC_SALESFORCE, LIST_MISSING):
            result = resolve(name).execute_in_process(
                instance=context.instance, tags={STARTED_BY_TAG: context.run_id}, raise_on_error=False
            )
            context.log.info(f"{name}: run {result.run_id} {'succeeded' if result.success else 'failed'}")
            if not result.success:
                failed.append(f"{name}, run {result.run_id}: {why_failed(result)}")
        if failed:
            raise dg.Failure("\n".join(failed), allow_retries=False)

    @dg.job(
        name=SYNC_NOW,
        executor_def=dg.in_process_executor,
        description="Brings everything up to date now: what changed, what is missing, and the marts. Needs no configuration.",
    )
    def job() -> None:
        sync_now()

    return job


def why_failed(result: dg.ExecuteInProcessResult) -> str:
    """What a failed run says to a person."""
    return why(result.all_events)


def why(events: "Iterable[dg.DagsterEvent]", *, is_told_on: bool = False) -> str:
    """What the events of a failed run say to a person: the texts of its steps, or why a resource could not be made.

    Where it `is_told_on`, in a check or an alert, only texts of ours are: another library's may quote a record.
    """
    texts, ends = [], []
    for event in events:
        if event.is_step_failure:
            data = event.step_failure_data
            told = data.user_failure_data.description if data.user_failure_data else None
            texts.append(told or _root(data.error, is_told_on))
        elif event.is_job_failure:
            # A run whose process was killed has no data of its own: the daemon ended it, and says so.
            ends.append(
                _root(event.job_failure_data.error, is_told_on)
                if event.event_specific_data
                else event.message or ""
            )
    said = "\n".join(text for text in texts or ends if text)
    return said or ("Its log in Dagster says more." if is_told_on else "it says nothing more")


def _root(error: Any, only_ours: bool) -> str:
    """The innermost cause without its class: Dagster wraps the error that a resource raised."""
    while error and error.cause:
        error = error.cause
    if only_ours and error and not hasattr(getattr(errors, str(error.cls_name), None), "remedy"):
        return ""
    message = str(error.message) if error else ""
    return message.partition(": ")[2].strip() or message.strip()


def _job(
    name: str, selection: dg.AssetSelection, mode: Mode | None, description: str
) -> "UnresolvedAssetJobDefinition":
    tags = {MODE_TAG: mode.value, "dagster/priority": _PRIORITY[mode]} if mode else {}
    return dg.define_asset_job(
        name, selection, description=description, tags=tags, executor_def=dg.in_process_executor
    )
