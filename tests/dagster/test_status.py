"""The status as an asset of a real Dagster: a check for each part, red for what stands still, and no call to Salesforce."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.asset_key import AssetCheckKey

from orchestration.assets.status import STATUS
from orchestration.settings import ObjectSettings
from orchestration.sync.objects import CATALOGUE
from tests.contract.running_org import RunningOrg
from tests.dagster.conftest import open_house
from tests.dagster.house import House, failure
from tests.dagster.served import Served, serving, until
from tests.postgres_fixtures import PostgresServer

# What a consumer that looks alive and reads nothing does: every tick ends well, and the cursor stays.
FROZEN = """
insert into fluint_sync.cursor (object, position) values ('opportunity', now() - interval '2 hours')
on conflict (object) do update set position = excluded.position;
update fluint_sync.connection set connected_at = now() - interval '1 day';
create function fluint_sync.freeze() returns trigger language plpgsql as 'begin return null; end';
create trigger frozen before update on fluint_sync.cursor for each row execute function fluint_sync.freeze();
"""


def checks(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    """The evaluations of a run by the name of their check."""
    return {check.check_name: check for check in result.get_asset_check_evaluations()}


@pytest.mark.slow
def test_each_part_has_a_check_and_salesforce_is_asked_nothing(house: House) -> None:
    """A status that costs calls is switched off by the first admin who counts them; one without checks is read by nobody."""
    house.bench.load()
    before = house.bench.org.admin("GET", "/usage")["api_calls"]
    result = house.run("check_status_job")
    assert result.success, failure(result)
    found = checks(result)
    parts = {"connection", "dagster", "coverage", "runs", "api_calls", "uploads"}
    assert set(found) == parts | {f"data_of_{sobject.table_name}" for sobject in CATALOGUE}
    assert {name for name, check in found.items() if not check.passed} == {
        "dagster"
    }  # nothing is served here
    assert found["dagster"].severity == dg.AssetCheckSeverity.WARN
    with house.bench.database.transaction() as connection:
        connection.execute("update fluint_sync.cursor set position = position - interval '2 hours'")
        connection.execute(
            "update fluint_sync.connection set state = 'needs_reconnect', reason = 'It was revoked.'"
        )
    result = house.run("check_status_job")
    assert result.success, failure(result)
    found = checks(result)
    red = {
        name
        for name, check in found.items()
        if check.severity == dg.AssetCheckSeverity.ERROR and not check.passed
    }
    assert red >= {"connection", "data_of_opportunity", "data_of_email_message"}
    text = str(found["connection"].description)
    assert "It was revoked." in text
    assert "Next step, by a Salesforce admin: `fluint connect`" in text
    assert house.bench.org.admin("GET", "/usage")["api_calls"] == before
    people = {m[name] for m in house.bench.people for name in ("email", "last_name") if m[name]}
    (event,) = result.get_asset_materialization_events()
    shown = f"{event.materialization.metadata} {[check.description for check in found.values()]}"
    assert "opportunity" in shown
    assert not [word for word in people if word in shown]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_frozen_cursor_turns_red_while_the_daemon_runs(
    dagster_org: RunningOrg,
    postgres_server: PostgresServer,
    deployed_template: str,
    dagster_template: str,
    tmp_path: Path,
) -> None:
    """Every process runs, every tick ends well, no run fails, and nothing is read: only the age of the data tells."""
    others = {s.table_name: ObjectSettings(enabled=False) for s in CATALOGUE if s.table_name != "opportunity"}
    with open_house(
        dagster_org,
        postgres_server,
        deployed_template,
        dagster_template,
        tmp_path,
        objects=others,
        interval_seconds=5,
    ) as house:
        with house.bench.database.transaction() as connection:
            connection.execute(FROZEN)
        with serving(house) as served:
            until(lambda: looked(served))
            run = served.launch("check_status_job")
            assert served.ends(run) == "SUCCESS"
        record = house.instance.get_latest_asset_check_evaluation_record(
            AssetCheckKey(STATUS, "data_of_opportunity")
        )
        check = record.event.dagster_event.asset_check_evaluation_data  # type: ignore[union-attr]
    assert (check.passed, check.severity, check.metadata["cause"].value) == (
        False, dg.AssetCheckSeverity.ERROR, "reads_nothing",
    )  # fmt: skip
    assert "only looks alive" in str(check.description)


_TICKS = """
query Ticks { sensorOrError(sensorSelector: {repositoryLocationName: "fluint", repositoryName: "__repository__",
  sensorName: "salesforce_changes_sensor"}) { ... on Sensor { sensorState { ticks(limit: 1, statuses: [SKIPPED]) { skipReason } } } } }"""


def looked(served: Served) -> Any:
    """The sensor's last look that started nothing, once there is one and no run works."""
    ticks = served.ask(_TICKS)["sensorOrError"]["sensorState"]["ticks"]
    is_idle = all(run["status"] in ("SUCCESS", "FAILURE", "CANCELED") for run in served.runs())
    return ticks[0] if ticks and is_idle else None
