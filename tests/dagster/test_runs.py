"""Runs from end to end: the org, the raw tables, the models, and what Dagster keeps of it."""

from __future__ import annotations

from dataclasses import replace

import dagster as dg
import pytest

from orchestration.assets.reports import is_current, raw_key
from orchestration.postgres.connection import Database
from orchestration.salesforce.client import Salesforce
from orchestration.salesforce.describe import Describe
from orchestration.sync.objects import CATALOGUE
from tests.dagster.house import House, failure, materialized, steps

PARTITIONED = {sobject.table_name for sobject in CATALOGUE if not sobject.is_whole}
WHOLE = {sobject.table_name for sobject in CATALOGUE if sobject.is_whole}


def test_one_click_brings_everything_in(house: House) -> None:
    """The first thing that a person does; it needs no configuration and no daemon, and every figure is the org's own."""
    result = house.run("sync_now_job")
    assert result.success, failure(result)
    (changes,) = house.instance.get_runs(dg.RunsFilter(job_name="sync_salesforce_job"))
    (history,) = house.instance.get_runs(dg.RunsFilter(job_name="list_missing_job"))
    assert changes.tags["fluint/mode"] == "changes"
    assert history.tags["fluint/mode"] == "history"
    assert {changes.tags["fluint/started_by_run"], history.tags["fluint/started_by_run"]} == {result.run_id}
    assert {row[0] for row in house.ask("select deal_id from fluint.deals")} == house.bench.entitled()
    assert house.ask("select count(*) from fluint.email_activity")[0][0] > 0
    assert house.shown("opportunity") == house.shown("email_message")
    assert len(house.shown("opportunity")) > 100
    event = house.instance.get_latest_materialization_event(raw_key("opportunity"))
    assert event is not None
    assert event.run_id == history.run_id, "a month hides what the run did"
    _nothing_personal_entered_dagster(house)


def _nothing_personal_entered_dagster(house: House) -> None:
    """Dagster's log cannot be edited: what enters it can never be erased (architecture, section 9)."""
    kept = " ".join(
        row[0]
        for table, column in (("event_logs", "event"), ("runs", "run_body"), ("job_ticks", "tick_body"))
        for row in _ask(house.storage, f"select {column} from {table}")
    )
    assert "fluint/mode" in kept
    contacts = house.ask("select email, last_name from raw_salesforce.contact where email is not null")
    addresses = {row[0] for row in contacts} | {member["email"] for member in house.bench.people}
    deals = {row[0] for row in house.ask("select name from raw_salesforce.opportunity")}
    subjects = {row[0] for row in house.ask("select subject from raw_salesforce.email_message") if row[0]}
    assert addresses
    assert not [text for text in addresses | deals | subjects if len(text) > 5 and text in kept]
    secrets = ("database_url", "encryption_key", "salesforce_client_secret")
    assert not [name for name in secrets if house.settings.require(name) in kept]


def _ask(database: Database, query: str) -> list[tuple[str]]:
    with database.connect() as connection:
        return connection.execute(query.encode()).fetchall()


def test_a_change_reaches_the_mart_in_one_run_that_models_last(house: House) -> None:
    """Marts that are built before the raw rows arrive are right one interval late, each time."""
    house.run("list_missing_job")
    deal = house.ask("select deal_id from fluint.deals where not is_closed order by 1 limit 1")[0][0]
    house.bench.update("Opportunity", deal, NextStep="Send the contract")
    result = house.follow()
    assert result.success, failure(result)
    assert steps(result) == ["salesforce", "models"]
    assert materialized(result) >= PARTITIONED | WHOLE | {"deals"}
    assert {event.partition for event in result.get_asset_materialization_events()} == {None}
    assert house.ask(f"select next_step from fluint.deals where deal_id = '{deal}'") == [
        ("Send the contract",)
    ]


@pytest.mark.slow
def test_a_range_of_months_is_read_again_in_one_run_and_modelled_in_it(house: House) -> None:
    """A run per month (one Salesforce query and one dbt build each), or months that are read and not modelled."""
    house.run("list_missing_job")
    months = house.ask("select to_char(min(created_at), 'YYYY-MM-01') from fluint.deals")[0][0]
    lost = house.ask("select deal_id from fluint.deals order by created_at limit 1")[0][0]
    with house.bench.database.transaction() as connection:
        connection.execute("delete from raw_salesforce.opportunity where id = %s", [lost])
        connection.execute("delete from fluint.deals where deal_id = %s", [lost])
    result = house.run(
        "backfill_salesforce_job",
        **{"dagster/asset_partition_range_start": months, "dagster/asset_partition_range_end": months},
    )
    assert result.success, failure(result)
    partitions = {
        (event.asset_key.path[-1], event.partition)
        for event in result.get_asset_materialization_events()
        if event.asset_key and event.asset_key.path[0] == "raw_salesforce"
    }
    assert partitions == {(table, months) for table in PARTITIONED}
    assert house.ask(f"select count(*) from fluint.deals where deal_id = '{lost}'") == [(1,)]


@pytest.mark.slow
def test_a_hidden_field_stops_its_object_and_nothing_else(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One field that an admin hid stopped everything, and the log held a library's traceback (issue 2, Extraction)."""
    house.run("list_missing_job")
    _hide(house, monkeypatch, "Contact", "LastName")
    deal = house.ask("select deal_id from fluint.deals where not is_closed order by 1 limit 1")[0][0]
    house.bench.update("Opportunity", deal, NextStep="Call the buyer")
    result = house.follow()
    assert not result.success
    text = failure(result)
    assert text.startswith("contact: ")
    assert "LastName" in text
    assert materialized(result) == (PARTITIONED | WHOLE) - {"contact"}
    assert house.ask(f"select next_step from raw_salesforce.opportunity where id = '{deal}'") == [
        ("Call the buyer",)
    ]
    checks = {check.asset_check_key: check.passed for check in result.get_asset_check_evaluations()}
    assert (checks[is_current("contact")], checks[is_current("opportunity")]) == (False, True)
    # The marts come by the run that the next tick starts.
    requests = house.tick("salesforce_changes_sensor").run_requests
    assert "build_models_job" in {request.job_name for request in requests}
    assert house.run("build_models_job").success
    assert house.ask(f"select next_step from fluint.deals where deal_id = '{deal}'") == [("Call the buyer",)]


def _hide(house: House, monkeypatch: pytest.MonkeyPatch, sobject: str, field: str) -> None:
    """What describe shows once an admin took the field from the integration user."""
    described = Salesforce.describe

    def without(client: Salesforce, asked: str) -> Describe:
        seen = described(client, asked)
        shown = {name: one for name, one in seen.fields.items() if (asked, name) != (sobject, field)}
        return replace(seen, fields=shown)

    monkeypatch.setattr(Salesforce, "describe", without)
    with house.bench.database.transaction() as connection:
        connection.execute("delete from fluint_sync.described_object")


@pytest.mark.slow
def test_at_the_allowance_a_run_ends_deferred_and_says_until_when(house: House) -> None:
    """A red run for what is no fault, every minute until midnight; or a green one that read nothing."""
    house.run("list_missing_job")
    house.bench.org.admin("PATCH", "/switches", {"daily_api_limit": 1000, "api_calls_used_by_others": 900})
    house.run("sync_salesforce_job")  # learns of it
    result = house.run("sync_salesforce_job")
    assert result.success, failure(result)
    event = house.instance.get_latest_materialization_event(raw_key("opportunity"))
    assert event is not None
    assert event.asset_materialization is not None
    metadata = event.asset_materialization.metadata
    assert metadata["complete"].value is False
    assert metadata["deferred_until"].value
    (check,) = [
        c for c in result.get_asset_check_evaluations() if c.asset_check_key == is_current("opportunity")
    ]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "after" in house.tick("salesforce_changes_sensor").skip_message


def test_without_a_connection_a_run_says_who_connects(house: House) -> None:
    """The first run of an installation that nobody connected yet, ending in a traceback."""
    with house.bench.database.transaction() as connection:
        connection.execute("delete from fluint_sync.connection")
    result = house.run("sync_salesforce_job")
    assert not result.success
    assert "fluint connect" in failure(result)
    assert "Traceback" not in failure(result)


def test_a_database_with_other_views_is_not_read_into(house: House) -> None:
    """After an update without `fluint upgrade`, a sync would judge entitlement by the rules of another version."""
    with house.bench.database.transaction() as connection:
        connection.execute("update fluint_sync.deployed_views set views_hash = 'another'")
    result = house.run("sync_salesforce_job")
    assert not result.success
    assert "fluint upgrade" in failure(result)
    assert "Traceback" not in failure(result)
    assert house.ask("select count(*) from raw_salesforce.user") == [(0,)]
