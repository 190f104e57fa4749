"""The questions of the set-up check as SOQL, by name. Pure; who sends them, and what an answer means, belongs elsewhere.

No question selects the content of a record: ids, counts, settings and permissions alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from orchestration.errors import FluintError
from orchestration.salesforce import soql
from orchestration.salesforce.describe import Describe
from orchestration.setup.seen import Asked, FluintSeen
from orchestration.sync.objects import CATALOGUE

SYSTEM = (
    "ApiEnabled", "ViewSetup", "ViewRoles", "ManageCustomPermissions", "CustomizeApplication", "ModifyMetadata", "ManageNamedCredentials",
    "ViewAllUsers", "ViewAllData", "ModifyAllData", "ManageUsers",
)  # fmt: skip
"""User permissions without their prefix, all seen in describes of PermissionSet: one that an org lacks would refuse the query."""

GOVERNED = ("Opportunity", "Contact", "Account")
"""Objects with permission rows of their own; the others of the catalogue follow one of these, or a user permission."""

FULL_LICENCE = "SFDC"
"""The key of the user licence "Salesforce" (Object Reference, UserLicense)."""

DESCRIBED = (*(sobject.name for sobject in CATALOGUE), "ContentVersion")

MOST_CALLS = 30
"""API calls of one check."""

MOST_LAYOUTS = MOST_CALLS - 8 - len(DESCRIBED)
"""Layouts that are looked at, one a call, those of the most deals first: queries take 6 calls at most, limits and assignments one each."""

_MOST_OWNERS = 2_500
_POLICIES = (
    "OptionsAllowAdminApprovedUsersOnly", "OptionsHasSessionLevelPolicy", "OptionsRefreshTokenValidityMetric",
    "RefreshTokenValidityPeriod",
)  # fmt: skip


def first_questions(me: str, fluint: FluintSeen) -> dict[str, str]:
    """What is asked at once, of the org, of the integration user (id `me`) and of the owners in scope."""
    return _of_the_org(me) | _of_permissions(me) | _of_records(me) | _of_owners(fluint)


def _of_the_org(me: str) -> dict[str, str]:
    where_me = [soql.equal("Id", me)]
    licence = ["Profile.UserLicense.LicenseDefinitionKey", "Profile.UserLicense.Name"]
    last_used = ["LastUsedDate DESC"]
    return {
        "org": soql.select(
            ["Id", "IsSandbox", "OrganizationType", "DefaultOpportunityAccess"], "Organization"
        ),
        "user": soql.select(["Profile.Name"], "User", where_me),
        "licence": soql.select(licence, "User", where_me),
        "apps": soql.select(["Name", *_POLICIES], "ConnectedApplication"),
        "token_apps": soql.select(
            ["AppName", "LastUsedDate"], "OauthToken", [soql.equal("UserId", me)], order_by=last_used
        ),
    }


def _of_permissions(me: str) -> dict[str, str]:
    """What all sets that are assigned grant. A permission that cannot be selected everywhere is asked for alone: only that is refused."""
    mine, held = f"ParentId IN ({_assigned(me)})", f"Id IN ({_assigned(me)})"
    flags = ["PermissionsRead", "PermissionsEdit", "PermissionsViewAllRecords"]
    system = [f"Permissions{name}" for name in SYSTEM]
    expires = [soql.equal("AssigneeId", me), soql.compare("ExpirationDate", "!=", None)]

    def grants(permission: str) -> str:
        return soql.select(["Id"], "PermissionSet", [held, soql.equal(f"Permissions{permission}", True)])

    return {
        "sets": soql.select(["Label", "IsOwnedByProfile", "Profile.Name", *system], "PermissionSet", [held]),
        "may_approve_apps": grants("CanApproveUninstalledApps"),
        "may_use_any_client": grants("UseAnyApiClient"),
        "may_access_activities": grants("ActivitiesAccess"),
        "objects": soql.select(
            ["SobjectType", *flags], "ObjectPermissions", [soql.is_in("SobjectType", GOVERNED), mine]
        ),
        "expiring": soql.select(
            ["ExpirationDate", "PermissionSet.Label"], "PermissionSetAssignment", expires
        ),
    }


def _of_records(me: str) -> dict[str, str]:
    """Counts. Sharing can hide users from the first one, and from nobody who may see the set-up the second."""
    full = [
        soql.equal("IsActive", True),
        soql.equal("Profile.UserLicense.LicenseDefinitionKey", FULL_LICENCE),
    ]
    own = [soql.equal("OwnerId", me), soql.equal("IsDeleted", False)]
    licence = [soql.equal("LicenseDefinitionKey", FULL_LICENCE)]
    return {
        "visible_users": soql.select(["COUNT()"], "User", full),
        "used_licences": soql.select(["UsedLicenses"], "UserLicense", licence),
        "own_deals": soql.select(["COUNT()"], "Opportunity", own),
    }


def _of_owners(fluint: FluintSeen) -> dict[str, str]:
    """How many deals the owners in scope have, and which profiles these owners have."""
    questions: dict[str, str] = {}
    for place, some in enumerate(soql.chunked(fluint.owners[:_MOST_OWNERS])):
        live = [soql.is_in("OwnerId", some), soql.equal("IsDeleted", False)]
        if fluint.settled_before is not None:
            settled = soql.compare("SystemModstamp", "<", fluint.settled_before)
            where = [*live, settled, *fluint.filters.conditions()]
            questions[f"scope_{place}"] = soql.select(["COUNT()"], "Opportunity", where)
        questions[f"profiles_{place}"] = soql.select(
            ["Id", "ProfileId", "Profile.Name"], "User", [soql.is_in("Id", some)]
        )
    if not fluint.sample_deal:
        questions["sample_deal"] = soql.select(
            ["Id"], "Opportunity", [soql.equal("IsDeleted", False)], limit=1
        )
    return questions


def follow_up(me: str, deal: Asked[str | None], describes: Mapping[str, Asked[Describe]]) -> dict[str, str]:
    """Whether the user may edit one deal; and of what describes do not show, what exists for anybody else."""
    questions = {}
    if isinstance(deal, str):
        where = [soql.equal("UserId", me), soql.equal("RecordId", deal)]
        questions["access"] = soql.select(["RecordId", "HasEditAccess"], "UserRecordAccess", where)
    absent = sorted(_absent(describes))
    if absent:
        where = [soql.is_in("Field", absent), soql.equal("PermissionsRead", True)]
        questions["fields"] = soql.select(
            ["Field", "COUNT(Id) n"], "FieldPermissions", where, group_by=["Field"]
        )
    return questions


def _assigned(user_id: str) -> str:
    """The sets that count for a user; the one that a profile owns is assigned like any other (Object Reference)."""
    where = [soql.equal("AssigneeId", user_id), soql.equal("IsActive", True)]
    return soql.select(["PermissionSetId"], "PermissionSetAssignment", where)


def _absent(describes: Mapping[str, Asked[Describe]]) -> Iterable[str]:
    """The fields of the catalogue that describes do not show, of objects that are there."""
    for sobject in CATALOGUE:
        described = describes[sobject.name]
        if isinstance(described, FluintError):
            continue
        for field in sobject.fields:
            if "." not in field.path and field.path not in described.fields:
                yield f"{sobject.name}.{field.path}"
