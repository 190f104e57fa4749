"""The objects as the API shows them: flags of each object, types, lengths and flags of each field (API sheet, section 4)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from local_org.clock import Clock
from tests.local_org.conftest import START, World, make_world

# prefix and letters, which LETTERS explains
FLAGS = {
    "User": "005 QRP", "Opportunity": "006 QRPXD", "Contact": "003 QRPXDM", "OpportunityContactRole": "00K QRPD",
    "EmailMessage": "02s QRPXD", "EmailMessageRelation": "0CZ QRPD", "RecordType": "012 QRP", "OpportunityStage": "01J QR",
    "ContentVersion": "068 QR", "ContentDocument": "069 QRXD", "ContentDocumentLink": "06A QRD", "Organization": "00D QRP",
    "Profile": "00e QRPD", "PermissionSet": "0PS QRD", "PermissionSetAssignment": "0Pa QRD", "ObjectPermissions": "110 QRD",
    "FieldPermissions": "01k QRD", "UserLicense": "100 QR", "ConnectedApplication": "0H4 QR", "OauthToken": "0CQ Q", "Task": "00T QRPXD",
    "Event": "00U QRPXD",
}  # fmt: skip
LETTERS = {
    "Q": "queryable", "R": "retrieveable", "P": "replicateable", "X": "undeletable", "D": "deletable", "M": "mergeable",
}  # fmt: skip
SOFT = {
    "Opportunity", "Contact", "OpportunityContactRole", "EmailMessage", "EmailMessageRelation", "ContentVersion", "ContentDocument",
    "ContentDocumentLink", "Task", "Event",
}  # fmt: skip

# name:type(length or precision,scale):flags>object, as far as the sheet says; flags N nillable, C createable, U updateable, - none
FIELDS = {
    "Opportunity": (
        "IsDeleted:boolean AccountId:reference:NCU>Account IsPrivate:boolean Name:string(120):CU Description:textarea(32000):NCU "
        "StageName:picklist(255):CU Amount:currency(18,2):NCU Probability:percent(3,0):NCU ExpectedRevenue:currency(18,2):N "
        "TotalOpportunityQuantity:double(18,2):NCU CloseDate:date:CU Type:picklist(255):NCU LeadSource:picklist(255):NCU "
        "NextStep:string(255):NCU IsClosed:boolean:- IsWon:boolean:- ForecastCategory:picklist(40):- "
        "ForecastCategoryName:picklist(255):NCU CampaignId:reference:NCU>Campaign HasOpportunityLineItem:boolean "
        "Pricebook2Id:reference:NCU>Pricebook2 OwnerId:reference:CU>User LastActivityDate:date:N LastStageChangeDate:datetime:N "
        "FiscalQuarter:int:N FiscalYear:int:N Fiscal:string(6):N ContactId:reference:NC>Contact LastViewedDate:datetime:N "
        "LastReferencedDate:datetime:N HasOpenActivity:boolean HasOverdueTask:boolean "
        "LastAmountChangedHistoryId:reference:N>OpportunityHistory LastCloseDateChangedHistoryId:reference:N>OpportunityHistory "
        "CreatedDate:datetime:- SystemModstamp:datetime:-"
    ),
    "Contact": (
        "IsDeleted:boolean MasterRecordId:reference:N>Contact AccountId:reference:NCU>Account LastName:string(80):CU "
        "FirstName:string(40):NCU Salutation:picklist(40):NCU Name:string(121):- MailingStreet:textarea(255) "
        "MailingCity:string(40) MailingState:string(80) MailingPostalCode:string(20) MailingCountry:string(80) "
        "MailingLatitude:double(18,15) MailingGeocodeAccuracy:picklist(40) MailingAddress:address OtherAddress:address "
        "Phone:phone(40) Fax:phone(40) MobilePhone:phone(40) HomePhone:phone(40) OtherPhone:phone(40) AssistantPhone:phone(40) "
        "ReportsToId:reference>Contact Email:email(80) Title:string(128) Department:string(80) AssistantName:string(40) "
        "LeadSource:picklist(255) Birthdate:date Description:textarea(32000) OwnerId:reference>User LastActivityDate:date "
        "EmailBouncedReason:string(255) EmailBouncedDate:datetime IsEmailBounced:boolean PhotoUrl:url(255) "
        "IndividualId:reference>Individual"
    ),
    "OpportunityContactRole": (
        "OpportunityId:reference:C>Opportunity ContactId:reference:CU>Contact Role:picklist(40):NCU IsPrimary:boolean:CU "
        "IsDeleted:boolean CreatedDate:datetime LastModifiedDate:datetime SystemModstamp:datetime"
    ),
    "OpportunityStage": (
        "MasterLabel:string(255):N ApiName:string(255) IsActive:boolean SortOrder:int:N IsClosed:boolean IsWon:boolean "
        "ForecastCategory:picklist(40) ForecastCategoryName:picklist(255) DefaultProbability:percent:N Description:string(255):N"
    ),
    "RecordType": (
        "Name:string(80) DeveloperName:string(80) NamespacePrefix:string(15):N Description:string(255) "
        "BusinessProcessId:reference>BusinessProcess SobjectType:picklist IsActive:boolean"
    ),
    "User": (
        "Username:string(80) LastName:string(80) FirstName:string(40) Name:string(121) CompanyName:string(80) Division:string "
        "Department:string Title:string(80) Email:email(128) Alias:string(8) CommunityNickname:string(40) IsActive:boolean "
        "TimeZoneSidKey:picklist LocaleSidKey:picklist LanguageLocaleKey:picklist EmailEncodingKey:picklist "
        "ProfileId:reference>Profile UserRoleId:reference>UserRole UserType:picklist:N ManagerId:reference>User "
        "ContactId:reference>Contact AccountId:reference>Account EmployeeNumber:string(20) FederationIdentifier:string(512) "
        "Phone:phone(40) LastLoginDate:datetime:N"
    ),
    "EmailMessage": (
        "Name:string:- ParentId:reference:NC>Case ActivityId:reference:NC>Task RelatedToId:reference:NCU "
        "EmailTemplateId:reference:NCU>EmailTemplate ReplyToEmailMessageId:reference:NCU>EmailMessage FromAddress:email(1000):NCU "
        "FromName:string(1000):NCU ValidatedFromAddress:picklist:NCU ToAddress:string(4000):NCU CcAddress:string(4000):NCU "
        "BccAddress:string(4000):NCU Subject:string(3000):NCU HtmlBody:textarea:NCU TextBody:textarea:NCU "
        "Headers:textarea(32000):NCU Incoming:boolean:C IsClientManaged:boolean:C IsExternallyVisible:boolean "
        "HasAttachment:boolean:- IsTracked:boolean:CU IsOpened:boolean:- IsBounced:boolean:CU FirstOpenedDate:datetime:NCU "
        "LastOpenedDate:datetime:NCU MessageDate:datetime:NCU MessageIdentifier:string(255):NCU ThreadIdentifier:string:NCU "
        "ClientThreadIdentifier:string Status:picklist(40):CU FromId:reference AutomationType:picklist IsDeleted:boolean"
    ),
    "EmailMessageRelation": (
        "EmailMessageId:reference:C>EmailMessage RelationId:reference:NCU RelationType:picklist:C RelationAddress:string:NC "
        "RelationObjectType:picklist:N CreatedDate:datetime CreatedById:reference>User SystemModstamp:datetime IsDeleted:boolean"
    ),
    "ContentVersion": (
        "ContentDocumentId:reference:C>ContentDocument IsLatest:boolean VersionNumber:string(20):N Title:string(255):CU "
        "Description:textarea(1000):NCU ReasonForChange:textarea(1000) SharingOption:picklist:CU SharingPrivacy:picklist:CU "
        "PathOnClient:string(500):NC ContentModifiedDate:datetime:NC OwnerId:reference:CU>User FileType:string(20) "
        "PublishStatus:picklist VersionData:base64:NCU ContentSize:int:N FileExtension:string(40):N "
        "FirstPublishLocationId:reference:NC Origin:picklist:C ContentLocation:picklist:C Checksum:string(50):N "
        "IsMajorVersion:boolean:C IsAssetEnabled:boolean"
    ),
    "ContentDocument": (
        "Title:string(255):U OwnerId:reference:CU>User LatestPublishedVersionId:reference>ContentVersion IsArchived:boolean:U "
        "ArchivedById:reference>User ParentId:reference PublishStatus:picklist ContentSize:int FileType:string "
        "FileExtension:string SharingOption:picklist SharingPrivacy:picklist ContentModifiedDate:datetime IsInternalOnly:boolean"
    ),
    "ContentDocumentLink": (
        "LinkedEntityId:reference:C ContentDocumentId:reference:C>ContentDocument IsDeleted:boolean SystemModstamp:datetime "
        "ShareType:picklist(40):NCU Visibility:picklist(40):NCU"
    ),
    "Organization": (
        "Name:string InstanceName:string IsSandbox:boolean OrganizationType:picklist NamespacePrefix:string "
        "TimeZoneSidKey:picklist DefaultOpportunityAccess:picklist"
    ),
    "PermissionSet": (
        "Name:string Label:string LicenseId:reference ProfileId:reference>Profile IsOwnedByProfile:boolean IsCustom:boolean "
        "Type:picklist PermissionSetGroupId:reference NamespacePrefix:string"
    ),
    "PermissionSetAssignment": (
        "PermissionSetId:reference:NC>PermissionSet PermissionSetGroupId:reference:NC AssigneeId:reference>User IsActive:boolean "
        "IsRevoked:boolean ExpirationDate:datetime SystemModstamp:datetime"
    ),
    "FieldPermissions": (
        "ParentId:reference>PermissionSet SobjectType:picklist Field:picklist PermissionsRead:boolean PermissionsEdit:boolean"
    ),
    "UserLicense": (
        "LicenseDefinitionKey:string Name:string MasterLabel:string TotalLicenses:int UsedLicenses:int Status:picklist"
    ),
    "ConnectedApplication": (
        "Name:string OptionsAllowAdminApprovedUsersOnly:boolean OptionsRefreshTokenValidityMetric:boolean "
        "OptionsHasSessionLevelPolicy:boolean OptionsIsInternal:boolean RefreshTokenValidityPeriod:int:N"
    ),
    "OauthToken": (
        "AppName:string:N UserId:reference:N>User LastUsedDate:datetime:N UseCount:int:N CreatedDate:datetime:N "
        "AppMenuItemId:reference:N DeleteToken:string:N AccessToken:string:N RequestToken:string:N"
    ),
}  # fmt: skip
ABSENT = {
    "EmailMessageRelation": "LastModifiedDate", "ContentDocumentLink": "CreatedDate", "PermissionSetAssignment": "CreatedDate",
    "OauthToken": "SystemModstamp", "Opportunity": "CurrencyIsoCode", "User": "IsDeleted",
}  # fmt: skip
PERMISSIONS = (
    "ApiEnabled", "ApiUserOnly", "ViewSetup", "ViewRoles", "ManageCustomPermissions", "CustomizeApplication", "ModifyMetadata",
    "ManageNamedCredentials", "ManageRemoteAccess", "ViewAllData", "ModifyAllData", "ViewAllFieldsGlobal", "QueryAllFiles",
    "QueryNonVetoedFiles", "ViewAllUsers", "ManageDataIntegrations", "ExternalClientAppAdmin", "ExternalClientAppDeveloper",
    "ExternalClientAppViewer",
)  # fmt: skip
_FIELD = re.compile(r"(\w+):(\w+)(?:\((\d+)(?:,(\d+))?\))?(?::([NCU-]+))?(?:>(\w+))?")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One org for all: its records stay as they are, and each test sets its switches back."""
    made = make_world(tmp_path_factory.mktemp("org"), Clock(lambda: START))
    yield made
    made.org.close()


def described(world: World, sobject: str) -> dict[str, dict[str, Any]]:
    """Returns the described fields of an object by name, as the administrator sees them."""
    return {each["name"]: each for each in world.get(f"/sobjects/{sobject}/describe")["fields"]}


def written(field: dict[str, Any], like: re.Match[str]) -> str:
    """Returns a described field in the notation of FIELDS, with as much as `like` says."""
    name, _, size, scale, flags, target = like.groups()
    text = f"{name}:{field['type']}"
    if size is not None:
        text += f"({field['precision']},{field['scale']})" if scale is not None else f"({field['length']})"
    if flags is not None:
        held = zip("NCU", ("nillable", "createable", "updateable"), strict=True)
        text += ":" + ("".join(letter for letter, key in held if field[key]) or "-")
    return text + (f">{','.join(field['referenceTo'])}" if target is not None else "")


def test_objects_have_the_prefixes_and_flags_of_a_recorded_list(world: World) -> None:
    """API sheet 4, global flags: a client that trusts a flag, or a prefix, must not learn here what no org has."""
    listed = {each["name"]: each for each in world.get("/sobjects")["sobjects"]}
    found = {
        name: f"{listed[name]['keyPrefix']} {''.join(letter for letter, key in LETTERS.items() if listed[name][key])}"
        for name in FLAGS
    }
    assert found == FLAGS
    assert (listed["ContentVersion"]["createable"], listed["ContentVersion"]["updateable"]) == (True, True)
    assert listed["ContentDocument"]["createable"] is False


@pytest.mark.parametrize("sobject", FLAGS)
def test_deletions_and_changes_show_where_they_do_in_salesforce(world: World, sobject: str) -> None:
    """API sheet 4: IsDeleted and SystemModstamp exist on these objects and on no other: a cursor on a missing stamp fails."""
    fields = described(world, sobject)
    assert ("IsDeleted" in fields) == (sobject in SOFT)
    assert ("SystemModstamp" in fields) == (sobject != "OauthToken")


@pytest.mark.parametrize("sobject", FIELDS)
def test_fields_have_the_types_lengths_and_flags_of_a_recorded_describe(world: World, sobject: str) -> None:
    """API sheet 4, per object: the client makes its tables and its checks from these."""
    fields, wanted = described(world, sobject), [_FIELD.fullmatch(each) for each in FIELDS[sobject].split()]
    found = [
        written(fields[like[1]], like) if like[1] in fields else f"{like[1]} is missing"
        for like in wanted
        if like
    ]
    assert found == FIELDS[sobject].split()


@pytest.mark.parametrize("sobject", ABSENT)
def test_fields_that_no_describe_has_are_absent(world: World, sobject: str) -> None:
    """API sheet 4: selecting one of them is INVALID_FIELD, so an org that had it would hide a fault."""
    assert ABSENT[sobject] not in described(world, sobject)


def test_permissions_are_fields_of_profile_and_permission_set(world: World) -> None:
    """API sheet 4, Profile and PermissionSet: what the set-up check reads, by these names."""
    for sobject in ("Profile", "PermissionSet"):
        assert {f"Permissions{name}" for name in PERMISSIONS} <= set(described(world, sobject))


def test_fields_that_need_no_security_have_no_row(world: World) -> None:
    """API sheet 4, FieldPermissions: always-visible fields have no row; a check that asks for one would always be red."""
    rows = set(world.column("SELECT Field FROM FieldPermissions WHERE SobjectType = 'Opportunity'"))
    assert "Opportunity.Amount" in rows
    assert rows.isdisjoint(
        f"Opportunity.{name}"
        for name in ("Id", "Name", "StageName", "CloseDate", "CreatedDate", "SystemModstamp")
    )


def test_children_say_which_of_them_a_deletion_takes_along(world: World) -> None:
    """API sheet 4, delete semantics: cascades as a recorded describe tells them, by child object and field."""
    body = {
        name: world.get(f"/sobjects/{name}/describe")["childRelationships"]
        for name in ("Opportunity", "Contact")
    }
    cascades = {
        (parent, each["childSObject"], each["field"]): each["cascadeDelete"]
        for parent, children in body.items()
        for each in children
    }
    for along in (
        ("Opportunity", "OpportunityContactRole", "OpportunityId"), ("Opportunity", "ContentDocumentLink", "LinkedEntityId"),
        ("Opportunity", "Task", "WhatId"), ("Contact", "OpportunityContactRole", "ContactId"),
        ("Contact", "EmailMessageRelation", "RelationId"),
    ):  # fmt: skip
        assert cascades[along] is True, along
    for stays in (
        ("Opportunity", "EmailMessage", "RelatedToId"),
        ("Opportunity", "ContentVersion", "FirstPublishLocationId"),
    ):
        assert cascades[stays] is False, stays


SWITCHED = [
    ("enhanced_email", True, False, "EmailMessage", ""),
    ("enhanced_email", True, False, "EmailMessageRelation", ""),
    ("email_tracking", True, False, "EmailMessage", "IsOpened"),
    ("email_tracking", True, False, "EmailMessage", "FirstOpenedDate"),
    ("multi_currency", False, True, "Opportunity", "CurrencyIsoCode"),
    ("opportunity_teams", False, True, "OpportunityTeamMember", ""),
    ("custom_fields", False, True, "Opportunity", "Account_Industry__c"),
]


@pytest.mark.parametrize(("switch", "default", "other", "sobject", "field"), SWITCHED)
def test_what_an_org_may_lack_comes_and_goes_with_its_switch(
    world: World, switch: str, default: bool, other: bool, sobject: str, field: str
) -> None:
    """API sheet 4: objects and fields of features; to a client they look like hidden ones, in queries and describes alike."""
    soql = f"SELECT {field or 'Id'} FROM {sobject} LIMIT 1"
    code = "INVALID_FIELD" if field else "INVALID_TYPE"
    for position in (default, other, default):
        world.org.switches.set({switch: position})
        is_there = position is True
        answer = world.call("GET", "/query", q=soql)
        assert answer.status == (200 if is_there else 400)
        assert is_there or code in str(answer.body)
        listed = {each["name"] for each in world.get("/sobjects")["sobjects"]}
        assert (sobject in listed and (not field or field in described(world, sobject))) is is_there
        assert is_there or f"{sobject}.{field}" not in world.column("SELECT Field FROM FieldPermissions")


@pytest.mark.parametrize("length", [32_000, 131_072])  # the default comes last
def test_a_mails_body_is_as_long_as_the_org_says(world: World, length: int) -> None:
    """API sheet 4, EmailMessage, HtmlBody [U]: sources say 32,000 and 131,072."""
    world.org.switches.set({"email_body_length": length})
    fields = described(world, "EmailMessage")
    assert (fields["HtmlBody"]["length"], fields["TextBody"]["length"]) == (length, length)
    assert fields["HtmlBody"]["filterable"] is False
