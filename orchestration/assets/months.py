"""The partitions of the deals and their children: months of the deal's CreatedDate in UTC. Coverage turned into partition keys.

Dagster cannot take a reported month back; the check `every_month_is_covered` says which ones lost their coverage.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime

import dagster as dg

from orchestration.assets.reports import raw_key

# The first partition is open-ended: everything older belongs to it. Years before it would only lengthen the bar.
FIRST_MONTH = date(2015, 1, 1)
MONTHS = dg.MonthlyPartitionsDefinition(
    start_date=FIRST_MONTH.isoformat(),
    timezone="UTC",
    end_offset=1,  # the month that is running has deals too
)


def created_range(window: dg.TimeWindow) -> tuple[datetime | None, datetime]:
    """The half-open range of CreatedDate (UTC) that a range of partitions stands for; None for "from the beginning"."""
    start = None if window.start.date() <= FIRST_MONTH else window.start
    return start, window.end


def not_covered(covered: Mapping[date, bool]) -> list[str]:
    """Partition keys of the months that are not covered, oldest first."""
    return sorted(month.isoformat() for month, is_covered in covered.items() if not is_covered)


def report_covered_months(
    instance: dg.DagsterInstance, tables: Iterable[str], covered: Mapping[date, bool]
) -> int:
    """Marks covered months as materialized where the bar does not show them yet; returns how many.

    The events belong to no run, so that they survive the pruning of runs.
    """
    reported = 0
    for key in map(raw_key, tables):
        shown = instance.get_materialized_partitions(key)
        for month in sorted(
            {month.isoformat() for month, is_covered in covered.items() if is_covered} - shown
        ):
            instance.report_runless_asset_event(
                dg.AssetMaterialization(
                    key, partition=month, description="Every entitled owner's deals of this month are held."
                )
            )
            reported += 1
    return reported
