"""Who sees what: object permissions, field-level security, sharing, and that hidden looks like absent."""

from __future__ import annotations

from datetime import timedelta

import pytest

from local_org import standard
from local_org.clock import Clock
from local_org.objects import SOBJECTS
from tests.local_org.conftest import World


def without_place(message: str) -> str:
    """Returns a refusal without its excerpt and position."""
    return message.split("\n")[-1]


def test_a_hidden_field_looks_exactly_like_one_that_does_not_exist(world: World) -> None:
    """API sheet 2.5; REST Guide, Status Codes, INVALID_FIELD: a client must not be able to tell, so ours must not rely on it."""
    world.hide("Opportunity", "Amount")
    for clause in (
        "SELECT {} FROM Opportunity",
        "SELECT Id FROM Opportunity WHERE {} = 1",
        "SELECT Id FROM Opportunity ORDER BY {}",
    ):
        hidden, absent = (world.refusal(clause.format(name)) for name in ("Amount", "Nothing"))
        assert (hidden.status, hidden.code) == (absent.status, absent.code) == (400, "INVALID_FIELD")
        assert without_place(hidden.message) == without_place(absent.message).replace("Nothing", "Amount")
    fields = [each["name"] for each in world.get("/sobjects/Opportunity/describe")["fields"]]
    assert "StageName" in fields
    assert "Amount" not in fields
    assert world.call("GET", "/sobjects/Opportunity/x").status == 404


def test_a_hidden_lookup_hides_the_parent_too(world: World) -> None:
    """SOQL and SOSL Reference, "Relationship Queries": the relationship goes with its field, and the parent's fields with theirs."""
    assert world.records("SELECT Account.Industry FROM Opportunity") == []
    world.hide("Account", "Industry")
    assert (
        "No such column 'Industry' on entity 'Account'"
        in world.refusal("SELECT Account.Industry FROM Opportunity").message
    )
    world.hide("Opportunity", "AccountId")
    assert (
        "Didn't understand relationship 'Account'"
        in world.refusal("SELECT Account.Name FROM Opportunity").message
    )


def test_the_parts_of_an_address_are_hidden_with_it(world: World) -> None:
    """Object Reference, "Address Compound Fields": FieldPermissions has one row for the address, none for its parts."""
    assert "Contact.MailingCity" not in world.column(
        "SELECT Field FROM FieldPermissions WHERE SobjectType = 'Contact'"
    )
    world.hide("Contact", "MailingAddress")
    assert world.refusal("SELECT MailingCity FROM Contact").code == "INVALID_FIELD"
    assert world.records("SELECT OtherCity FROM Contact") == []


def test_required_fields_cannot_be_hidden(world: World) -> None:
    """API sheet 4; Object Reference, FieldPermissions: required fields, ids and audit fields have no row and are always visible."""
    for profile in (standard.ADMINISTRATOR, standard.ORDINARY):
        everything = standard.governed_fields(SOBJECTS["Opportunity"])
        world.hide("Opportunity", *everything, profile=profile)
    visible = [each["name"] for each in world.get("/sobjects/Opportunity/describe", by=world.rep)["fields"]]
    assert {
        "Id",
        "Name",
        "StageName",
        "CloseDate",
        "OwnerId",
        "IsClosed",
        "CreatedDate",
        "SystemModstamp",
    } <= set(visible)
    assert {"Amount", "Type", "NextStep", "AccountId"}.isdisjoint(visible)


def test_view_all_fields_lifts_field_level_security(world: World) -> None:
    """API sheet 4; Object Reference, ObjectPermissions, PermissionsViewAllFields."""
    world.hide("Opportunity", "Amount", profile=standard.ORDINARY)
    assert world.refusal("SELECT Amount FROM Opportunity", by=world.rep).code == "INVALID_FIELD"
    flags = ["PermissionsRead", "PermissionsViewAllFields"]
    standard.grant_object(
        world.org.store, world.permission_set(standard.ORDINARY), "Opportunity", flags, by=world.admin
    )
    assert world.records("SELECT Amount FROM Opportunity", by=world.rep) == []


def test_an_unreadable_object_looks_exactly_like_one_that_does_not_exist(world: World) -> None:
    """API sheet 2.5; REST API Developer Guide, Status Codes, INVALID_TYPE: in queries, describes and lists alike."""
    profile = world.permission_set(standard.ORDINARY)
    standard.grant_object(world.org.store, profile, "Opportunity", [], by=world.admin)
    hidden, absent = (
        world.refusal(f"SELECT Id FROM {name}", by=world.rep) for name in ("Opportunity", "XYZZY")
    )
    assert (hidden.status, hidden.code) == (absent.status, absent.code) == (400, "INVALID_TYPE")
    assert without_place(hidden.message) == without_place(absent.message).replace("XYZZY", "Opportunity")
    # Roles have no object permissions of their own: they follow the opportunity.
    assert world.refusal("SELECT Id FROM OpportunityContactRole", by=world.rep).code == "INVALID_TYPE"
    assert world.call("GET", "/sobjects/Opportunity/describe", by=world.rep).status == 404
    listed = {each["name"] for each in world.get("/sobjects", by=world.rep)["sobjects"]}
    assert "Account" in listed
    assert "Opportunity" not in listed


def test_an_unreadable_parent_is_no_relationship(world: World) -> None:
    """SOQL and SOSL Reference, "Relationship Queries": a lookup must not show the fields of an object that the user may not read."""
    standard.grant_object(
        world.org.store, world.permission_set(standard.ORDINARY), "Account", [], by=world.admin
    )
    assert world.records("SELECT AccountId FROM Opportunity", by=world.rep) == []
    refusal = world.refusal("SELECT Account.Name FROM Opportunity", by=world.rep)
    assert refusal.code == "INVALID_FIELD"
    assert "Didn't understand relationship 'Account' in field path." in refusal.message


def test_mails_need_access_to_activities(world: World) -> None:
    """Object Reference, EmailMessage, Special Access Rules; help, "Access Activities": mails have no object permission."""
    assert "EmailMessage" not in world.column("SELECT SobjectType FROM ObjectPermissions")
    world.take("ActivitiesAccess", profile=standard.ORDINARY)
    assert world.refusal("SELECT Id FROM EmailMessage", by=world.rep).code == "INVALID_TYPE"


def test_a_user_sees_their_own_deals_and_what_hangs_on_them(world: World) -> None:
    """API sheet 4; Help, "Organization-Wide Sharing Defaults", Private: roles and mails of an invisible deal are invisible."""
    deals = {"own": world.add("Opportunity", by=world.rep), "foreign": world.add("Opportunity")}
    for deal in deals.values():
        world.add("OpportunityContactRole", OpportunityId=deal, ContactId=world.add("Contact"))
        world.add("EmailMessage", RelatedToId=deal)
    world.add("EmailMessage")
    assert world.column("SELECT Id FROM Opportunity", by=world.rep) == [deals["own"]]
    assert world.column("SELECT OpportunityId FROM OpportunityContactRole", by=world.rep) == [deals["own"]]
    assert world.column("SELECT RelatedToId FROM EmailMessage", by=world.rep) == [deals["own"]]
    assert world.get("/query", q="SELECT COUNT() FROM Opportunity", by=world.rep)["totalSize"] == 1
    assert (
        world.records("SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Opportunity)", by=world.rep)
        == []
    )
    assert len(world.column("SELECT Id FROM EmailMessage")) == 3


@pytest.mark.parametrize("grant", ["PermissionsViewAllRecords", "ViewAllData"])
def test_view_all_lifts_sharing(world: World, grant: str) -> None:
    """API sheet 4; Help, "View All": on the object or for all data; whoever lacks it sees a part without a word."""
    world.add("EmailMessage", RelatedToId=world.add("Opportunity"))
    profile = world.permission_set(standard.ORDINARY)
    soql = "SELECT COUNT() FROM Opportunity"
    assert world.get("/query", q=soql, by=world.rep)["totalSize"] == 0
    if grant == "ViewAllData":
        world.org.store.update("PermissionSet", profile, {"PermissionsViewAllData": True}, by=world.admin)
    else:
        standard.grant_object(
            world.org.store, profile, "Opportunity", ["PermissionsRead", grant], by=world.admin
        )
    assert world.get("/query", q=soql, by=world.rep)["totalSize"] == 1
    assert len(world.records("SELECT Id FROM EmailMessage", by=world.rep)) == 1


def test_a_permission_set_counts_while_it_is_assigned(world: World, clock: Clock) -> None:
    """API sheet 4; Object Reference, PermissionSetAssignment: permissions add up; an expired assignment no longer counts."""
    granted = world.add("PermissionSet", Name="Setup", Label="Setup", PermissionsViewSetup=True)
    assert world.refusal("SELECT Id FROM PermissionSet", by=world.rep).code == "INVALID_TYPE"
    world.add(
        "PermissionSetAssignment",
        PermissionSetId=granted,
        AssigneeId=world.rep,
        ExpirationDate="2026-05-14T00:00:00.000Z",
    )
    assert len(world.records("SELECT Id FROM PermissionSet", by=world.rep)) == 3
    clock.turn(timedelta(days=1))
    assert world.refusal("SELECT Id FROM PermissionSet", by=world.rep).code == "INVALID_TYPE"


def test_the_record_type_field_exists_once_there_are_record_types(world: World) -> None:
    """API sheet 4; Object Reference, Opportunity: RecordTypeId shows only in orgs that have record types."""
    assert world.refusal("SELECT RecordTypeId FROM Opportunity").code == "INVALID_FIELD"
    world.add("RecordType", Name="Renewal", DeveloperName="Renewal", SobjectType="Opportunity", IsActive=True)
    assert world.records("SELECT RecordTypeId FROM Opportunity") == []


def test_a_system_user_without_a_profile_sees_nothing(world: World) -> None:
    """API sheet 4; Object Reference, User: the automated process is a row among the users and nobody who can ask."""
    system = world.org.system_user_id
    assert world.refusal("SELECT Id FROM Opportunity", by=system).code == "INVALID_TYPE"
    assert world.records(f"SELECT FirstName, Profile.Name FROM User WHERE Id = '{system}'") == [
        {"FirstName": None, "Profile": None}
    ]


@pytest.fixture
def files(world: World) -> dict[str, str]:
    """Two files of the administrator: one on the rep's deal, one on nothing."""
    deal = world.add("Opportunity", by=world.rep)
    found = {"deal": deal}
    for name, entity in (("shared", deal), ("private", world.admin)):
        document = world.org.store.insert("ContentDocument", {"Title": name}, by=world.admin)
        world.add("ContentVersion", ContentDocumentId=document, Title=name, IsLatest=True)
        world.add("ContentDocumentLink", ContentDocumentId=document, LinkedEntityId=entity)
        found[name] = document
    return found


def test_a_file_shared_through_a_record_is_seen_only_by_its_id(world: World, files: dict[str, str]) -> None:
    """Object Reference, ContentVersion: without Query All Files a query returns own files; record-shared ones need their id."""
    for soql in (
        "SELECT Id FROM ContentDocument",
        "SELECT Id FROM ContentVersion",
        "SELECT Id FROM ContentVersion WHERE Title = 'shared'",
    ):
        assert world.records(soql, by=world.rep) == []
    by_id = "SELECT Title FROM ContentDocument WHERE Id = '{}'"
    assert world.column(by_id.format(files["shared"]), by=world.rep) == ["shared"]
    assert world.column(by_id.format(files["private"]), by=world.rep) == []
    versions = f"SELECT Title FROM ContentVersion WHERE ContentDocumentId IN ('{files['shared']}', '{files['private']}')"
    assert world.column(versions, by=world.rep) == ["shared"]
    links = f"SELECT ContentDocument.Title FROM ContentDocumentLink WHERE LinkedEntityId = '{files['deal']}'"
    assert [each["ContentDocument"]["Title"] for each in world.records(links, by=world.rep)] == ["shared"]


def test_view_all_data_does_not_show_other_peoples_files_without_query_all_files(
    world: World, files: dict[str, str]
) -> None:
    """Object Reference, ContentDocument: this surprises integrations; Query All Files lifts it."""
    other = standard.add_user(world.org.store, "second@acme.example", standard.ADMINISTRATOR, by=world.admin)
    assert len(world.records("SELECT Id FROM ContentDocument", by=other)) == 2
    world.take("QueryAllFiles")
    assert world.records("SELECT Id FROM ContentDocument", by=other) == []
    assert world.column(f"SELECT Title FROM ContentDocument WHERE Id = '{files['shared']}'", by=other) == [
        "shared"
    ]
