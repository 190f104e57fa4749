"""Months as partitions: what a range of them stands for, and which of them the partition bar shows."""

from __future__ import annotations

from datetime import UTC, date, datetime

import dagster as dg
import pytest

from orchestration.assets.months import (
    FIRST_MONTH,
    MONTHS,
    created_range,
    months_until,
    not_covered,
    report_covered_months,
)
from orchestration.assets.reports import raw_key
from orchestration.schedules import reread_recent_months_schedule

JANUARY, FEBRUARY, MARCH = date(2024, 1, 1), date(2024, 2, 1), date(2024, 3, 1)


def test_the_month_that_is_running_is_a_partition() -> None:
    """Without it, the deals of this month could not be read again before the next one begins."""
    now = datetime(2026, 11, 23, tzinfo=UTC)
    assert MONTHS.get_partition_keys(current_time=now)[-1] == "2026-11-01"
    assert MONTHS.get_partition_keys(current_time=now)[0] == FIRST_MONTH.isoformat()


def test_a_range_from_the_first_month_reaches_back_to_the_beginning() -> None:
    """Deals that are older than the first partition would belong to none, and never be read again."""
    first = MONTHS.time_window_for_partition_key(FIRST_MONTH.isoformat())
    assert created_range(first) == (None, datetime(2015, 2, 1, tzinfo=UTC))
    other = MONTHS.time_window_for_partition_key("2024-02-01")
    assert created_range(other) == (datetime(2024, 2, 1, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC))


@pytest.mark.parametrize("batch_size", ["0", "1000"], ids=["one by one", "in a batch"])
def test_a_covered_month_is_shown_once_and_belongs_to_no_run(
    batch_size: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A month reported at every tick fills the event log; one that belongs to a run goes when runs are pruned."""
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", batch_size)
    covered = {JANUARY: True, FEBRUARY: False, MARCH: True}
    with dg.DagsterInstance.ephemeral() as instance:
        assert report_covered_months(instance, ["opportunity", "contact"], covered) == 4
        assert report_covered_months(instance, ["opportunity", "contact"], covered) == 0
        assert report_covered_months(instance, ["opportunity"], covered | {FEBRUARY: True}) == 1
        shown = instance.get_materialized_partitions(raw_key("contact"))
        assert shown == {"2024-01-01", "2024-03-01"}
        event = instance.get_latest_materialization_event(raw_key("opportunity"))
        assert event is not None
        assert event.run_id == ""


def test_months_that_are_not_covered_are_named_oldest_first() -> None:
    """The check names them; in any order, a person has to sort them."""
    assert not_covered({MARCH: False, JANUARY: False, FEBRUARY: True}) == ["2024-01-01", "2024-03-01"]


@pytest.mark.parametrize(
    ("day", "first", "last"),
    [
        (datetime(2026, 11, 26, 3, 30, tzinfo=UTC), "2026-10-01", "2026-11-01"),
        (datetime(2026, 1, 1, 3, 30, tzinfo=UTC), "2025-12-01", "2026-01-01"),
        (datetime(2026, 12, 31, 3, 30, tzinfo=UTC), "2026-11-01", "2026-12-01"),
    ],
)
def test_the_nightly_reread_is_one_run_over_the_last_two_months(day: datetime, first: str, last: str) -> None:
    """At the turn of a year a month that does not exist; or two runs, of which one waits for the other."""
    with dg.build_schedule_context(scheduled_execution_time=day) as context:
        request = reread_recent_months_schedule(context)
    assert request.tags == {
        "dagster/asset_partition_range_start": first,
        "dagster/asset_partition_range_end": last,
    }
    assert months_until(day, 1)["dagster/asset_partition_range_start"] == last
