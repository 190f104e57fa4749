"""Backfills through Dagster's own GraphQL, with its webserver, its daemon and a code server at work: what a click in the UI does."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator

import pytest

from orchestration.sync.objects import CATALOGUE
from tests.contract.running_org import RunningOrg
from tests.dagster.conftest import open_house
from tests.dagster.served import Served, serving, until
from tests.postgres_fixtures import PostgresServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

RAW = [
    ("raw_salesforce", table)
    for table in (sobject.table_name for sobject in CATALOGUE if not sobject.is_whole)
]
MARTS = [("fluint", mart) for mart in ("deals", "contacts", "deal_contacts", "email_activity")]


@pytest.fixture(scope="module")
def served(
    dagster_org: RunningOrg,
    postgres_server: PostgresServer,
    deployed_template: str,
    dagster_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Served]:
    """A workspace whose first load was one click in the UI."""
    directory = tmp_path_factory.mktemp("served")
    with (
        open_house(
            dagster_org, postgres_server, deployed_template, dagster_template, directory, interval_seconds=5
        ) as house,
        serving(house) as running,
    ):
        assert running.ends(running.launch("sync_now_job")) == "SUCCESS"
        yield running


def _months(served: Served) -> list[str]:
    first, last = served.house.ask("select min(created_at)::date, max(created_at)::date from fluint.deals")[0]
    query = f"select to_char(m, 'YYYY-MM-01') from generate_series(date_trunc('month', date '{first}'), date '{last}', '1 month') m"
    return [row[0] for row in served.house.ask(query)]


def _lose(served: Served, month: str) -> str:
    """Deletes a deal of a month from raw table and mart, and returns its id."""
    house = served.house
    lost = str(
        house.ask(
            f"select deal_id from fluint.deals where to_char(created_at, 'YYYY-MM-01') = '{month}' order by 1 limit 1"
        )[0][0]
    )
    with house.bench.database.transaction() as connection:
        connection.execute("delete from raw_salesforce.opportunity where id = %s", [lost])
        connection.execute("delete from fluint.deals where deal_id = %s", [lost])
    return lost


def _has_deal(served: Served, deal: str) -> bool | None:
    return True if served.house.ask(f"select from fluint.deals where deal_id = '{deal}'") else None


def test_the_bar_shows_what_is_covered(served: Served) -> None:
    """A bar that shows only what was backfilled by hand says of a workspace that holds everything that it is empty."""
    bars = [until(lambda key=key: _shown(served.bar(*key))) for key in RAW]
    assert [bar["numMaterialized"] for bar in bars] == [bar["numPartitions"] for bar in bars]


def _shown(bar: dict[str, int]) -> dict[str, int] | None:
    return bar if bar["numMaterialized"] else None


def test_months_of_all_layers_are_one_run_of_the_raw_assets_and_one_of_the_marts(served: Served) -> None:
    """A run for each month would ask Salesforce, and build the marts, as often as there are months."""
    months = _months(served)
    lost = _lose(served, months[len(months) // 2])
    backfill = served.backfill([*RAW, *MARTS], months)
    assert served.backfill_ends(backfill) == "COMPLETED_SUCCESS"
    raw, marts = served.runs_of(backfill)
    assert {tuple(key["path"]) for key in raw["assetSelection"]} == set(RAW)
    assert raw["tags"]["dagster/asset_partition_range_start"] == months[0]
    assert raw["tags"]["dagster/asset_partition_range_end"] == months[-1]
    assert {tuple(key["path"]) for key in marts["assetSelection"]} == set(MARTS)
    assert _has_deal(served, lost)


def test_raw_assets_that_are_backfilled_alone_are_modelled_by_the_next_tick(served: Served) -> None:
    """Healed in the raw table, and missing in the mart until somebody thinks of it."""
    months = _months(served)
    lost = _lose(served, months[0])
    backfill = served.backfill(RAW, months[:3])
    assert served.backfill_ends(backfill) == "COMPLETED_SUCCESS"
    assert len(served.runs_of(backfill)) == 1
    assert until(lambda: _has_deal(served, lost))


def test_a_backfill_whose_process_is_killed_is_gone_on_with_by_itself(served: Served) -> None:
    """A machine that is restarted at night; in the morning somebody would have to know what was being read."""
    org, months = served.house.bench.org, _months(served)
    lost = _lose(served, months[-1])
    # The first page of roles takes so long that the run is surely killed while it waits.
    slow = {"kind": "delay", "method": "POST", "path": ".*/composite/?", "times": 40, "seconds": 3.0}
    org.admin("POST", "/faults", slow)
    backfill = served.backfill(RAW, months)
    run = until(lambda: next((r for r in served.runs_of(backfill) if r["status"] == "STARTED"), None))
    until(lambda: _works(served, run["runId"]))
    _kill(served, run["runId"])
    org.admin("DELETE", "/faults")
    assert served.ends(run["runId"]) == "FAILURE"
    again = until(lambda: next((r for r in served.runs_of(backfill) if r["runId"] != run["runId"]), None))
    assert again["tags"]["dagster/parent_run_id"] == run["runId"]
    assert served.ends(again["runId"]) == "SUCCESS"
    told = served.house.ask(f"select begun_by, state from fluint_sync.run where run_id = '{again['runId']}'")
    assert told == [(run["runId"], "complete")]
    assert until(lambda: _has_deal(served, lost))


def _works(served: Served, run_id: str) -> bool | None:
    """Whether the run has begun its work."""
    begun = served.house.ask(f"select from fluint_sync.run where run_id = '{run_id}' and work is not null")
    return True if begun else None


def _kill(served: Served, run_id: str) -> None:
    """Kills the process of a run, as the kernel does when memory is short; Dagster's own event says which it is."""
    events = [entry.user_message or entry.message for entry in served.house.instance.all_logs(run_id)]
    (pid,) = {
        int(found[1]) for event in events if (found := re.search(r"process for run \(pid: (\d+)\)", event))
    }
    os.kill(pid, signal.SIGKILL)
