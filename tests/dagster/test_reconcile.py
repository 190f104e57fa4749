"""The nightly comparison as a run: its table, its checks, its calendar, and what the marts make of a deal that is gone."""

from __future__ import annotations

import uuid

import dagster as dg
import pytest

from orchestration.assets.reconciling import COMPLETENESS, events
from orchestration.errors import ObjectUnavailableError
from orchestration.sync.objects import CATALOGUE
from orchestration.sync.reconciling.doubt import Doubt
from orchestration.sync.reconciling.findings import Finding
from tests.dagster.house import House, failure, steps
from tests.dagster.test_runs import _nothing_personal_entered_dagster
from tests.sync.sharing import Sharing

OBJECTS = {sobject.table_name for sobject in CATALOGUE}


def _checks(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {
        check.check_name: check
        for check in result.get_asset_check_evaluations()
        if check.asset_key == COMPLETENESS
    }


def test_an_object_that_the_org_lacks_fails_no_night() -> None:
    """An org without mail, and every night red because of it: nobody looks any more on the night when deals are missing."""
    absent = ObjectUnavailableError("EmailMessage is not there for the integration user, so it is not read.")
    lacking = Finding("email_message", error=absent, is_absent=True)
    hidden = Finding("task", error=absent)
    doubt = Doubt(None, findings={"email_message": lacking, "task": hidden})  # type: ignore[arg-type]
    (told,) = list(events(doubt, ["opportunity", "email_message", "task"]))
    assert isinstance(told, dg.MaterializeResult)
    checks = {check.check_name: check for check in told.check_results or ()}
    assert checks["opportunity_is_complete"].passed
    assert checks["email_message_is_complete"].severity is dg.AssetCheckSeverity.WARN
    assert "nothing to compare" in (checks["email_message_is_complete"].description or "")
    # Of this one there are rows that may have been hidden.
    assert checks["task_is_complete"].severity is dg.AssetCheckSeverity.ERROR


@pytest.mark.slow
def test_a_night_compares_tells_and_the_mart_keeps_what_is_gone(house: House) -> None:
    """A deal that was purged vanishes from the app with the document that somebody generated for it, and nobody says why."""
    house.run("list_missing_job")
    deal = house.ask(
        "select deal_id from fluint.deals where not is_deleted_in_salesforce order by 1 limit 1"
    )[0][0]
    document = str(uuid.uuid4())
    with house.bench.database.transaction() as connection:
        connection.execute(
            "insert into fluint_app.document (document_id, opportunity_id, title) values (%s, %s, 'Business case')",
            [document, deal],
        )
        connection.execute(
            "insert into fluint_app.document_version (document_id, version_number, file_name, content_type, byte_size, sha256,"
            " content) values (%s, 1, 'case.pdf', 'application/pdf', 4, repeat('0', 64), 'text')",
            [document],
        )
    house.bench.write("DELETE", f"/sobjects/Opportunity/{deal}")
    house.bench.org.admin("POST", f"/records/Opportunity/{deal}/purge")
    house.bench.org.admin("POST", "/clock", {"seconds": 2})
    result = house.run("reconcile_salesforce_job")
    assert result.success, failure(result)
    assert steps(result) == ["fluint_sync__completeness"]
    checks = _checks(result)
    assert set(checks) == {f"{table}_is_complete" for table in OBJECTS} | {"permissions_are_as_before"}
    assert all(check.passed for check in checks.values()), [check.description for check in checks.values()]
    assert deal in (checks["opportunity_is_complete"].description or "")
    (event,) = result.get_asset_materialization_events()
    metadata = event.materialization.metadata
    assert {f"calendar of {table}" for table in OBJECTS} < set(metadata)
    assert str(metadata["calendar of opportunity"].value).startswith("![All ")
    assert house.run("build_models_job").success
    shown = house.ask(
        f"select is_deleted_in_salesforce, deleted_reason from fluint.deals where deal_id = '{deal}'"
    )
    assert shown == [(True, "hard_deleted")]
    assert house.ask(f"select count(*) from fluint.deal_documents where document_id = '{document}'") == [(1,)]
    assert house.ask("select count(*) > 0, bool_and(is_complete) from fluint.sync_completeness") == [
        (True, True)
    ]
    _nothing_personal_entered_dagster(house)


@pytest.mark.slow
def test_access_that_is_lost_turns_the_check_red_and_accepting_ends_it(house: House) -> None:
    """A green night after half of the deals disappeared, or a red one that no step of a person can end."""
    house.run("list_missing_job")
    house.bench.org.admin("POST", "/clock", {"seconds": 2})
    assert "could see" in house.tick("changed_permissions_sensor").skip_message, "before the first comparison"
    assert house.run("reconcile_salesforce_job").success
    sharing = Sharing(house.bench)
    before = house.bench.org.admin("GET", "/usage")["api_calls"]
    assert "could see" in house.tick("changed_permissions_sensor").skip_message
    assert house.bench.org.admin("GET", "/usage")["api_calls"] - before <= 2
    sharing.view_all("Opportunity", granted=False)
    try:
        (request,) = house.tick("changed_permissions_sensor").run_requests
        house.bench.org.admin("POST", "/clock", {"seconds": 2})
        result = house.run("reconcile_salesforce_job", **request.tags)
        assert "could see" in house.tick("changed_permissions_sensor").skip_message, "once, not every hour"
        checks = _checks(result)
        red = checks["opportunity_is_complete"]
        assert (red.passed, red.severity) == (False, dg.AssetCheckSeverity.ERROR)
        assert "View All Records on Opportunity was taken away" in (red.description or "")
        assert not checks["permissions_are_as_before"].passed
        assert house.ask(
            "select count(*) from raw_salesforce.opportunity where _deleted_reason = 'not_visible'"
        ) == [(0,)]
        house.bench.org.admin("POST", "/clock", {"seconds": 2})
        accepted = _checks(house.run("reconcile_salesforce_job", **{"fluint/accept": "what_is_gone"}))
        assert accepted["opportunity_is_complete"].passed
        assert house.ask("select count(*) from raw_salesforce.opportunity where _deleted_at is null") == [
            (0,)
        ]
        assert house.run("build_models_job").success
        shown = "select count(*) > 0, bool_or(is_deleted_in_salesforce), bool_and(hidden_at is not null) from fluint.deals"
        assert house.ask(shown) == [(True, False, True)]
    finally:
        sharing.restore()
