"""The partitions of the deals and their children: months of the deal's CreatedDate in UTC. Coverage turned into partition keys.

Dagster cannot take a reported month back; the check `every_month_is_covered` says which ones lost their coverage.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

import dagster as dg
from dagster._core.events import (
    DagsterEvent,
    DagsterEventBatchMetadata,
    StepMaterializationData,
    generate_event_batch_id,
)
from dagster._core.instance import RUNLESS_JOB_NAME, RUNLESS_RUN_ID
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
)

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


def months_range(first: date, last: date) -> dict[str, str]:
    """The tags of one run over the months of two dates and all between them."""
    return {
        ASSET_PARTITION_RANGE_START_TAG: first.replace(day=1).isoformat(),
        ASSET_PARTITION_RANGE_END_TAG: last.replace(day=1).isoformat(),
    }


def months_until(moment: datetime, count: int) -> dict[str, str]:
    """The tags of one run over the month of `moment` (UTC) and those before it, `count` in all."""
    last = moment.date().replace(day=1)
    months = last.year * 12 + last.month - count
    return months_range(date(months // 12, months % 12 + 1, 1), last)


def not_covered(covered: Mapping[date, bool]) -> list[str]:
    """Partition keys of the months that are not covered, oldest first."""
    return sorted(month.isoformat() for month, is_covered in covered.items() if not is_covered)


def report_covered_months(
    instance: dg.DagsterInstance, tables: Iterable[str], covered: Mapping[date, bool]
) -> int:
    """Marks covered months as materialized where the bar does not show them yet; returns how many.

    The events belong to no run, so that they survive the pruning of runs.
    """
    complete = {month.isoformat() for month, is_covered in covered.items() if is_covered}
    reported = 0
    for key in map(raw_key, tables):
        months = sorted(complete - instance.get_materialized_partitions(key))
        _report(instance, key, months)
        reported += len(months)
    return reported


def _report(instance: dg.DagsterInstance, key: dg.AssetKey, months: Sequence[str]) -> None:
    """What `report_runless_asset_event` does, in one write per asset (where DAGSTER_EVENT_BATCH_SIZE allows batches).

    A first load covers all months at once, and one write per event took 80 s for four assets (2 busy cores).
    """
    batch = generate_event_batch_id()  # type: ignore[no-untyped-call]
    for month in months:
        held = dg.AssetMaterialization(
            key, partition=month, description="Every entitled owner's deals are held."
        )
        event = DagsterEvent(
            event_type_value=dg.DagsterEventType.ASSET_MATERIALIZATION.value,
            event_specific_data=StepMaterializationData(held),
            job_name=RUNLESS_JOB_NAME,
        )
        instance.report_dagster_event(
            event, RUNLESS_RUN_ID, batch_metadata=DagsterEventBatchMetadata(batch, month == months[-1])
        )
