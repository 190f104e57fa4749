"""Fields that the integration user may not see: which stop an object, which are left out and told. And texts that name them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from orchestration.errors import MissingFieldError
from tests.sync.bench import Bench


@contextmanager
def _hidden(bench: Bench, sobject: str, *fields: str) -> Iterator[None]:
    """Takes the fields from the integration user while the block runs, as an admin would in field-level security."""
    (user,) = bench.records(f"SELECT ProfileId FROM User WHERE Id = '{bench.tokens.user_id}'")
    sets = bench.ids(f"SELECT Id FROM PermissionSet WHERE ProfileId = '{user['ProfileId']}'")
    everything = [
        row
        for row in bench.records(
            "SELECT Id, ParentId FROM ObjectPermissions WHERE SobjectType = '" + sobject + "'"
        )
        if row["ParentId"] in sets
    ]
    names = ",".join(f"'{sobject}.{field}'" for field in fields)
    granted = [
        row
        for row in bench.records(
            f"SELECT Id, ParentId, PermissionsEdit FROM FieldPermissions WHERE Field IN ({names})"
        )
        if row["ParentId"] in sets
    ]
    assert everything
    for row in everything:
        bench.update("ObjectPermissions", row["Id"], PermissionsViewAllFields=False)
    for row in granted:
        bench.update("FieldPermissions", row["Id"], PermissionsRead=False, PermissionsEdit=False)
    try:
        yield
    finally:
        for row in granted:
            bench.update(
                "FieldPermissions", row["Id"], PermissionsRead=True, PermissionsEdit=row["PermissionsEdit"]
            )
        for row in everything:
            bench.update("ObjectPermissions", row["Id"], PermissionsViewAllFields=True)


def test_a_hidden_field_of_ours_is_left_out_and_told_while_the_rest_is_read(bench: Bench) -> None:
    """SFDX-Data-Move-Utility#793: a column that goes empty without a word, or a whole object lost for a nicety."""
    with _hidden(bench, "Opportunity", "NextStep"):
        report = bench.load()["opportunity"]
    assert report.state == "complete"
    assert any("Opportunity.NextStep" in note for note in report.notes)
    assert bench.live("opportunity") == bench.entitled()
    assert bench.ask("select field, need from fluint_sync.hidden_field where field = 'NextStep'") == [
        ("NextStep", "ours")
    ]


def test_a_hidden_required_field_fails_its_object_by_name_and_the_others_go_on(bench: Bench) -> None:
    """A run that fails whole, or with a database error, because somebody took one checkbox away."""
    with _hidden(bench, "Opportunity", "Type"):
        reports = bench.load()
        error = reports["opportunity"].error
        assert isinstance(error, MissingFieldError)
        for word in ("Opportunity.Type", "Field-Level Security", "admin"):
            assert word in str(error)
        assert reports["user"].state == reports["contact"].state == "complete"
    assert bench.load()["opportunity"].state == "complete"
    assert bench.live("opportunity") == bench.entitled()


def test_mails_come_in_from_an_org_without_email_tracking(bench: Bench) -> None:
    """Four fields that such an org does not have stopped every mail, with a text that asks an admin for the impossible."""
    bench.org.admin("PATCH", "/switches", {"email_tracking": False})
    report = bench.load()["email_message"]
    assert report.state == "complete"
    assert any("EmailMessage.IsOpened" in note for note in report.notes)
    assert len(bench.live("email_message")) > 0
    assert bench.ask("select count(*) from raw_salesforce.email_message where is_opened is not null") == [
        (0,)
    ]
