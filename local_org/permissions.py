"""What a user may do with objects and fields: system permissions, object permissions, field-level security.

Answers come from the same records that a client can query (Profile, PermissionSet, ObjectPermissions, FieldPermissions), so what
the set-up check of a client reads is what holds. Not here: which rows are seen (security.py), the texts of refusals (soql/, rest/).
"""

from __future__ import annotations

from collections import defaultdict

from local_org.features import Features
from local_org.objects import Field, SObject
from local_org.objects.people import OBJECT_FLAGS, SYSTEM_PERMISSIONS
from local_org.tables import Tables


class Permissions:
    """What one user may do with objects and fields, as the permission records say at one moment."""

    def __init__(self, store: Tables, user_id: str, now: str, features: Features) -> None:
        """Reads the permissions of `user_id`; assignments that expired before `now` (a stored stamp) do not count."""
        self._features = features
        self.user_id = user_id
        self._sets = _permission_sets(store, user_id, now)
        self.valid_until = _next_expiry(store, user_id, now)
        self.system = _system(store, self._sets)
        self._objects = _object_flags(store, self._sets)
        self._fields = _field_flags(store, self._sets)
        self._readable: dict[str, dict[str, Field]] = {}

    def has(self, permission: str) -> bool:
        """Tells whether the user has a system permission, e.g. `ViewSetup` (with or without the prefix `Permissions`)."""
        return permission.removeprefix("Permissions") in self.system

    def _governing(self, sobject: SObject) -> str:
        return sobject.access.removeprefix("like:") if sobject.access.startswith("like:") else sobject.name

    def object_flag(self, sobject: SObject, flag: str) -> bool:
        """Tells whether a flag of ObjectPermissions (`PermissionsRead` …) is set for the object, or for the one that governs it."""
        return flag in self._objects[self._governing(sobject)]

    def may_read(self, sobject: SObject) -> bool:
        """Tells whether the object exists for this user at all."""
        if not self._features.has_object(sobject):
            return False
        if sobject.access == "everyone":
            return bool(self._sets)
        if sobject.access.startswith("system:"):
            return self.has(sobject.access.removeprefix("system:"))
        return self.has("ViewAllData") or self.object_flag(sobject, "PermissionsRead")

    def may(self, action: str, sobject: SObject) -> bool:
        """Tells whether the user may `Create`, `Edit` or `Delete` records of a readable object."""
        if not self.may_read(sobject):
            return False
        if sobject.access.startswith(("object", "like:")):
            return self.has("ModifyAllData") or self.object_flag(sobject, f"Permissions{action}")
        return (
            sobject.access != "everyone"
            or sobject.sharing == "file"
            or self.has("CustomizeApplication")
            or self.has("ManageUsers")
        )

    def readable(self, sobject: SObject) -> dict[str, Field]:
        """Returns the fields that this user sees, by lower-case name; a hidden field is as good as absent."""
        found = self._readable.get(sobject.name)
        if found is None:
            fields = self._features.fields(sobject)
            found = self._readable[sobject.name] = {
                each.name.lower(): each for each in fields if self._sees(sobject, each)
            }
        return found

    def _sees(self, sobject: SObject, field: Field) -> bool:
        return self._granted(sobject, field, 0, "PermissionsViewAllFields", "ViewAllFieldsGlobal")

    def may_write(self, sobject: SObject, field: Field) -> bool:
        """Tells whether field-level security lets the user set the field."""
        return self._granted(sobject, field, 1, "", "EditReadonlyFields")

    def _granted(self, sobject: SObject, field: Field, right: int, object_flag: str, system: str) -> bool:
        # The parts of an address have no security of their own: that of the compound field holds (Object Reference, Address).
        governing = (sobject.field(field.compound) if field.compound else None) or field
        if (
            not governing.permissionable
            or self.has(system)
            or (object_flag and self.object_flag(sobject, object_flag))
        ):
            return True
        return self._fields[f"{sobject.name}.{governing.name}".lower()][right]


def _permission_sets(store: Tables, user_id: str, now: str) -> list[str]:
    """Returns the ids of the sets that count for the user: the profile's own and the active assignments."""
    rows = store.select(
        "select s.Id from User u join PermissionSet s on s.ProfileId = u.ProfileId and s.IsOwnedByProfile = 1 where u.Id = ?1"
        " union select PermissionSetId from PermissionSetAssignment"
        " where AssigneeId = ?1 and IsActive = 1 and IsRevoked = 0 and (ExpirationDate is null or ExpirationDate > ?2)",
        (user_id, now),
    )
    return [str(row[0]) for row in rows]


def _next_expiry(store: Tables, user_id: str, now: str) -> str:
    """Returns when the first of the user's assignments will expire, as a stored stamp; one that no time reaches if none will."""
    sql = (
        "select min(ExpirationDate) from PermissionSetAssignment where AssigneeId = ? and ExpirationDate > ?"
    )
    return str(store.select(sql, (user_id, now))[0][0] or "~")


def _marks(values: list[str]) -> str:
    return ", ".join("?" * len(values))


def _system(store: Tables, sets: list[str]) -> frozenset[str]:
    names = ", ".join(f"max(Permissions{name})" for name in SYSTEM_PERMISSIONS)
    flags = store.select(f"select {names} from PermissionSet where Id in ({_marks(sets)})", sets)[0]
    held = {name for name, value in zip(SYSTEM_PERMISSIONS, flags, strict=True) if value}
    return frozenset(held | ({"ViewAllData"} if "ModifyAllData" in held else set()))


def _object_flags(store: Tables, sets: list[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    sql = f"select SobjectType, {', '.join(OBJECT_FLAGS)} from ObjectPermissions where ParentId in ({_marks(sets)})"
    for name, *flags in store.select(sql, sets):
        found[str(name)].update(flag for flag, value in zip(OBJECT_FLAGS, flags, strict=True) if value)
    return found


def _field_flags(store: Tables, sets: list[str]) -> dict[str, tuple[bool, bool]]:
    found: dict[str, tuple[bool, bool]] = defaultdict(lambda: (False, False))
    sql = f"select Field, PermissionsRead, PermissionsEdit from FieldPermissions where ParentId in ({_marks(sets)})"
    for name, read, edit in store.select(sql, sets):
        before = found[str(name).lower()]
        found[str(name).lower()] = (before[0] or bool(read), before[1] or bool(edit))
    return found
