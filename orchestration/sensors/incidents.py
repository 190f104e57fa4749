"""Opens and closes incidents, and tells people: what to look at is `orchestration.alerts`, how runs ended is Dagster's own storage."""

from collections.abc import Sequence
from datetime import timedelta

import dagster as dg

from orchestration.alerts.observing import observe
from orchestration.alerts.watch import Telling, watch
from orchestration.postgres.connection import Database
from orchestration.sensors.failed_runs import failing_jobs


def incidents_sensor(tables: Sequence[str], stale_after: timedelta) -> dg.SensorDefinition:
    """The sensor for a workspace that reads these tables; it starts no runs and asks Salesforce nothing."""

    @dg.sensor(
        name="incidents_sensor",
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Looks for failed runs, a dead connection, stale data, given-up uploads and drift, and tells people once for each."
        " Starts no run. Its ticks say what is open, and which alerts did not arrive.",
    )
    def sensor(
        context: dg.SensorEvaluationContext,
        database: dg.ResourceParam[Database],
        alerts: dg.ResourceParam[Telling],
    ) -> dg.SkipReason:
        seen = [*observe(database, tables, stale_after), *failing_jobs(context.instance)]
        return dg.SkipReason(str(watch(database, seen, alerts)))

    return sensor
