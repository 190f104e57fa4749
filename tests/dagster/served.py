"""A running Dagster, asked through GraphQL as its UI does, and a house with its own webserver, daemon and code server."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests

from orchestration.cli.dagster_services import HOST, dagster_services
from tests.dagster.house import House
from tests.ports import free_port

_PATIENCE = 300  # seconds, on a busy machine
ENDED = {"SUCCESS", "FAILURE", "CANCELED"}

_BACKFILL = """
mutation Launch($keys: [AssetKeyInput!]!, $months: [String!]!) {
  launchPartitionBackfill(backfillParams: {assetSelection: $keys, partitionNames: $months}) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message }
  }
}"""
_STATUS = """
query Status($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } } }"""
_RUNS = """
query Runs($filter: RunsFilter!) { runsOrError(filter: $filter) { ... on Runs { results {
  runId jobName status tags { key value } assetSelection { path } startTime } } } }"""
_BAR = """
query Bar($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode {
  partitionStats { numMaterialized numPartitions } } } }"""
_LAUNCH = """
mutation Launch($job: String!) { launchRun(executionParams: {mode: "default", selector: {
    repositoryLocationName: "fluint", repositoryName: "__repository__", jobName: $job}}) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""


@dataclass
class Dagster:
    """Dagster's webserver with all that is behind it; `address` is that of its UI."""

    address: str

    def ask(self, query: str, **variables: Any) -> Any:
        """The data of a GraphQL answer."""
        answer = requests.post(
            f"{self.address}/graphql", json={"query": query, "variables": variables}, timeout=60
        ).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def launch(self, job: str) -> str:
        """Launches a job as the Launchpad does with nothing filled in, and returns the id of its run."""
        launched = self.ask(_LAUNCH, job=job)["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return str(launched["run"]["runId"])

    def backfill(self, keys: Sequence[Sequence[str]], months: Sequence[str]) -> str:
        """Does what "Materialize" does with a choice of months, and returns the backfill's id."""
        launched = self.ask(_BACKFILL, keys=[{"path": list(key)} for key in keys], months=list(months))
        assert launched["launchPartitionBackfill"]["__typename"] == "LaunchBackfillSuccess", launched
        return str(launched["launchPartitionBackfill"]["backfillId"])

    def runs(self, **filters: Any) -> list[dict[str, Any]]:
        """The runs of a filter, newest first; their tags as a mapping."""
        found = self.ask(_RUNS, filter=filters)["runsOrError"]["results"]
        return [{**run, "tags": {tag["key"]: tag["value"] for tag in run["tags"]}} for run in found]

    def runs_of(self, backfill: str) -> list[dict[str, Any]]:
        """The runs of a backfill, oldest first."""
        return self.runs(tags=[{"key": "dagster/backfill", "value": backfill}])[::-1]

    def ends(self, run_id: str) -> str:
        """Waits for a run and returns its status."""
        return str(
            until(
                lambda: next((r["status"] for r in self.runs(runIds=[run_id]) if r["status"] in ENDED), None)
            )
        )

    def backfill_ends(self, backfill: str) -> str:
        """Waits for a backfill and returns its status."""

        def status() -> str | None:
            now = self.ask(_STATUS, id=backfill)["partitionBackfillOrError"]["status"]
            return None if now in ("REQUESTED", "COMPLETED", "CANCELING", "FAILING") else str(now)

        return str(until(status))

    def bar(self, *key: str) -> dict[str, int]:
        """How many partitions an asset has, and how many of them its bar shows as materialized."""
        stats: dict[str, int] = self.ask(_BAR, key={"path": list(key)})["assetNodeOrError"]["partitionStats"]
        return stats


@dataclass
class Served(Dagster):
    """A served house."""

    house: House


@contextmanager
def serving(house: House) -> Iterator[Served]:
    """Dagster's processes over a house while the block runs."""
    port = free_port()
    with dagster_services(house.settings, port):
        yield Served(f"http://{HOST}:{port}", house)


def until(seen: Callable[[], Any]) -> Any:
    """What `seen` returns once it is something; fails after minutes."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if (found := seen()) is not None:
            return found
        time.sleep(0.5)
    raise AssertionError(f"it did not happen within {_PATIENCE} s")
