"""Judges of the integration user: whose it is, its licence, its user permissions."""

from __future__ import annotations

from orchestration.errors import FluintError, ObjectUnavailableError
from orchestration.setup.judges.common import listed, unseen
from orchestration.setup.outcome import Fault, Judgement, fine, wrong
from orchestration.setup.seen import Seen

# Rights over the whole org that no part of the pipeline uses (docs/salesforce-setup.md says what each permission is for).
_TOO_MUCH = {"ModifyAllData": "Modify All Data", "ManageUsers": "Manage Users"}
_UNUSED = {
    "ViewRoles": "View Roles and Role Hierarchy",
    "ManageCustomPermissions": "Manage Custom Permissions",
    "ModifyMetadata": "Modify Metadata Through Metadata API Functions",
    "ManageNamedCredentials": "Modify Named Credentials and External Credentials",
}


def integration_user(seen: Seen) -> Judgement:
    """Is it a user of its own, which stays what it is?"""
    deals = seen.salesforce.own_deals
    if isinstance(deals, FluintError):
        return unseen(seen, "whether the user owns deals", deals)
    why = []
    if seen.fluint.is_a_person:
        why.append("it has the e-mail address of a Fluint user")
    if deals:
        why.append(f"it owns {deals:,} deal{'s' * (deals != 1)}")
    faults = [Fault("is_a_person", values={"user": seen.user, "why": " and ".join(why)})] if why else []
    expiring = seen.salesforce.expiring
    if not isinstance(expiring, FluintError):
        faults += [
            Fault("assignment_expires", label, {"user": seen.user, "label": label, "ends": ends})
            for label, ends in expiring
        ]
    return wrong(*faults) if faults else fine(f"{seen.user} belongs to nobody who sells.")


def user_licence(seen: Seen) -> Judgement:
    """Has it a licence that opens opportunities?"""
    licence = seen.salesforce.licence
    if isinstance(licence, FluintError):
        return unseen(seen, "the user licence", licence)
    if "platform" in (licence or "").lower():
        return wrong(Fault("platform_licence", values={"user": seen.user, "licence": licence}))
    return fine(f"The user licence is {licence or 'not told'}.")


def user_permissions(seen: Seen) -> Judgement:
    """Has it the user permissions that are needed, and none that are dangerous?"""
    sets = seen.salesforce.sets
    values = {"user": seen.user, "holder": seen.salesforce.holder}
    if isinstance(sets, FluintError):
        if seen.salesforce.refused is None and isinstance(sets, ObjectUnavailableError):
            return wrong(Fault("view_setup_missing", values=values, error=sets))
        return unseen(seen, "the user permissions", sets)
    held = frozenset().union(*(each.system for each in sets))
    if "ViewSetup" not in held:
        return wrong(Fault("view_setup_missing", values=values))
    too_much = [name for permission, name in _TOO_MUCH.items() if permission in held]
    if too_much:
        rights = listed(f"'{name}'" for name in too_much)
        return wrong(Fault("too_many_rights", values=values | {"rights": rights}))
    unused = [name for permission, name in _UNUSED.items() if permission in held]
    more = f" Not needed, and harmless to take away: {listed(unused)}." if unused else ""
    return fine(f"API Enabled, View Setup and Configuration are granted.{more}")
