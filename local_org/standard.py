"""What every new org holds before anyone adds a record, and the grants with which people are let in.

Org.open creates it once: the Organization, the user licences, the profiles "System Administrator" and "Standard User" (each with the
permission set that it owns) and the system user "Automated Process". Everything else (people, deals) is somebody's data.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from local_org.ids import to_18
from local_org.objects import SOBJECTS, SObject
from local_org.objects.people import OBJECT_FLAGS, SYSTEM_PERMISSIONS
from local_org.store import Store

ALPHANUMERIC = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789"
STANDARD_USER = ("ApiEnabled", "ActivitiesAccess")
# Off for a new org's administrator: hiding a field from them has to work, and they log in with a browser too.
_NOT_FOR_ADMINISTRATORS = ("ApiUserOnly", "ViewAllFieldsGlobal")
_EVERY_RIGHT = tuple(flag for flag in OBJECT_FLAGS if flag != "PermissionsViewAllFields")
_OWN_RECORDS = ("PermissionsCreate", "PermissionsRead", "PermissionsEdit", "PermissionsDelete")
ADMINISTRATOR = "System Administrator"
ORDINARY = "Standard User"


def create(store: Store) -> str:
    """Creates the records of a new org and returns its 18-character id, which is random: no two orgs share one."""
    org_id = to_18("00DQy" + "".join(secrets.choice(ALPHANUMERIC) for _ in range(10)))
    user_id = store.reserve_ids("User", 1)[0]
    assert org_id is not None
    with store.transaction():
        store.insert(
            "Organization",
            {"Id": org_id, "Name": "Acme", "InstanceName": "QY0", "OrganizationType": "Developer Edition", "TimeZoneSidKey": "GMT",
             "LanguageLocaleKey": "en_US", "DefaultLocaleSidKey": "en_US", "DefaultOpportunityAccess": "None",
             "DefaultContactAccess": "None", "DefaultAccountAccess": "None"},
            by=user_id,
        )  # fmt: skip
        store.insert(
            "User",
            {"Id": user_id, "Username": f"autoproc@{org_id.lower()}", "LastName": "Automated Process", "Email": "autoproc@acme.invalid",
             "Alias": "autoproc", "CommunityNickname": "autoproc", "IsActive": True, "UserType": "AutomatedProcess",
             "TimeZoneSidKey": "GMT", "LocaleSidKey": "en_US", "EmailEncodingKey": "UTF-8", "LanguageLocaleKey": "en_US"},
            by=user_id,
        )  # fmt: skip
        _profiles(store, user_id)
    return org_id


def _profiles(store: Store, by: str) -> None:
    licence = store.insert(
        "UserLicense",
        {
            "LicenseDefinitionKey": "SFDC",
            "Name": "Salesforce",
            "MasterLabel": "Salesforce",
            "TotalLicenses": 100,
            "UsedLicenses": 0,
            "Status": "Active",
        },
        by=by,
    )
    everything = (each for each in SYSTEM_PERMISSIONS if each not in _NOT_FOR_ADMINISTRATORS)
    administrator = add_profile(store, ADMINISTRATOR, licence, everything, by=by)
    ordinary = add_profile(store, ORDINARY, licence, STANDARD_USER, by=by)
    for sobject in SOBJECTS.values():
        grant_object(store, administrator, sobject.name, _EVERY_RIGHT, by=by)
        grant_fields(store, administrator, sobject.name, by=by)
        grant_object(store, ordinary, sobject.name, _OWN_RECORDS, by=by)
        grant_fields(store, ordinary, sobject.name, by=by)


def add_profile(store: Store, name: str, licence_id: str, permissions: Iterable[str], *, by: str) -> str:
    """Creates a profile with these system permissions and returns the id of the permission set that it owns."""
    flags = {f"Permissions{each}": True for each in permissions}
    profile = store.insert(
        "Profile", {"Name": name, "UserLicenseId": licence_id, "UserType": "Standard", **flags}, by=by
    )
    return permission_set_of(store, profile)


def permission_set_of(store: Store, profile_id: str) -> str:
    """Returns the id of the permission set that a profile owns: grants to the profile are grants to it."""
    return store.find_ids("PermissionSet", ProfileId=profile_id, IsOwnedByProfile=1)[0]


def grant_object(store: Store, permission_set: str, sobject: str, flags: Iterable[str], *, by: str) -> None:
    """Sets exactly these ObjectPermissions flags (`PermissionsRead` …) for an object that has object permissions; none takes it away."""
    if SOBJECTS[sobject].access != "object":
        return
    wanted = set(flags)
    values = {each: each in wanted for each in OBJECT_FLAGS}
    found = store.find_ids("ObjectPermissions", ParentId=permission_set, SobjectType=sobject)
    if found:
        store.update("ObjectPermissions", found[0], values, by=by)
    elif wanted:
        store.insert(
            "ObjectPermissions", {"ParentId": permission_set, "SobjectType": sobject, **values}, by=by
        )


def governed_fields(sobject: SObject) -> list[str]:
    """Returns the fields that field-level security governs; the parts of an address go with the address."""
    return [each.name for each in sobject.fields if each.permissionable and each.compound is None]


def grant_fields(
    store: Store,
    permission_set: str,
    sobject: str,
    fields: Iterable[str] | None = None,
    *,
    read: bool = True,
    edit: bool = True,
    by: str,
) -> None:
    """Sets field-level security of the given fields, or of all that have any; `read=False` hides them."""
    for name in governed_fields(SOBJECTS[sobject]) if fields is None else fields:
        full = f"{sobject}.{name}"
        values = {"PermissionsRead": read, "PermissionsEdit": edit and read}
        found = store.find_ids("FieldPermissions", ParentId=permission_set, Field=full)
        if found:
            store.update("FieldPermissions", found[0], values, by=by)
        else:
            store.insert(
                "FieldPermissions",
                {"ParentId": permission_set, "SobjectType": sobject, "Field": full, **values},
                by=by,
            )


def add_user(store: Store, username: str, profile: str, *, by: str, **values: object) -> str:
    """Creates an active user with the profile of that name and returns the id; `values` add to or replace the defaults."""
    local = username.partition("@")[0]
    given: dict[str, object] = {
        "Username": username, "LastName": local, "Email": username, "Alias": local[:8], "CommunityNickname": local[:40], "IsActive": True,
        "UserType": "Standard", "TimeZoneSidKey": "GMT", "LocaleSidKey": "en_US", "EmailEncodingKey": "UTF-8", "LanguageLocaleKey": "en_US",
        "ProfileId": store.find_ids("Profile", Name=profile)[0],
    }  # fmt: skip
    return store.insert("User", given | values, by=by)
