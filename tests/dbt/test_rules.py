"""The rules that are written as dbt unit tests, and the data tests' own test: each must be able to fail."""

from __future__ import annotations

import pytest

from orchestration.errors import BugError
from orchestration.modelling.project import read_manifest
from tests.dbt.workspace import NOW, Workspace


def test_the_models_keep_every_rule_of_their_unit_tests(workspace: Workspace) -> None:
    """Matching, retention and changed keys are promises; dbt's unit tests run here because no sync runs them."""
    ran = workspace.dbt.unit_test()
    assert len(ran) == len(read_manifest()["unit_tests"])
    assert {test.status for test in ran} == {"pass"}


def test_every_data_test_fails_on_the_fault_that_it_names(workspace: Workspace) -> None:
    """A data test whose query finds nothing whatever happens is a comfort, not a check."""
    with workspace.writing() as rows:
        rows.connected()
        rows.raw("user", "005A", email="ada@acme.example", username="ada@acme.example")
        rows.person(1, "ada@acme.example")
        rows.raw("opportunity_stage", "01JA", api_name="Open", master_label="Open")
        for deal in ("006A", "006B", "006C", "006D"):
            rows.deal(deal, probability=50)
    workspace.dbt.build()
    assert _complaints(workspace) == set()
    with workspace.writing() as rows:
        rows.run("delete from fluint.deals where deal_id = '006D'")
        rows.run(
            "update fluint.deals set owner_id = '005X', _xact_id = pg_current_xact_id() where deal_id = '006A'"
        )
        rows.run(
            "update fluint.deals set stage_id = null, is_won = true, probability = 101, contact_count = 3, email_count = 3,"
            " _xact_id = pg_current_xact_id() where deal_id = '006B'"
        )
        rows.run("update fluint.owners set unmatched_reason = 'unheard of'")
        rows.run("insert into fluint.excluded_deals values ('005A', 'unheard of', null, null, 1, %s)", NOW)
        rows.run(
            "insert into fluint.excluded_deals values ('005A', 'owner_not_licensed', null, null, 1, %s)", NOW
        )
        rows.run(
            "insert into fluint.email_activity (email_message_id, deal_id, direction, is_opened, is_deleted_in_salesforce)"
            " values ('02sA', '006X', 'incoming', false, false)"
        )
        rows.run(
            "insert into fluint.deal_contacts (deal_contact_id, deal_id, contact_id, is_primary, is_deleted_in_salesforce)"
            " values ('00KA', '006A', '003X', false, false)"
        )
        rows.run(
            "insert into fluint_app.document (document_id, opportunity_id, title)"
            " values ('00000000-0000-0000-0000-00000000000d', '006A', 'Plan')"
        )
        rows.run(
            "insert into fluint_app.document_version (document_id, version_number, file_name, content_type, byte_size, sha256,"
            " content) values ('00000000-0000-0000-0000-00000000000d', 1, 'plan.pdf', 'application/pdf', 1, repeat('0', 64), 'x')"
        )
    tests = {node["name"] for node in read_manifest()["nodes"].values() if node["resource_type"] == "test"}
    assert _complaints(workspace) == tests


def _complaints(workspace: Workspace) -> set[str]:
    result = workspace.dbt.invoke(["test", "--select", "fqn:*", "--exclude-resource-type", "unit_test"])
    assert result.exception is None
    return {node.node.name for node in result.result.results if node.status in ("fail", "warn")}  # type: ignore[union-attr]


def test_the_night_still_sees_what_an_earlier_build_complained_of(workspace: Workspace) -> None:
    """A check that is red for one interval and green from the next build on, with the fault still in the marts."""
    with workspace.writing() as rows:
        rows.raw("user", "005A")
        rows.deal("006A", is_won=True)
    with pytest.raises(BugError):
        workspace.dbt.build()
    with workspace.writing() as rows:
        rows.deal("006B")
    workspace.dbt.build()
    complaints = _complaints(workspace)
    assert "assert_won_deals_are_closed" not in complaints
    assert "assert_every_won_deal_is_closed" in complaints


def test_a_failing_data_test_raises_and_names_itself(workspace: Workspace) -> None:
    """A build whose test failed and that looks green would be worse than no test."""
    with workspace.writing() as rows:
        rows.raw("user", "005A")
        rows.deal("006A", is_won=True)
    with pytest.raises(BugError, match=r"assert_won_deals_are_closed .*dbt_project/tests"):
        workspace.dbt.build()
    assert workspace.value("select count(*) from fluint.deals") == 1
