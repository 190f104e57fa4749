"""Starts the comparison with Salesforce when the integration user's permissions changed: what it may see now has no key that tells."""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg

from orchestration.errors import FluintError
from orchestration.jobs import RECONCILE_SALESFORCE
from orchestration.postgres.connection import Database
from orchestration.salesforce.client import Salesforce
from orchestration.sensors.runs import rests_until, unfinished_run
from orchestration.sensors.upgraded import skipped_before_upgrade
from orchestration.sync.options import Collaborators, SyncOptions
from orchestration.sync.reconciling.permissions import Change
from orchestration.sync.reconciling.watching import changed_since_compared

# Two calls each time, 48 a day. Whoever grants a permission sees its deals within the hour; sharing rules, which no record of
# permissions tells of, wait for the night.
HOW_OFTEN = 3_600


def changed_permissions_sensor(options: SyncOptions) -> dg.SensorDefinition:
    """The sensor for a workspace that reads what `options` names."""

    @dg.sensor(
        name="changed_permissions_sensor",
        job_name=RECONCILE_SALESFORCE,
        minimum_interval_seconds=HOW_OFTEN,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Asks what the integration user is allowed, and starts reconcile_salesforce_job when that is not what it was in the"
        " last comparison.",
    )
    @skipped_before_upgrade
    def sensor(
        context: dg.SensorEvaluationContext,
        database: dg.ResourceParam[Database],
        salesforce: dg.ResourceParam[Salesforce],
    ) -> dg.RunRequest | dg.SkipReason:
        if run_id := unfinished_run(context.instance, [RECONCILE_SALESFORCE]):
            return dg.SkipReason(f"Run {run_id} is still under way.")
        try:
            changed = changed_since_compared(Collaborators(database, salesforce, "tick", options))
        except FluintError as error:
            # Whatever runs next shows it; nothing is known of the permissions.
            return dg.SkipReason(str(error))
        return _answer(context.instance, changed)

    return sensor


def _answer(instance: dg.DagsterInstance, changed: list[Change]) -> dg.RunRequest | dg.SkipReason:
    if not changed:
        return dg.SkipReason("The integration user may see what it could see in the last comparison.")
    told = f"Since the last comparison {', '.join(map(str, changed))}."
    rest = rests_until(instance, RECONCILE_SALESFORCE)
    if rest and rest > datetime.now(UTC):
        return dg.SkipReason(f"{told} It is compared again after {rest:%H:%M} UTC.")
    return dg.RunRequest(tags={"fluint/permissions_changed": str(len(changed))})
