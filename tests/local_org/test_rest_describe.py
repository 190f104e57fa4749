"""Versions, resources, limits, describes and layouts."""

from __future__ import annotations

import pytest

from local_org import standard
from local_org.bulk_jobs import Jobs
from local_org.errors import ApiError
from local_org.objects import SOBJECTS
from local_org.rest import discovery, layouts
from tests.local_org.conftest import World

PREFIX = "/services/data/v66.0"
# Every field that the integration guide of the product asks for, as the public field lists of these objects spell them.
GUIDE = {
    "User": "Id FirstName LastName Username IsActive Email UserType",
    "OpportunityStage": "Id ApiName DefaultProbability Description ForecastCategory ForecastCategoryName IsActive IsClosed IsWon "
    "MasterLabel SortOrder",
    "Opportunity": "Id Name StageName OwnerId IsClosed IsDeleted CreatedDate Type AccountId Amount CloseDate Probability IsWon "
    "ForecastCategoryName LastStageChangeDate NextStep",
    "Contact": "Id FirstName LastName Email Title Phone AccountId MasterRecordId",
    "EmailMessage": "Id ActivityId BccAddress CcAddress EmailTemplateId FirstOpenedDate FromAddress FromName Headers HtmlBody Incoming "
    "IsBounced IsClientManaged IsDeleted IsExternallyVisible IsOpened IsTracked LastOpenedDate MessageDate MessageIdentifier Name "
    "ParentId RelatedToId ReplyToEmailMessageId Status Subject TextBody ThreadIdentifier ToAddress ValidatedFromAddress CreatedDate",
}


def fields(world: World, sobject: str) -> dict[str, dict[str, object]]:
    """Returns the described fields by name."""
    return {each["name"]: each for each in world.get(f"/sobjects/{sobject}/describe")["fields"]}


def test_versions_31_to_66_are_listed_with_their_seasons() -> None:
    """REST API Developer Guide, Versions: recorded in May 2026 as 31.0 (Summer '14) to 66.0 (Spring '26)."""
    versions = discovery.versions(66)
    assert [each["version"] for each in versions] == [f"{n}.0" for n in range(31, 67)]
    assert versions[-1] == {"label": "Spring '26", "url": PREFIX, "version": "66.0"}
    assert [versions[n - 31]["label"] for n in (31, 60, 64, 65)] == [
        "Summer '14",
        "Spring '24",
        "Summer '25",
        "Winter '26",
    ]


@pytest.mark.parametrize(
    ("version", "status"),
    [("30.0", 410), ("21.0", 410), ("20.0", 404), ("67.0", 404), ("66.1", 404), ("x", 404)],
)
def test_a_retired_version_is_gone_and_an_unknown_one_not_found(version: str, status: int) -> None:
    """Help, "Salesforce Platform API Versions 21.0 through 30.0 Retirement": 410 tells a client to upgrade, 404 that it errs."""
    with pytest.raises(ApiError) as caught:
        discovery.check_version(version, 66)
    assert caught.value.status == status
    discovery.check_version("31.0", 66)


def test_limits_tell_maximum_and_rest(world: World) -> None:
    """REST API Developer Guide, Limits: names and values of a recorded Developer org."""
    Jobs(world.org).close()
    body = world.get("/limits")
    assert body["DailyApiRequests"] == {"Max": 15_000, "Remaining": 15_000}
    world.org.switches.set({"api_calls_used_by_others": 12_000})
    assert world.get("/limits")["DailyApiRequests"]["Remaining"] == 3_000
    assert body["DailyBulkV2QueryJobs"]["Max"] == 10_000
    assert body["DailyBulkV2QueryFileStorageMB"]["Max"] == 976_562


def test_limits_need_view_setup(world: World) -> None:
    """REST API Developer Guide, Limits: without "View Setup and Configuration" the resource is refused."""
    answer = world.call("GET", "/limits", by=world.rep)
    assert answer.status == 403
    assert answer.body == [{"message": "limits resource is not enabled", "errorCode": "API_DISABLED_FOR_ORG"}]


def test_the_list_of_objects_tells_what_each_can_do(world: World) -> None:
    """REST API Developer Guide, Describe Global: key prefixes and flags as recorded."""
    listed = {each["name"]: each for each in world.get("/sobjects")["sobjects"]}
    assert set(listed) == set(SOBJECTS) - {"OpportunityTeamMember"}
    expected = {
        "Opportunity": ("006", True, True, True, True), "OpportunityContactRole": ("00K", True, True, True, False),
        "OpportunityStage": ("01J", True, False, False, False), "User": ("005", True, True, False, False),
        "ContentVersion": ("068", True, False, False, False), "ContentDocument": ("069", True, False, True, True),
        "EmailMessage": ("02s", True, True, True, True), "OauthToken": ("0CQ", False, False, False, False),
    }  # fmt: skip
    keys = ("keyPrefix", "retrieveable", "replicateable", "deletable", "undeletable")
    assert {name: tuple(listed[name][key] for key in keys) for name in expected} == expected
    assert [name for name, each in listed.items() if each["mergeable"]] == ["Account", "Contact"]
    assert listed["Contact"]["urls"]["describe"] == f"{PREFIX}/sobjects/Contact/describe"


@pytest.mark.parametrize("sobject", GUIDE)
def test_every_field_of_the_guide_is_described(world: World, sobject: str) -> None:
    """Object Reference: a field that the org lacked would be reported by the client as one that nobody granted."""
    assert set(GUIDE[sobject].split()) <= set(fields(world, sobject))


def test_fields_carry_the_attributes_of_a_real_describe(world: World) -> None:
    """REST API Developer Guide, sObject Describe: types, lengths and flags as recorded of Opportunity."""
    described = fields(world, "Opportunity")
    expected = {
        "Id": {"type": "id", "soapType": "tns:ID", "length": 18, "nillable": False, "createable": False, "idLookup": True},
        "Name": {"type": "string", "length": 120, "byteLength": 360, "nillable": False, "createable": True, "nameField": True},
        "Amount": {"type": "currency", "precision": 18, "scale": 2, "nillable": True, "soapType": "xsd:double", "permissionable": True},
        "IsClosed": {"type": "boolean", "createable": False, "updateable": False, "nillable": False},
        "AccountId": {"type": "reference", "referenceTo": ["Account"], "relationshipName": "Account", "namePointing": False},
        "SystemModstamp": {"type": "datetime", "filterable": True, "updateable": False, "permissionable": False},
        "Description": {"type": "textarea", "length": 32000, "filterable": False, "sortable": False, "groupable": False},
        "HasOpenActivity": {"filterable": False},
    }  # fmt: skip
    assert {name: {key: described[name][key] for key in each} for name, each in expected.items()} == expected
    stages = [(each["value"], each["active"]) for each in described["StageName"]["picklistValues"]]  # type: ignore[attr-defined]
    assert stages == [(name, True) for name in ("Qualification", "Proposal", "Closed Won", "Closed Lost")]
    related = fields(world, "EmailMessage")["RelatedToId"]
    assert (related["polymorphicForeignKey"], related["relationshipName"]) == (True, "RelatedTo")


def test_writing_is_shown_as_the_user_may(world: World) -> None:
    """Object Reference, FieldPermissions: createable and updateable in a describe are those of the user who asks."""
    profile = world.permission_set(standard.ADMINISTRATOR)
    world.take("EditReadonlyFields")
    standard.grant_fields(world.org.store, profile, "Opportunity", ["NextStep"], edit=False, by=world.admin)
    assert (
        fields(world, "Opportunity")["NextStep"]["updateable"],
        fields(world, "Opportunity")["Type"]["updateable"],
    ) == (False, True)


def test_children_and_record_types_are_described(world: World) -> None:
    """REST API Developer Guide, sObject Describe: childRelationships name what a sub-select can use; Master is always there."""
    renewal = world.add(
        "RecordType", Name="Renewal", DeveloperName="Renewal", SobjectType="Opportunity", IsActive=True
    )
    body = world.get("/sobjects/Opportunity/describe")
    children = {each["relationshipName"]: each for each in body["childRelationships"]}
    assert (
        children["OpportunityContactRoles"]["childSObject"],
        children["OpportunityContactRoles"]["cascadeDelete"],
    ) == (
        "OpportunityContactRole",
        True,
    )
    assert (children["Emails"]["field"], children["Emails"]["cascadeDelete"]) == ("RelatedToId", False)
    types = [(each["recordTypeId"], each["name"], each["master"]) for each in body["recordTypeInfos"]]
    assert types == [(renewal, "Renewal", False), ("012000000000000AAA", "Master", True)]
    assert world.get("/sobjects/opportunity")["objectDescribe"]["name"] == "Opportunity"


def test_the_files_list_can_be_taken_off_the_page(world: World) -> None:
    """REST API Developer Guide, sObject Layouts: relatedLists of the layout, the Files list among them or not."""
    names = [
        each["name"]
        for each in world.get("/sobjects/Opportunity/describe/layouts")["layouts"][0]["relatedLists"]
    ]
    assert "AttachedContentDocuments" in names
    layouts.set_related_lists(world.org.store, "Opportunity", ["OpportunityContactRoles"])
    body = world.get("/sobjects/Opportunity/describe/layouts")
    assert [each["name"] for each in body["layouts"][0]["relatedLists"]] == ["OpportunityContactRoles"]
    assert body["recordTypeSelectorRequired"] == [False]


def test_with_record_types_each_layout_is_asked_for_by_its_own(world: World) -> None:
    """REST API Developer Guide, sObject Layouts: layouts is null then, and each record type answers with its bare layout."""
    world.add("RecordType", Name="Deal", DeveloperName="Deal", SobjectType="Opportunity", IsActive=True)
    renewal = world.add(
        "RecordType", Name="Renewal", DeveloperName="Renewal", SobjectType="Opportunity", IsActive=True
    )
    layouts.set_related_lists(world.org.store, "Opportunity", [], renewal)
    body = world.get("/sobjects/Opportunity/describe/layouts")
    assert (body["layouts"], body["recordTypeSelectorRequired"]) == (None, [True])
    by_type = {each["recordTypeId"]: each for each in body["recordTypeMappings"]}
    bare = world.get(by_type[renewal]["urls"]["layout"].removeprefix(PREFIX))
    assert (bare["id"], bare["relatedLists"]) == (by_type[renewal]["layoutId"], [])
    assert len({each["layoutId"] for each in body["recordTypeMappings"]}) == 3
    assert world.call("GET", "/sobjects/Opportunity/describe/layouts/012000000000001AAA").status == 404
