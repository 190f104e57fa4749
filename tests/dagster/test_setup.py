"""The set-up as an asset: one asset check an item, red with its text, and nobody's name in what Dagster keeps."""

from __future__ import annotations

import dagster as dg
import pytest

from orchestration.setup.items import ITEMS
from tests.dagster.house import House, failure


@pytest.mark.slow
def test_a_wrong_set_up_turns_its_check_red_and_names_people_by_id(house: House) -> None:
    """What Dagster keeps cannot be edited; and a red asset would hide which of thirty items it is."""
    org = house.bench.org
    house.bench.load()
    org.admin(
        "POST",
        "/mistakes",
        ["opportunity_amount_hidden", "files_list_missing", "integration_user_has_a_deal"],
    )
    try:
        result = house.run("check_setup_job")
    finally:
        org.admin("DELETE", "/mistakes")
    assert result.success, failure(result)
    checks = {check.check_name: check for check in result.get_asset_check_evaluations()}
    assert sorted(checks) == sorted(item.key for item in ITEMS)
    red, yellow, advised = (
        checks[name] for name in ("opportunity", "files_list_on_layouts", "integration_user")
    )
    assert (red.passed, red.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert (yellow.passed, yellow.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert advised.passed
    texts = " ".join(str(check.description) for check in checks.values())
    assert "Opportunity.Amount cannot be read by the integration user (005" in texts
    assert "Setup › Object Manager › Opportunity › Page Layouts" in texts
    assert "it owns 1 deal" in texts
    people = {text for m in org.admin("GET", "/cast") for text in (m["email"], m["last_name"]) if text}
    assert not [text for text in people if text in texts and text != "Integration"]
    (event,) = result.get_asset_materialization_events()
    assert event.materialization.metadata["outcome"].value == "wrong or missing data"
    calls = house.ask("select sum(calls)::int from fluint_sync.api_call where purpose = 'check'")
    assert 10 < calls[0][0] <= 30


@pytest.mark.slow
def test_a_dead_connection_is_a_red_check_and_no_failed_run(house: House) -> None:
    """The day on which the connection ends is the day on which the check has something to say."""
    house.bench.org.admin("DELETE", "/tokens")
    result = house.run("check_setup_job")
    assert result.success, failure(result)
    checks = {check.check_name: check for check in result.get_asset_check_evaluations()}
    assert not checks["connection"].passed
    assert "Run `fluint connect`" in str(checks["connection"].description)
    assert checks["api_access"].severity == dg.AssetCheckSeverity.WARN
