"""What a test of the Dagster layer does: runs a job, ticks a sensor, looks at what Dagster and Postgres say then."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import dagster as dg

from orchestration.assets.reports import raw_key
from orchestration.postgres.connection import Database
from orchestration.resources.from_settings import resources
from orchestration.settings import Settings
from tests.sync.bench import Bench

# A run's own console log would bury what pytest has to say.
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass
class House:
    """One workspace with its Dagster instance; `storage` is the instance's database."""

    bench: Bench
    settings: Settings
    definitions: dg.Definitions
    instance: dg.DagsterInstance
    storage: Database

    def run(self, job: str, **tags: str) -> dg.ExecuteInProcessResult:
        """Runs a job to its end; a failed one is returned like any other."""
        return self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance, tags=tags, raise_on_error=False, run_config=QUIET
        )

    def tick(self, sensor: str) -> Any:
        """Evaluates a sensor once, as the daemon does; gives its run requests and skip message."""
        repository = self.definitions.get_repository_def()
        with dg.build_sensor_context(
            instance=self.instance, repository_def=repository, resources=resources(self.settings)
        ) as context:
            return repository.get_sensor_def(sensor).evaluate_tick(context)

    def follow(self) -> dg.ExecuteInProcessResult:
        """Ticks once the org's clock has left the second of the last change, and does what the sensor asks for."""
        time.sleep(1.05)
        request = self.tick("salesforce_changes_sensor").run_requests[0]
        return self.run(request.job_name, **request.tags)

    def shown(self, table: str) -> set[str]:
        """The months that the partition bar shows as materialized."""
        return self.instance.get_materialized_partitions(raw_key(table))

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of the workspace's database."""
        return self.bench.ask(query)


def materialized(result: dg.ExecuteInProcessResult) -> set[str]:
    """The tables that a run materialized."""
    return {
        event.asset_key.path[-1] for event in result.get_asset_materialization_events() if event.asset_key
    }


def steps(result: dg.ExecuteInProcessResult) -> list[str]:
    """The steps of a run in the order in which they began."""
    return [str(event.step_key) for event in result.all_events if event.is_step_start]


def failure(result: dg.ExecuteInProcessResult) -> str:
    """What the failed steps of a run say on top."""
    data = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    return "\n".join(str(d.user_failure_data.description if d.user_failure_data else d.error) for d in data)
