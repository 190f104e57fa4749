"""How long a change takes from Salesforce to the mart while a long backfill runs, as the product's users live it. Run by hand."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from tests.contract.running_org import serving as serving_org
from tests.dagster.conftest import open_house
from tests.dagster.served import ENDED, Served, serving, until
from tests.dagster.test_backfills import RAW
from tests.postgres_fixtures import PostgresServer

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]

OPPORTUNITIES = 20_000
INTERVAL = 60  # seconds, the default
CHANGES = 20
MONTHS = 36


@pytest.fixture
def served(
    postgres_server: PostgresServer,
    deployed_template: str,
    dagster_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Served]:
    """A workspace at its default interval over an org of its own that takes a while to read."""
    directory = tmp_path_factory.mktemp("latency")
    with (
        serving_org(directory / "org", OPPORTUNITIES) as org,
        open_house(
            org, postgres_server, deployed_template, dagster_template, directory, interval_seconds=INTERVAL
        ) as house,
        serving(house) as running,
    ):
        assert running.ends(running.launch("sync_now_job")) == "SUCCESS"
        # A second of waiting in each call makes a backfill last for minutes, as the network of a real org does.
        slow = {"kind": "delay", "method": "GET|POST", "path": ".*/(query|composite).*", "times": 100_000}
        org.admin("POST", "/faults", {**slow, "seconds": 1.0})
        yield running


def test_a_change_reaches_the_mart_within_an_interval_and_thirty_seconds_beside_a_long_backfill(
    served: Served,
) -> None:
    """A rep who moves a deal and does not find it in Fluint for as long as an engineer reads history again."""
    today = datetime.now(UTC).date().replace(day=1)
    months = sorted({(today - timedelta(days=30 * n)).replace(day=1).isoformat() for n in range(MONTHS)})
    deals = served.house.ask(
        f"select deal_id from fluint.deals where not is_closed order by 1 limit {CHANGES}"
    )
    history = _History(served, months)
    until(lambda: history.goes_on() or None)
    with ThreadPoolExecutor(CHANGES) as pool:
        waits, beside = [], []
        for number, (deal,) in enumerate(deals):
            step = f"Step {number}"
            served.house.bench.update("Opportunity", deal, NextStep=step)
            waits.append(pool.submit(_seconds_until_modelled, served, deal, step))
            beside.append(history.goes_on())
            time.sleep(INTERVAL / 7)
        while not all(wait.done() for wait in waits):
            beside.append(history.goes_on())
            time.sleep(INTERVAL / 7)
        seconds = sorted(wait.result() for wait in waits)
    p95 = statistics.quantiles(seconds, n=20)[-1]
    print(
        f"\nseconds from change to mart: {[round(s) for s in seconds]}, p95 {p95:.0f}; history was read at {sum(beside)} of"
        f" {len(beside)} looks, by {len(history.launched)} backfills"
    )
    assert sum(beside) > 0.8 * len(beside), "history was not read beside the changes, so this showed nothing"
    assert p95 <= INTERVAL + 30


@dataclass
class _History:
    """An engineer who reads all months again and again: one run works at a time, and the next one waits behind it."""

    served: Served
    months: list[str]
    launched: list[str] = field(default_factory=list)

    def goes_on(self) -> bool:
        """Whether a run works now; launches another backfill when none waits behind it."""
        runs = [run for each in self.launched for run in self.served.runs_of(each)]
        if len(self.launched) - sum(run["status"] in ENDED for run in runs) < 2:
            self.launched.append(self.served.backfill(RAW, self.months))
        return any(run["status"] == "STARTED" for run in runs)


def _seconds_until_modelled(served: Served, deal: str, step: str) -> float:
    began = time.monotonic()
    until(
        lambda: (
            served.house.ask(f"select from fluint.deals where deal_id = '{deal}' and next_step = '{step}'")
            or None
        )
    )
    return time.monotonic() - began
