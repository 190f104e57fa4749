"""Users, the organization, and what decides who may do what: profiles, permission sets, licences, connected apps, as data."""

from __future__ import annotations

from local_org.objects import make as m
from local_org.objects.fields import Field, SObject

SYSTEM_PERMISSIONS = (
    "ApiEnabled", "ApiUserOnly", "ViewSetup", "ViewRoles", "ManageCustomPermissions", "CustomizeApplication", "ModifyMetadata", "ManageNamedCredentials",
    "ManageRemoteAccess", "ViewAllData", "ModifyAllData", "ViewAllFieldsGlobal", "QueryAllFiles", "QueryNonVetoedFiles", "ViewAllUsers", "ManageUsers",
    "ManageDataIntegrations", "ExternalClientAppAdmin", "ExternalClientAppDeveloper", "ExternalClientAppViewer", "ActivitiesAccess", "EditReadonlyFields",
    "CanApproveUninstalledApps", "UseAnyApiClient", "UseAnyApiAuth",
)  # fmt: skip
"""The user permissions that this org knows, without the prefix `Permissions` of their fields."""


def _system_permissions() -> tuple[Field, ...]:
    return tuple(m.flag(f"Permissions{name}", "CU", permissionable=False) for name in SYSTEM_PERMISSIONS)


def _plain(name: str, length: int, flags: str = "NCU") -> Field:
    return m.text(name, length, flags, permissionable=False)


USER = SObject(
    "User",
    "User",
    "Users",
    "005",
    (
        m.record_id(),
        _plain("Username", 80, "CU"),
        m.text("LastName", 80, "CU", extra_type="personname"),
        _plain("FirstName", 40),
        m.name_field(121, "", label="Full Name", extra_type="personname"),
        _plain("CompanyName", 80),
        _plain("Division", 80),
        _plain("Department", 80),
        _plain("Title", 80),
        m.area("Street", 255, permissionable=False),
        _plain("City", 40),
        _plain("State", 80),
        _plain("PostalCode", 20),
        _plain("Country", 80),
        m.make("Email", "email", "CU", length=128),
        m.phone("Phone").but(permissionable=False),
        _plain("Alias", 8, "CU"),
        _plain("CommunityNickname", 40, "CU"),
        m.flag("IsActive", "CU", permissionable=False),
        m.picklist(
            "TimeZoneSidKey", 40, ("Europe/Berlin", "America/New_York", "America/Los_Angeles", "GMT"), "CU"
        ),
        m.ref("UserRoleId", "UserRole", permissionable=False),
        m.picklist("LocaleSidKey", 40, ("en_US", "en_GB", "de_DE"), "CU"),
        m.picklist("EmailEncodingKey", 40, ("UTF-8", "ISO-8859-1"), "CU"),
        m.ref("ProfileId", "Profile", "CU", child_relationship="Users"),
        m.picklist(
            "UserType",
            40,
            ("Standard", "PowerPartner", "CSPLitePortal", "AutomatedProcess", "CloudIntegrationUser"),
            "N",
            permissionable=False,
        ),
        m.picklist("LanguageLocaleKey", 40, ("en_US", "de"), "CU"),
        _plain("EmployeeNumber", 20),
        m.ref("ManagerId", "User", permissionable=False, child_relationship="ManagedUsers"),
        m.when("LastLoginDate", permissionable=False),
        *m.audit(),
        m.ref("ContactId", "Contact", "NC", permissionable=False),
        m.ref("AccountId", "Account", "N", permissionable=False),
        _plain("FederationIdentifier", 512),
        *m.seen(),
    ),
    createable=True,
    updateable=True,
    replicateable=True,
    layoutable=True,
    searchable=True,
    triggerable=True,
)

USER_ROLE = SObject(
    "UserRole",
    "Role",
    "Roles",
    "00E",
    (
        m.record_id(),
        m.name_field(80),
        m.ref("ParentRoleId", "UserRole", relationship=None, permissionable=False),
        _plain("DeveloperName", 80, "CU"),
        m.when("LastModifiedDate", "", permissionable=False),
        m.ref("LastModifiedById", "User", "", permissionable=False),
        m.stamp(),
    ),
    createable=True,
    updateable=True,
    deletable=True,
    replicateable=True,
)

ORGANIZATION = SObject(
    "Organization",
    "Organization",
    "Organizations",
    "00D",
    (
        m.record_id(),
        m.name_field(80, "U"),
        _plain("InstanceName", 5, "N"),
        m.flag("IsSandbox"),
        m.picklist(
            "OrganizationType",
            40,
            ("Developer Edition", "Enterprise Edition", "Unlimited Edition"),
            "N",
            permissionable=False,
        ),
        _plain("NamespacePrefix", 15, "N"),
        m.picklist("TimeZoneSidKey", 40, (), "U"),
        m.picklist("LanguageLocaleKey", 40, (), "U"),
        m.picklist("DefaultLocaleSidKey", 40, (), "U"),
        m.picklist("DefaultOpportunityAccess", 40, ("None", "Read", "Edit"), "N", permissionable=False),
        m.picklist(
            "DefaultContactAccess",
            40,
            ("None", "Read", "Edit", "ControlledByParent"),
            "N",
            permissionable=False,
        ),
        m.picklist("DefaultAccountAccess", 40, ("None", "Read", "Edit"), "N", permissionable=False),
        m.when("TrialExpirationDate", permissionable=False),
        *m.audit(),
    ),
    updateable=True,
    replicateable=True,
)

USER_LICENSE = SObject(
    "UserLicense",
    "User License",
    "User Licenses",
    "100",
    (
        m.record_id(),
        _plain("LicenseDefinitionKey", 40, ""),
        m.integer("TotalLicenses", ""),
        m.picklist("Status", 40, ("Active", "Disabled"), ""),
        m.integer("UsedLicenses", ""),
        _plain("Name", 40, "").but(name_field=True),
        _plain("MasterLabel", 255, ""),
        m.when("CreatedDate", "", permissionable=False),
        m.when("LastModifiedDate", "", permissionable=False),
        m.stamp(),
    ),
    access="system:ViewSetup",
)

PROFILE = SObject(
    "Profile",
    "Profile",
    "Profile",
    "00e",
    (
        m.record_id(),
        m.name_field(255),
        *_system_permissions(),
        m.ref("UserLicenseId", "UserLicense", "NC", permissionable=False),
        m.picklist("UserType", 40, ("Standard", "AutomatedProcess"), "N", permissionable=False),
        _plain("Description", 255),
        *m.audit(),
        *m.seen(),
    ),
    createable=True,
    updateable=True,
    deletable=True,
    replicateable=True,
)

PERMISSION_SET = SObject(
    "PermissionSet",
    "Permission Set",
    "Permission Sets",
    "0PS",
    (
        m.record_id(),
        m.name_field(80),
        _plain("Label", 80, "CU"),
        m.make(
            "LicenseId",
            "reference",
            "NC",
            length=18,
            permissionable=False,
            reference_to=("UserLicense", "PermissionSetLicense"),
            relationship="License",
        ),
        m.ref("ProfileId", "Profile", "NC", permissionable=False, cascade_delete=True),
        m.flag("IsOwnedByProfile"),
        m.flag("IsCustom"),
        *_system_permissions(),
        _plain("Description", 255),
        *m.audit(),
        _plain("NamespacePrefix", 15, "N"),
        m.flag("HasActivationRequired", "CU", permissionable=False),
        m.make(
            "PermissionSetGroupId",
            "reference",
            "N",
            length=18,
            permissionable=False,
            reference_to=("PermissionSetGroup",),
            relationship="PermissionSetGroup",
        ),
        m.picklist(
            "Type",
            40,
            ("Regular", "Profile", "Group", "Session", "Standard"),
            "N",
            permissionable=False,
            default="Regular",
        ),
    ),
    createable=True,
    updateable=True,
    deletable=True,
    access="system:ViewSetup",
)

PERMISSION_SET_ASSIGNMENT = SObject(
    "PermissionSetAssignment",
    "Permission Set Assignment",
    "Permission Set Assignments",
    "0Pa",
    (
        m.record_id(),
        m.ref(
            "PermissionSetId",
            "PermissionSet",
            "NC",
            permissionable=False,
            child_relationship="Assignments",
            cascade_delete=True,
        ),
        m.make(
            "PermissionSetGroupId",
            "reference",
            "NC",
            length=18,
            permissionable=False,
            reference_to=("PermissionSetGroup",),
            relationship="PermissionSetGroup",
        ),
        m.ref("AssigneeId", "User", "C", child_relationship="PermissionSetAssignments", cascade_delete=True),
        m.stamp(),
        m.when("ExpirationDate", "NC", permissionable=False),
        m.flag("IsActive", default=True),
        m.flag("IsRevoked"),
    ),
    createable=True,
    deletable=True,
    access="system:ViewSetup",
)

OBJECT_FLAGS = (
    "PermissionsCreate",
    "PermissionsRead",
    "PermissionsEdit",
    "PermissionsDelete",
    "PermissionsViewAllRecords",
    "PermissionsModifyAllRecords",
    "PermissionsViewAllFields",
)

OBJECT_PERMISSIONS = SObject(
    "ObjectPermissions",
    "Object Permissions",
    "Object Permissions",
    "110",
    (
        m.record_id(),
        m.ref("ParentId", "PermissionSet", "C", child_relationship="ObjectPerms", cascade_delete=True),
        m.picklist("SobjectType", 40, (), "C"),
        *(m.flag(name, "CU", permissionable=False) for name in OBJECT_FLAGS),
        *m.audit(),
    ),
    createable=True,
    updateable=True,
    deletable=True,
    access="system:ViewSetup",
)

FIELD_PERMISSIONS = SObject(
    "FieldPermissions",
    "Field Permissions",
    "Field Permissions",
    "01k",
    (
        m.record_id(),
        m.ref("ParentId", "PermissionSet", "C", child_relationship="FieldPerms", cascade_delete=True),
        m.picklist("SobjectType", 40, (), "C"),
        m.picklist("Field", 120, (), "C"),
        m.flag("PermissionsEdit", "CU", permissionable=False),
        m.flag("PermissionsRead", "CU", permissionable=False),
        m.stamp(),
    ),
    createable=True,
    updateable=True,
    deletable=True,
    access="system:ViewSetup",
)

CONNECTED_APPLICATION = SObject(
    "ConnectedApplication",
    "Connected App",
    "Connected Apps",
    "0H4",
    (
        m.record_id(),
        m.name_field(255, ""),
        *m.audit(),
        m.flag("OptionsAllowAdminApprovedUsersOnly"),
        m.flag("OptionsRefreshTokenValidityMetric"),
        m.flag("OptionsHasSessionLevelPolicy"),
        m.flag("OptionsIsInternal"),
        m.integer("RefreshTokenValidityPeriod", permissionable=False),
        _plain("StartUrl", 255, "N"),
    ),
    access="system:ViewSetup",
)

OAUTH_TOKEN = SObject(
    "OauthToken",
    "OAuth Token",
    "OAuth Tokens",
    "0CQ",
    (
        m.record_id(),
        _plain("AccessToken", 255, "N"),
        m.ref("UserId", "User", "N", permissionable=False),
        _plain("RequestToken", 255, "N"),
        m.when("CreatedDate", permissionable=False),
        _plain("AppName", 255, "N"),
        m.when("LastUsedDate", permissionable=False),
        m.integer("UseCount", permissionable=False),
        _plain("DeleteToken", 255, "N"),
        m.make(
            "AppMenuItemId",
            "reference",
            "N",
            length=18,
            permissionable=False,
            reference_to=("AppMenuItem",),
            relationship="AppMenuItem",
        ),
    ),
    retrieveable=False,
    sharing="user:UserId",
)

OBJECTS = (
    USER,
    USER_ROLE,
    ORGANIZATION,
    USER_LICENSE,
    PROFILE,
    PERMISSION_SET,
    PERMISSION_SET_ASSIGNMENT,
    OBJECT_PERMISSIONS,
    FIELD_PERMISSIONS,
    CONNECTED_APPLICATION,
    OAUTH_TOKEN,
)
