"""Which runs and ticks are kept: asked of a Dagster instance in memory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._config import process_config
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationPlanned
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.instance.config import (
    get_default_tick_retention_settings,
    get_tick_retention_settings,
    retention_config_schema,
)
from dagster._core.scheduler.instigation import TickStatus

from orchestration.assets.retention import RUNS_ARE_KEPT, prune_check_results, prune_runs
from orchestration.settings import PROJECT


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """A Dagster instance in which nothing has run."""
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def _run(instance: dg.DagsterInstance, job: str) -> str:
    @dg.op
    def work() -> None:
        pass

    @dg.job(name=job)
    def made() -> None:
        work()

    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    return made.execute_in_process(instance=instance, raise_on_error=False, run_config=quiet).run_id


def test_old_runs_go_with_their_events_but_for_the_last_of_each_job(instance: dg.DagsterInstance) -> None:
    """A run a minute is half a million a year, each with its log; how a job went last is asked long after."""
    often = [_run(instance, "sync_salesforce_job") for _ in range(4)]
    seldom = _run(instance, "backfill_salesforce_job")
    assert prune_runs(instance, datetime.now(UTC) - RUNS_ARE_KEPT) == 0
    assert prune_runs(instance, datetime.now(UTC) + timedelta(minutes=1)) == 3
    assert {run.run_id for run in instance.get_runs()} == {often[-1], seldom}
    assert not instance.all_logs(often[0])
    assert instance.all_logs(often[-1])
    assert prune_runs(instance, datetime.now(UTC) + timedelta(minutes=1)) == 0, (
        "what stays does not hold it up for ever"
    )


def test_old_results_of_a_check_go_but_for_the_last_one_that_was_given(instance: dg.DagsterInstance) -> None:
    """Dozens of results a run, and Dagster keeps each for ever; but how a check went last stays to be seen, however seldom it is run."""

    @dg.asset
    def held() -> None:
        pass

    @dg.asset_check(asset=held)
    def is_well() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True)

    ran = [dg.materialize([held, is_well], instance=instance).run_id for _ in range(3)]
    key = dg.AssetCheckKey(dg.AssetKey("held"), "is_well")
    planned = AssetCheckEvaluationPlanned(asset_key=key.asset_key, check_name=key.name)
    instance.report_dagster_event(
        dg.DagsterEvent(
            dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED.value, "x", event_specific_data=planned
        ),
        run_id=ran[0][:-1] + "x",
    )

    def shown() -> list[str]:
        records = instance.event_log_storage.get_asset_check_execution_history(key, limit=9)
        return [record.run_id for record in records]

    soon = datetime.now(UTC) + timedelta(minutes=1)
    assert prune_check_results(instance, datetime.now(UTC) - RUNS_ARE_KEPT) == 0
    assert len(shown()) == 4
    assert prune_check_results(instance, soon) == 2
    assert shown()[1:] == [ran[-1]]
    assert prune_check_results(instance, soon) == 0


def test_the_instance_keeps_ticks_as_long_as_the_document_says() -> None:
    """A tick every few seconds is the largest table of all; Dagster keeps most of them for ever unless it is told."""
    said: dict[str, Any] = yaml.safe_load((PROJECT / "dagster.yaml").read_text())["retention"]
    assert process_config(retention_config_schema().config_type, said).success
    sensors = get_tick_retention_settings(
        said["sensor"], get_default_tick_retention_settings(InstigatorType.SENSOR)
    )
    schedules = get_tick_retention_settings(
        said["schedule"], get_default_tick_retention_settings(InstigatorType.SCHEDULE)
    )
    assert (sensors[TickStatus.SKIPPED], sensors[TickStatus.SUCCESS], sensors[TickStatus.FAILURE]) == (
        1,
        30,
        30,
    )
    assert (schedules[TickStatus.SUCCESS], schedules[TickStatus.FAILURE]) == (30, 30)
    written = (PROJECT / "docs" / "operating.md").read_text()
    assert "| ticks of sensors that started nothing | 1 day |" in written
    assert f"| runs of Dagster, with their logs | {RUNS_ARE_KEPT.days} days" in written
    assert f"| results of Dagster's asset checks | {RUNS_ARE_KEPT.days} days" in written
