"""The objects that a set-up check reads: what a profile grants, who holds it, what a user may do with one record."""

from __future__ import annotations

import pytest

from local_org import standard
from local_org.rest.layouts import FILES, related_lists, set_related_lists
from tests.local_org.conftest import World

ACCESS = (
    "SELECT RecordId, HasReadAccess, HasEditAccess, HasDeleteAccess, MaxAccessLevel FROM UserRecordAccess"
    " WHERE UserId = '{}' AND RecordId {}"
)
# API sheet 4, Global flags: key prefix; Q queryable, R retrieveable, P replicateable, X undeletable, D deletable, M mergeable.
FLAGS = {
    "User": "005 QRP", "Opportunity": "006 QRPXD", "Contact": "003 QRPXDM", "OpportunityContactRole": "00K QRPD",
    "EmailMessage": "02s QRPXD", "EmailMessageRelation": "0CZ QRPD", "RecordType": "012 QRP", "OpportunityStage": "01J QR",
    "ContentVersion": "068 QR", "ContentDocument": "069 QRXD", "ContentDocumentLink": "06A QRD", "Organization": "00D QRP",
    "Profile": "00e QRPD", "PermissionSet": "0PS QRD", "PermissionSetAssignment": "0Pa QRD", "ObjectPermissions": "110 QRD",
    "FieldPermissions": "01k QRD", "UserLicense": "100 QR", "ConnectedApplication": "0H4 QR", "OauthToken": "0CQ Q",
    "Task": "00T QRPXD",
}  # fmt: skip
LETTERS = {
    "Q": "queryable", "R": "retrieveable", "P": "replicateable", "X": "undeletable", "D": "deletable", "M": "mergeable",
}  # fmt: skip


def levels(world: World, user_id: str, *records: str) -> dict[str, str]:
    """Returns the level of access that UserRecordAccess tells for each record."""
    named = ", ".join(f"'{each}'" for each in records)
    return {
        row["RecordId"]: row["MaxAccessLevel"]
        for row in world.records(ACCESS.format(user_id, f"IN ({named})"))
    }


@pytest.mark.parametrize("sobject", FLAGS)
def test_an_object_can_do_what_was_recorded_and_no_more(world: World, sobject: str) -> None:
    """API sheet 4, Global flags [R describe-global]; `undeletable` in a describe says that it can be undeleted."""
    found = {each["name"]: each for each in world.get("/sobjects")["sobjects"]}[sobject]
    can = "".join(letter for letter, flag in LETTERS.items() if found[flag])
    assert f"{found['keyPrefix']} {can}" == FLAGS[sobject]


def test_user_record_access_tells_own_seen_and_hidden_records_apart(world: World) -> None:
    """Object Reference, UserRecordAccess: the set-up check asks whether the integration user may write to a deal."""
    own, foreign = world.add("Opportunity", by=world.rep), world.add("Opportunity")
    missing = "006000000000001AAA"
    assert levels(world, world.rep, own, foreign, missing) == {own: "All", foreign: "None", missing: "None"}
    flags = ["PermissionsRead", "PermissionsEdit", "PermissionsDelete", "PermissionsViewAllRecords"]
    standard.grant_object(
        world.org.store, world.permission_set(standard.ORDINARY), "Opportunity", flags, by=world.admin
    )
    assert levels(world, world.rep, foreign) == {foreign: "Read"}
    row = world.records(ACCESS.format(world.admin, f"= '{foreign[:15]}'"))[0]
    assert row == {
        "RecordId": foreign, "HasReadAccess": True, "HasEditAccess": True, "HasDeleteAccess": True, "MaxAccessLevel": "All",
    }  # fmt: skip


def test_what_user_record_access_tells_is_what_a_write_meets(world: World) -> None:
    """A check that says yes where the upload is refused sends its reader to look in the wrong place."""
    deals = [world.add("Opportunity", by=by) for by in (world.rep, world.admin)]
    told = levels(world, world.rep, *deals)
    written = [
        world.call("PATCH", f"/sobjects/Opportunity/{deal}", {"NextStep": "x"}, by=world.rep)
        for deal in deals
    ]
    assert (
        [told[deal] == "All" for deal in deals]
        == [answer.status == 204 for answer in written]
        == [True, False]
    )


@pytest.mark.parametrize(
    "where",
    ["", " WHERE UserId = '{user}'", " WHERE RecordId = '{deal}'", " WHERE UserId = '{user}' OR RecordId = '{deal}'",
     " WHERE UserId = '{user}' AND RecordId IN ({many})"],
)  # fmt: skip
def test_user_record_access_wants_one_user_and_its_records(world: World, where: str) -> None:
    """Object Reference, UserRecordAccess: both filters, 200 ids at most; there is no list of everybody's access."""
    many = ", ".join(f"'006Qy000000{number:04}'" for number in range(201))
    filled = where.format(user=world.rep, deal="006000000000001AAA", many=many)
    assert world.refusal(f"SELECT RecordId FROM UserRecordAccess{filled}").code == "MALFORMED_QUERY"


def test_a_literal_that_reads_like_a_source_changes_nothing(world: World) -> None:
    """A deal named after an object must not be refused by the rule of that object."""
    world.add("Opportunity", Name="Copy from UserRecordAccess\\'s notes")
    soql = "SELECT Id FROM Opportunity WHERE Name LIKE 'Copy from UserRecordAccess%' OR Name = 'it\\'s from UserRecordAccess'"
    assert len(world.records(soql)) == 1


def test_every_user_holds_the_permission_set_of_their_profile_by_an_assignment(world: World) -> None:
    """API sheet 4, PermissionSet: each profile owns a hidden set; one query of assignments finds both kinds."""
    soql = (
        "SELECT PermissionSet.Profile.Name FROM PermissionSetAssignment"
        f" WHERE AssigneeId = '{world.rep}' AND PermissionSet.IsOwnedByProfile = true"
    )
    body = world.get("/query", q=soql)["records"]
    assert [each["PermissionSet"]["Profile"]["Name"] for each in body] == [standard.ORDINARY]
    administrator = world.org.store.find_ids("Profile", Name=standard.ADMINISTRATOR)[0]
    world.org.store.update("User", world.rep, {"ProfileId": administrator}, by=world.admin)
    body = world.get("/query", q=soql)["records"]
    assert [each["PermissionSet"]["Profile"]["Name"] for each in body] == [standard.ADMINISTRATOR]
    assert world.org.security.of(world.rep).has("ModifyAllData")


def test_a_licence_counts_the_active_users_who_hold_it(world: World) -> None:
    """API sheet 4, UserLicense: TotalLicenses and UsedLicenses say whether one more user can be made."""
    soql = "SELECT Name, UsedLicenses FROM UserLicense"
    assert world.records(soql) == [{"Name": "Salesforce", "UsedLicenses": 2}]
    world.org.store.update("User", world.rep, {"IsActive": False}, by=world.admin)
    assert world.records(soql) == [{"Name": "Salesforce", "UsedLicenses": 1}]


@pytest.mark.parametrize(
    ("permission", "switch", "absent", "present"),
    [("UseAnyApiClient", "api_access_control", False, True), ("UseAnyApiAuth", "newest_api_version", 66, 68),
     ("CanApproveUninstalledApps", "approve_uninstalled_apps_is_a_field", False, True)],
)  # fmt: skip
@pytest.mark.parametrize("sobject", ["PermissionSet", "Profile"])
def test_a_permission_that_not_every_org_has_is_an_unknown_field_there(
    world: World, sobject: str, permission: str, switch: str, absent: object, present: object
) -> None:
    """API sheet 4, Profile/PermissionSet: not always in describe, so a check asks for each alone and bears INVALID_FIELD."""
    soql = f"SELECT Permissions{permission} FROM {sobject} LIMIT 1"
    world.org.switches.set({switch: absent})
    assert world.refusal(soql).code == "INVALID_FIELD"
    world.org.switches.set({switch: present})
    assert isinstance(world.column(soql)[0], bool)


def test_a_layout_may_be_a_profile_s_own(world: World) -> None:
    """API sheet 2.1, layouts: an admin takes the Files list off what one profile sees of one record type; others keep theirs."""
    deal = world.add(
        "RecordType", Name="Deal", DeveloperName="Deal", SobjectType="Opportunity", IsActive=True
    )
    profile = world.org.store.find_ids("Profile", Name=standard.ORDINARY)[0]
    set_related_lists(world.org.store, "Opportunity", ["Emails"], deal, profile)
    path = f"/sobjects/Opportunity/describe/layouts/{deal}"
    bodies = {who: world.get(path, by=who) for who in (world.rep, world.admin)}
    shown = {who: [each["name"] for each in body["relatedLists"]] for who, body in bodies.items()}
    assert shown[world.rep] == ["Emails"]
    assert FILES in shown[world.admin]
    assert bodies[world.rep]["id"] != bodies[world.admin]["id"]
    mappings = world.get("/sobjects/Opportunity/describe/layouts", by=world.rep)["recordTypeMappings"]
    assert {each["recordTypeId"]: each["layoutId"] for each in mappings}[deal] == bodies[world.rep]["id"]
    assert FILES in related_lists(world.org.store, "Opportunity")


def test_a_related_list_is_described_with_its_columns(world: World) -> None:
    """API sheet 2.1, relatedLists item [C]: the keys that jsforce's schema names; the Files row joins on LinkedEntityId."""
    lists = world.get("/sobjects/Opportunity/describe/layouts")["layouts"][0]["relatedLists"]
    files = next(each for each in lists if each["name"] == FILES)
    assert files.keys() == {
        "name", "label", "sobject", "field", "custom", "limitRows", "columns", "sort", "buttons", "accessLevelRequiredForCreate",
    }  # fmt: skip
    assert (files["sobject"], files["field"]) == ("AttachedContentDocument", "LinkedEntityId")
    assert files["columns"][0].keys() == {
        "field",
        "fieldApiName",
        "format",
        "label",
        "lookupId",
        "name",
        "sortable",
    }


@pytest.mark.parametrize("named", [True, False])
def test_the_files_list_shows_in_a_layout_s_description_or_not(world: World, named: bool) -> None:
    """API sheet 2.1, Files list [U]: no recording shows the row, so a check must not take its absence for proof."""
    world.org.switches.set({"layouts_name_the_files_list": named})
    lists = world.get("/sobjects/Opportunity/describe/layouts")["layouts"][0]["relatedLists"]
    assert (FILES in [each["name"] for each in lists]) is named


def test_a_related_list_that_does_not_exist_is_refused(world: World) -> None:
    """A misspelt list that is silently dropped would make a test of the Files list prove nothing."""
    with pytest.raises(ValueError, match="AttachedContentDocuments"):
        set_related_lists(world.org.store, "Opportunity", ["Files"])


def test_the_files_list_is_a_relationship_that_only_its_record_reads(world: World) -> None:
    """API sheet 2.1, Files list [R relationship] and 2.5, "does not support query": the row behind AttachedContentDocuments."""
    children = {
        each["relationshipName"]: each
        for each in world.get("/sobjects/Opportunity/describe")["childRelationships"]
    }
    files = children[FILES]
    assert (files["childSObject"], files["field"]) == ("AttachedContentDocument", "LinkedEntityId")
    deal = world.add("Opportunity")
    document = world.org.store.insert("ContentDocument", {"Title": "Plan"}, by=world.admin)
    world.add("ContentDocumentLink", ContentDocumentId=document, LinkedEntityId=deal)
    for _ in range(2):
        listed = world.records(
            f"SELECT Id, (SELECT Title FROM AttachedContentDocuments) FROM Opportunity WHERE Id = '{deal}'"
        )
        assert [each["Title"] for each in listed[0][FILES]["records"]] == ["Plan"]
    refused = world.refusal("SELECT Id FROM AttachedContentDocument")
    assert (refused.code, refused.message) == (
        "INVALID_TYPE_FOR_OPERATION",
        "entity type AttachedContentDocument does not support query",
    )
