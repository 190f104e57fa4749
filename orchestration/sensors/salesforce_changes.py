"""Starts a run when Salesforce changed, or when raw rows are ahead of the marts. A quiet tick costs one API call.

The tick does the keys phase itself, so that a changed interval asks Salesforce only once.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from orchestration.assets.modes import KEYS_READ, KEYS_TAG
from orchestration.assets.reports import is_current
from orchestration.errors import FluintError, QuotaReachedError
from orchestration.jobs import BUILD_MODELS, SYNC_SALESFORCE
from orchestration.modelling import marts_are_behind
from orchestration.postgres.connection import Database
from orchestration.postgres.locks import views_lock
from orchestration.salesforce.client import Salesforce
from orchestration.sensors.runs import deferred_until, rests_until, unfinished_run
from orchestration.sensors.upgraded import skipped_before_upgrade
from orchestration.sync.changes import KeysOutcome, read_keys
from orchestration.sync.options import Collaborators, SyncOptions
from orchestration.sync.turns import tables_of_a_tick

QUIET = "Nothing has changed in Salesforce since the last tick."
Answer = dg.RunRequest | dg.SkipReason


def salesforce_changes_sensor(
    interval_seconds: int, options: SyncOptions, jobs: Sequence[Any]
) -> dg.SensorDefinition:
    """The sensor, looking every `interval_seconds`; `jobs` holds the two that it may start."""

    @dg.sensor(
        name="salesforce_changes_sensor",
        jobs=[job for job in jobs if job.name in (SYNC_SALESFORCE, BUILD_MODELS)],
        minimum_interval_seconds=interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Asks Salesforce for the keys of what changed and starts sync_salesforce_job when there is something"
        " to fetch, or build_models_job when raw rows are ahead of the marts.",
    )
    @skipped_before_upgrade
    def sensor(
        context: dg.SensorEvaluationContext,
        database: dg.ResourceParam[Database],
        salesforce: dg.ResourceParam[Salesforce],
    ) -> dg.SensorResult | dg.SkipReason:
        if run_id := unfinished_run(context.instance, [SYNC_SALESFORCE, BUILD_MODELS]):
            return dg.SkipReason(f"Run {run_id} is still under way.")
        sync = Collaborators(database, salesforce, "tick", options)
        # Before the keys are read: what is behind now was left by a run that failed, or by one that still lists.
        behind = marts_are_behind(database)
        try:
            with views_lock(database, shared=True):
                outcome = read_keys(sync, tables_of_a_tick(sync), most_pages=options.most_key_pages)
        except FluintError as error:
            # A run shows it, and then it rests; a tick that fails every minute helps nobody.
            outcome = KeysOutcome(errors={"opportunity": error})
        changes = _answer_changes(outcome) or _answer_errors(context.instance, outcome)
        return answer(context.instance, changes, behind)

    return sensor


def answer(
    instance: dg.DagsterInstance, changes: Answer | None, behind: bool
) -> dg.SensorResult | dg.SkipReason:
    """What the tick starts: a run for the changes, which models them; else one for the marts if an earlier run left them behind.

    Both only where the last sync failed, because a sync in which one object fails for days ends before it models, and the others must
    reach the marts. Otherwise the second would do the work of the first again and keep the next tick from looking: beside a backfill,
    which leaves marts behind all the time, every other tick was lost so.
    """
    requests = [changes] if isinstance(changes, dg.RunRequest) else []
    if behind and (not requests or rests_until(instance, SYNC_SALESFORCE)):
        requests.append(dg.RunRequest(job_name=BUILD_MODELS))
    if requests:
        return dg.SensorResult(run_requests=requests)
    return changes if isinstance(changes, dg.SkipReason) else dg.SkipReason(QUIET)


def _answer_changes(outcome: KeysOutcome) -> Answer | None:
    if not outcome.changed:
        return None
    read_all = not (outcome.left_to_run or outcome.errors)
    return dg.RunRequest(job_name=SYNC_SALESFORCE, tags={KEYS_TAG: KEYS_READ} if read_all else {})


def _answer_errors(instance: dg.DagsterInstance, outcome: KeysOutcome) -> Answer | None:
    """A run shows the fault on the asset that has it; without changes it is shown again only after a rest."""
    if outcome.changed or not outcome.errors:
        return None
    first = next(iter(outcome.errors.values()))
    quota = [error for error in outcome.errors.values() if isinstance(error, QuotaReachedError)]
    check = is_current(next(iter(outcome.errors)))
    rest = deferred_until(instance, check) if quota else rests_until(instance, SYNC_SALESFORCE)
    if rest and rest > datetime.now(UTC):
        return dg.SkipReason(f"{first} Shown again by a run after {rest:%H:%M} UTC.")
    return dg.RunRequest(job_name=SYNC_SALESFORCE)
