"""Opens and closes incidents, and tells people: what to look at is `orchestration.alerts`, what Dagster knows is instance.py's."""

from collections.abc import Sequence

import dagster as dg

from orchestration.alerts.observing import observe
from orchestration.alerts.watch import Telling, watch
from orchestration.postgres.connection import Database
from orchestration.sensors.instance import dagster_facts, has_failed_runs
from orchestration.sensors.upgraded import skipped_before_upgrade
from orchestration.status.facts import Expectations


def incidents_sensor(expected: Expectations, others: Sequence[dg.SensorDefinition]) -> dg.SensorDefinition:
    """The sensor for the operator's numbers and the `others`, which read or send; it starts no runs and asks Salesforce nothing."""

    @dg.sensor(
        name="incidents_sensor",
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Looks for failed runs, a dead connection, stale data, given-up uploads and drift, and tells people once for each."
        " Starts no run. Its ticks say what is open, and which alerts did not arrive.",
    )
    @skipped_before_upgrade
    def sensor(
        context: dg.SensorEvaluationContext,
        database: dg.ResourceParam[Database],
        alerts: dg.ResourceParam[Telling],
    ) -> dg.SkipReason:
        instance = context.instance
        seen = observe(
            database,
            expected,
            lambda: dagster_facts(instance, others),
            lambda: has_failed_runs(instance),
        )
        return dg.SkipReason(str(watch(database, seen, alerts)))

    return sensor
