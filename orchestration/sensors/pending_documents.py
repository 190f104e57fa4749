"""Starts the upload of document versions that are due."""

from datetime import UTC, datetime

import dagster as dg

from orchestration.assets.documents import SENDING, STARTED_BY_SENSOR, UPLOAD
from orchestration.documents.outbox import count_due
from orchestration.jobs import UPLOAD_DOCUMENTS
from orchestration.postgres.connection import Database
from orchestration.sensors.runs import deferred_until, rests_until, unfinished_run
from orchestration.sensors.upgraded import skipped_before_upgrade


@dg.sensor(
    name="pending_documents_sensor",
    job_name=UPLOAD_DOCUMENTS,
    # The daemon looks at its sensors every 5 s; with 5 here every second look would come a moment too early, and be left out.
    minimum_interval_seconds=3,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts upload_documents_job when Fluint generated a document version that is not in Salesforce yet.",
)
@skipped_before_upgrade
def pending_documents_sensor(
    context: dg.SensorEvaluationContext, database: dg.ResourceParam[Database]
) -> dg.RunRequest | dg.SkipReason:
    """One run drains the outbox; a version that failed is due again after its own pause.

    The run only sends: with the models in it, a document generated while they are built would wait for them. They follow with the
    run that `salesforce_changes_sensor` starts when the outbox is ahead of the marts.
    """
    with database.transaction() as connection:
        due = count_due(connection)
    if not due:
        return dg.SkipReason("No document version is due.")
    if run_id := unfinished_run(context.instance, [UPLOAD_DOCUMENTS]):
        return dg.SkipReason(f"Run {run_id} is still under way.")
    rests = (rests_until(context.instance, UPLOAD_DOCUMENTS), deferred_until(context.instance, SENDING.key))
    if (rest := max(filter(None, rests), default=None)) and rest > datetime.now(UTC):
        return dg.SkipReason(f"{due} are due; sending goes on after {rest:%Y-%m-%d %H:%M} UTC.")
    return dg.RunRequest(asset_selection=[UPLOAD], tags={STARTED_BY_SENSOR: str(due)})
