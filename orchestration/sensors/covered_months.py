"""Shows coverage on the partition bar: months that became complete are marked, whichever run or filter made them so."""

from collections.abc import Sequence

import dagster as dg

from orchestration.assets.months import FIRST_MONTH, report_covered_months
from orchestration.assets.reports import raw_key
from orchestration.postgres.connection import Database
from orchestration.sensors.upgraded import skipped_before_upgrade
from orchestration.sync.coverage import covered_months
from orchestration.sync.objects import BY_TABLE


def covered_months_sensor(tables: Sequence[str]) -> dg.SensorDefinition:
    """The sensor for the partitioned ones among `tables`; it starts no runs."""
    by_month = [table for table in tables if not BY_TABLE[table].is_whole]

    @dg.sensor(
        name="covered_months_sensor",
        asset_selection=[raw_key(table) for table in by_month],
        minimum_interval_seconds=300,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Marks the months whose deals are all held on the partition bar. Starts no run.",
    )
    @skipped_before_upgrade
    def sensor(context: dg.SensorEvaluationContext, database: dg.ResourceParam[Database]) -> dg.SkipReason:
        covered = covered_months(database, FIRST_MONTH)
        marked = report_covered_months(context.instance, by_month, covered)
        return dg.SkipReason(f"{sum(covered.values())} months are covered; {marked} were marked now.")

    return sensor
