"""The check that the partition bar tells the truth: every month is covered for every entitled owner."""

import dagster as dg

from orchestration.assets.months import FIRST_MONTH, not_covered
from orchestration.assets.reports import raw_key, told_as_failure
from orchestration.postgres.connection import Database
from orchestration.sync.coverage import covered_months

OPPORTUNITY = raw_key("opportunity")


@dg.asset_check(
    asset=OPPORTUNITY,
    name="every_month_is_covered",
    description="Every entitled owner's deals of every month are held. A month that the bar shows and that lost its"
    " coverage (a new licence, a wider filter) is named; list_missing_job reads it.",
)
def every_month_is_covered(
    context: dg.AssetCheckExecutionContext, database: dg.ResourceParam[Database]
) -> dg.AssetCheckResult:
    """Warns while months are not covered and names those that were shown as covered before."""
    with told_as_failure():
        open_months = not_covered(covered_months(database, FIRST_MONTH))
    shown = context.instance.get_materialized_partitions(OPPORTUNITY)
    lost = [month for month in open_months if month in shown]
    return dg.AssetCheckResult(
        passed=not open_months,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"Shown as covered, but not covered now: {', '.join(lost)}." if lost else None,
        metadata={"months not covered": len(open_months), "of these shown as covered": len(lost)},
    )
