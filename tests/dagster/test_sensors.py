"""Sensors against the real ledgers: each closes one difference, and a quiet tick starts nothing."""

from __future__ import annotations

import re
from pathlib import Path

import dagster as dg
import pytest
from psycopg import errors

from orchestration.assets.documents import UPLOAD
from orchestration.documents.library import add_version
from tests.dagster.house import House, failure


@pytest.mark.slow
def test_a_quiet_tick_starts_nothing_and_costs_one_call(house: House) -> None:
    """Sixty ticks an hour, every day: what each costs is the customer's allowance."""
    house.run("sync_now_job")
    house.tick("salesforce_changes_sensor")
    before = house.bench.org.admin("GET", "/usage")["api_calls"]
    tick = house.tick("salesforce_changes_sensor")
    assert not tick.run_requests
    assert "Nothing has changed" in tick.skip_message
    assert house.bench.org.admin("GET", "/usage")["api_calls"] - before == 1


@pytest.mark.slow
def test_whoever_is_newly_licensed_is_listed_once(house: House) -> None:
    """A licence that somebody must follow up by hand; or a run at every tick while the first one reads."""
    house.run("sync_salesforce_job")
    (request,) = house.tick("newly_licensed_owners_sensor").run_requests
    owners = request.tags["fluint/owner_ids"].split(",")
    assert set(owners) == set(house.bench.owners())
    assert int(request.tags["fluint/missing_owners"]) == len(owners)
    assert not any("@" in value for value in request.tags.values())
    result = house.run("list_missing_job", **request.tags)
    assert result.success, failure(result)
    assert "are held" in house.tick("newly_licensed_owners_sensor").skip_message


@pytest.mark.slow
def test_a_listing_that_leaves_everything_as_it_was_is_not_repeated_at_once(house: House) -> None:
    """A difference that no run can close, and a run every 30 seconds for it."""
    house.run("sync_salesforce_job")
    (request,) = house.tick("newly_licensed_owners_sensor").run_requests
    house.run("build_models_job")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("orchestration.assets.salesforce.list_missing", lambda *_: [])
        house.run("list_missing_job", **request.tags)
    tick = house.tick("newly_licensed_owners_sensor")
    assert not tick.run_requests
    assert "goes on after" in tick.skip_message


@pytest.mark.slow
def test_covered_months_are_marked_whoever_covered_them(house: House) -> None:
    """The bar would show only what runs of its own had read, and not what is held."""
    house.run("sync_salesforce_job")
    house.bench.load()
    assert house.shown("contact") == set()
    assert not house.tick("covered_months_sensor").run_requests
    marked = house.shown("contact")
    assert len(marked) > 100
    assert "0 were marked now" in house.tick("covered_months_sensor").skip_message


@pytest.mark.slow
def test_a_generated_document_is_sent_and_modelled_and_the_run_shows_what_became_of_all(
    house: House, tmp_path: Path
) -> None:
    """The way back, from a row of the app to a file on the opportunity, without anybody's doing; and a run that shows no one why the
    other one is not there, or shows titles, of which Dagster's log could not be rid."""
    house.run("list_missing_job")
    assert "No document" in house.tick("pending_documents_sensor").skip_message
    deal = house.ask("select deal_id from fluint.deals order by 1 limit 1")[0][0]
    house.bench.org.admin("PATCH", "/switches", {"blocked_file_types": "exe"})
    for name, title in (("offer.txt", "Offer"), ("plan.exe", "A secret title")):
        (tmp_path / name).write_text("An offer.")
        add_version(house.bench.database, tmp_path / name, opportunity_id=deal, title=title)
    (request,) = house.tick("pending_documents_sensor").run_requests
    assert [key.path for key in request.asset_selection] == [["fluint_sync", "upload"]]
    result = house.run("upload_documents_job", **request.tags)
    assert result.success, failure(result)
    modelled = "select deal_id, upload_state, upload_reason from fluint.deal_documents order by 2"
    assert house.ask(modelled) == [(deal, "failed", "type_blocked"), (deal, "uploaded", None)]
    links = house.bench.records(
        f"SELECT Id, ContentDocumentId FROM ContentDocumentLink WHERE LinkedEntityId = '{deal}'"
    )
    assert len(links) == 1
    _shows_what_became_of_both(result, deal)
    assert "No document" in house.tick("pending_documents_sensor").skip_message
    _is_found_overlooked(house, deal, tmp_path / "offer.txt")


def _shows_what_became_of_both(result: dg.ExecuteInProcessResult, deal: str) -> None:
    (shown,) = (
        event.materialization.metadata
        for event in result.get_asset_materialization_events()
        if event.asset_key == UPLOAD
    )
    counts = {
        name: shown[name].value for name in ("uploaded", "waiting", "given_up", "bytes_sent", "complete")
    }
    assert counts == {"uploaded": 1, "waiting": 1, "given_up": 0, "bytes_sent": 9, "complete": True}
    assert [record.data for record in shown["not_uploaded"].records] == [
        {"reason": "type_blocked", "versions": 1}
    ]
    assert [record.data for record in shown["open_by_reason"].records] == [
        {"reason": "type_blocked", "waits for": "needs admin", "versions": 1}
    ]
    for name, ending in (("uploaded_versions", "| uploaded |  |  |"), ("open_versions", "| type_blocked |")):
        (row,) = shown[name].value.splitlines()[2:]
        assert re.match(rf"\| \[{deal}\]\(https://\S+/{deal}\) \| \S{{36}} \| 1 \|", row), row
        assert row.endswith(ending)
    assert "secret" not in str(shown)
    checks = {check.check_name: check.passed for check in result.get_asset_check_evaluations()}
    assert checks == {"is_current": True, "every_version_is_in_salesforce_or_has_a_reason": True}


def _is_found_overlooked(house: House, deal: str, file: Path) -> None:
    """A version for which no run is started: the daily job looks at what the runs that send would never see."""
    add_version(house.bench.database, file, opportunity_id=deal, title="Overlooked")
    with house.bench.database.transaction() as connection:
        connection.execute("update fluint_app.document_version set generated_at = now() - interval '1 hour'")
    result = house.run("check_documents_job")
    checks = {check.check_name: check.passed for check in result.get_asset_check_evaluations()}
    assert checks == {
        "every_version_is_in_salesforce_once": True,
        "every_version_is_in_salesforce_or_has_a_reason": False,
    }


def test_ticks_before_an_upgrade_say_what_to_do_and_every_other_fault_stays_one(house: House) -> None:
    """A daemon started first, which writes a traceback of a missing relation every five seconds; a fault of ours that nobody sees."""
    everything = [sensor.name for sensor in house.definitions.sensors or ()]
    with house.bench.database.transaction() as connection:
        connection.execute("drop table fluint_sync.upload cascade")
    with pytest.raises(errors.UndefinedTable):  # at the newest version that is no matter of upgrading
        house.tick("pending_documents_sensor")
    with house.bench.database.transaction() as connection:
        connection.execute("update fluint_sync.alembic_version set version_num = '0001'")
    assert "is older than this installation" in house.tick("pending_documents_sensor").skip_message
    with house.bench.database.transaction() as connection:
        connection.execute("drop schema fluint_sync cascade")
    said = {name: house.tick(name).skip_message for name in everything}
    assert len(said) == 6
    for name, text in said.items():
        assert "was never set up for Fluint" in text, name
        assert "`fluint upgrade`" in text
