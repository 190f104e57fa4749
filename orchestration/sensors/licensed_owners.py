"""Starts the listing of whatever is entitled and not covered: a new licence, a wider filter, a first load, a resumed one."""

from collections.abc import Sequence
from datetime import UTC, datetime

import dagster as dg

from orchestration.assets.reports import is_current
from orchestration.jobs import LIST_MISSING
from orchestration.postgres.connection import Database
from orchestration.sensors.runs import deferred_until, rests_until, unfinished_run
from orchestration.sensors.upgraded import skipped_before_upgrade
from orchestration.sync.coverage import MissingParents, missing_parents


def newly_licensed_owners_sensor(tables: Sequence[str]) -> dg.SensorDefinition:
    """The sensor for a workspace that reads these tables."""

    @dg.sensor(
        name="newly_licensed_owners_sensor",
        job_name=LIST_MISSING,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts list_missing_job when an entitled owner, an admitted deal or a column has rows that were never listed.",
    )
    @skipped_before_upgrade
    def sensor(
        context: dg.SensorEvaluationContext, database: dg.ResourceParam[Database]
    ) -> dg.RunRequest | dg.SkipReason:
        if run_id := unfinished_run(context.instance, [LIST_MISSING]):
            return dg.SkipReason(f"Run {run_id} is still under way.")
        return _answer(context.instance, missing_parents(database, tables))

    return sensor


def _answer(instance: dg.DagsterInstance, missing: MissingParents) -> dg.RunRequest | dg.SkipReason:
    """One run for all that is missing, tagged with its count and at most twenty owners."""
    if not missing.count:
        return dg.SkipReason("Every entitled owner's deals, and what belongs to them, are held.")
    tags = _tags(missing)
    rests = (
        rests_until(instance, LIST_MISSING, same=tags),
        deferred_until(instance, is_current("opportunity")),
    )
    if (rest := max(filter(None, rests), default=None)) and rest > datetime.now(UTC):
        return dg.SkipReason(f"{missing.count} are missing; reading goes on after {rest:%Y-%m-%d %H:%M} UTC.")
    return dg.RunRequest(tags=tags)


def _tags(missing: MissingParents) -> dict[str, str]:
    tags = {"fluint/missing_owners": str(missing.owners), "fluint/missing_deals": str(missing.deals)}
    if missing.columns:
        tags["fluint/missing_columns"] = str(missing.columns)
    if missing.owner_ids:
        # As a list of ids; names and e-mails never enter Dagster. A tag's value may be any text.
        tags["fluint/owner_ids"] = ",".join(missing.owner_ids)
    return tags
