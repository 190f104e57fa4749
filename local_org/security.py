"""Who may do what: system permissions, object permissions, field-level security and sharing, worked out per user.

Answers come from the same records that a client can query (Profile, PermissionSet, ObjectPermissions, FieldPermissions), so what
the set-up check of a client reads is what holds. Not here: the texts of refusals (soql/, rest/).
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from local_org.clock import Clock, as_stamp
from local_org.objects import SOBJECTS, Field, SObject
from local_org.objects.people import OBJECT_FLAGS, SYSTEM_PERMISSIONS
from local_org.schema import quoted
from local_org.store import Store
from local_org.switches import Switches

if TYPE_CHECKING:
    from local_org.org import Org

_DECIDING = (
    "User",
    "Profile",
    "PermissionSet",
    "PermissionSetAssignment",
    "ObjectPermissions",
    "FieldPermissions",
    "RecordType",
)


class Access:
    """What one user may do, as the permission records say at one moment."""

    def __init__(self, store: Store, user_id: str, now: str, switches: Switches) -> None:
        """Reads the permissions of `user_id`; assignments that expired before `now` (a stored stamp) do not count."""
        self._store = store
        self._absent = switches.absent_permissions()
        self._others_tokens = not switches.oauth_tokens_of_others_need_manage_users
        self.user_id = user_id
        self._sets = _permission_sets(store, user_id, now)
        self.valid_until = _next_expiry(store, user_id, now)
        self.system = _system(store, self._sets)
        self._objects = _object_flags(store, self._sets)
        self._fields = _field_flags(store, self._sets)
        self._record_types = {
            str(row[0]) for row in store.select("select distinct SobjectType from RecordType")
        }
        self._readable: dict[str, dict[str, Field]] = {}

    def has(self, permission: str) -> bool:
        """Tells whether the user has a system permission, e.g. `ViewSetup` (with or without the prefix `Permissions`)."""
        return permission.removeprefix("Permissions") in self.system

    def _governing(self, sobject: SObject) -> str:
        return sobject.access.removeprefix("like:") if sobject.access.startswith("like:") else sobject.name

    def _flag(self, sobject: SObject, flag: str) -> bool:
        return flag in self._objects[self._governing(sobject)]

    def may_read(self, sobject: SObject) -> bool:
        """Tells whether the object exists for this user at all."""
        if sobject.access == "everyone":
            return bool(self._sets)
        if sobject.access.startswith("system:"):
            return self.has(sobject.access.removeprefix("system:"))
        return self.has("ViewAllData") or self._flag(sobject, "PermissionsRead")

    def may(self, action: str, sobject: SObject) -> bool:
        """Tells whether the user may `Create`, `Edit` or `Delete` records of a readable object."""
        if not self.may_read(sobject):
            return False
        if sobject.access.startswith(("object", "like:")):
            return self.has("ModifyAllData") or self._flag(sobject, f"Permissions{action}")
        return (
            sobject.access != "everyone"
            or sobject.sharing == "file"
            or self.has("CustomizeApplication")
            or self.has("ManageUsers")
        )

    def sees_all(self, sobject: SObject) -> bool:
        """Tells whether sharing does not limit the user's view of the object (View All Data, or View All on the object)."""
        if sobject.sharing == "file":
            return self.has("QueryAllFiles") and self.has("ViewAllData")
        if sobject.sharing.startswith("user:"):
            return self.has("ManageUsers") or self._others_tokens
        if sobject.sharing == "public" or self.has("ViewAllData"):
            return True
        return sobject.access.startswith(("object", "like:")) and (
            self._flag(sobject, "PermissionsViewAllRecords")
            or self._flag(sobject, "PermissionsModifyAllRecords")
        )

    def edits_all(self, sobject: SObject) -> bool:
        """Tells whether sharing does not limit which records of the object the user may change."""
        return (
            sobject.sharing == "public"
            or self.has("ModifyAllData")
            or self._flag(sobject, "PermissionsModifyAllRecords")
        )

    def may_change(self, sobject: SObject, owner: object) -> bool:
        """Tells whether sharing lets the user change a record of this owner: seeing it by View All is not enough."""
        return sobject.sharing != "owner" or owner in self.owners_seen() or self.edits_all(sobject)

    def readable(self, sobject: SObject) -> dict[str, Field]:
        """Returns the fields that this user sees, by lower-case name; a hidden field is as good as absent."""
        found = self._readable.get(sobject.name)
        if found is None:
            found = self._readable[sobject.name] = {
                each.name.lower(): each for each in sobject.fields if self._sees(sobject, each)
            }
        return found

    def _sees(self, sobject: SObject, field: Field) -> bool:
        if field.name.removeprefix("Permissions") in self._absent:
            return False
        if field.name == "RecordTypeId":
            return sobject.name in self._record_types
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
            or (object_flag and self._flag(sobject, object_flag))
        ):
            return True
        return self._fields[f"{sobject.name}.{governing.name}".lower()][right]

    def owners_seen(self) -> tuple[str, ...]:
        """Returns the users whose records this user sees by ownership: so far only the user; the role hierarchy belongs here."""
        return (self.user_id,)

    def visible(self, sobject: SObject, alias: str, *, by_id: bool = False) -> str | None:
        """Returns an SQL condition on `alias` for the rows that sharing shows, or None where it hides nothing.

        `by_id`: the query names the file's ids, which also shows files shared through a record (ContentVersion reference).
        Ids are safe inside the text: they come from our own table and are letters and digits.
        """
        if self.sees_all(sobject):
            return None
        owners = ", ".join(f"'{each}'" for each in self.owners_seen())
        if sobject.sharing == "owner":
            return f"{alias}.OwnerId in ({owners})"
        if sobject.sharing == "file":
            return self._visible_file(sobject, alias, by_id)
        if sobject.sharing.startswith("user:"):
            return f"{alias}.{quoted(sobject.sharing.removeprefix('user:'))} in ({owners})"
        parent = sobject.field(sobject.sharing.removeprefix("parent:"))
        assert parent is not None
        terms = [self._seen_through(alias, parent)]
        terms += [f"{alias}.{name} in ({owners})" for name in ("OwnerId", "CreatedById") if sobject.has(name)]
        return f"({' or '.join(terms)})"

    def _seen_through(self, alias: str, parent: Field) -> str:
        column = f"{alias}.{quoted(parent.name)}"
        terms = []
        for name in parent.reference_to:
            target = SOBJECTS.get(name)
            if target is None or target.name == "User" or not self.may_read(target):
                continue  # what hangs on a person is that person's, though everybody sees the user record
            condition = self.visible(target, "parent_")
            if condition is None:
                terms.append(f"substr({column}, 1, 3) = '{target.key_prefix}'")
            else:
                terms.append(f"{column} in (select parent_.Id from {quoted(name)} parent_ where {condition})")
        return f"({' or '.join(terms) or '0'})"

    def _visible_file(self, sobject: SObject, alias: str, by_id: bool) -> str:
        user = f"'{self.user_id}'"
        link = SOBJECTS["ContentDocumentLink"].field("LinkedEntityId")
        assert link is not None
        if sobject.name == "ContentDocumentLink":
            owned = f"{alias}.ContentDocumentId in (select Id from ContentDocument where OwnerId = {user})"
            return f"({owned} or {alias}.LinkedEntityId = {user} or {self._seen_through(alias, link)})"
        document = f"{alias}.{'Id' if sobject.name == 'ContentDocument' else 'ContentDocumentId'}"
        records = f" or {self._seen_through('link_', link)}" if by_id else ""
        through = f"(link_.LinkedEntityId = {user}{records})"
        linked = f"select link_.ContentDocumentId from ContentDocumentLink link_ where link_.IsDeleted = 0 and {through}"
        return f"({alias}.OwnerId = {user} or {document} in ({linked}))"


class Security:
    """Gives each user's access and notices when the permission records change."""

    def __init__(self, store: Store, clock: Clock, switches: Switches) -> None:
        """Reads from `store`; `clock` tells which assignments expired, `switches` which fields this org lacks."""
        self._store = store
        self._switches = switches
        self._clock = clock
        self._known: dict[str, tuple[tuple[object, ...], Access]] = {}

    def of(self, user_id: str) -> Access:
        """Returns the user's access as the records are now."""
        switches = self._switches
        generation = (
            *(self._store.generation[name] for name in _DECIDING),
            switches.absent_permissions(),
            switches.oauth_tokens_of_others_need_manage_users,
        )
        known = self._known.get(user_id)
        now = as_stamp(self._clock.now())
        if known is None or known[0] != generation or known[1].valid_until <= now:
            known = self._known[user_id] = (generation, Access(self._store, user_id, now, switches))
        return known[1]


def has_permission(org: Org, user_id: str, permission: str) -> bool:
    """Tells whether a user has a system permission, e.g. `PermissionsApiEnabled`."""
    return org.security.of(user_id).has(permission)


def _permission_sets(store: Store, user_id: str, now: str) -> list[str]:
    """Returns the ids of the sets that count for the user: the profile's own and the active assignments."""
    rows = store.select(
        "select s.Id from User u join PermissionSet s on s.ProfileId = u.ProfileId and s.IsOwnedByProfile = 1 where u.Id = ?1"
        " union select PermissionSetId from PermissionSetAssignment"
        " where AssigneeId = ?1 and IsActive = 1 and IsRevoked = 0 and (ExpirationDate is null or ExpirationDate > ?2)",
        (user_id, now),
    )
    return [str(row[0]) for row in rows]


def _next_expiry(store: Store, user_id: str, now: str) -> str:
    """Returns when the first of the user's assignments will expire, as a stored stamp; one that no time reaches if none will."""
    sql = (
        "select min(ExpirationDate) from PermissionSetAssignment where AssigneeId = ? and ExpirationDate > ?"
    )
    return str(store.select(sql, (user_id, now))[0][0] or "~")


def _marks(values: list[str]) -> str:
    return ", ".join("?" * len(values))


def _system(store: Store, sets: list[str]) -> frozenset[str]:
    names = ", ".join(f"max(Permissions{name})" for name in SYSTEM_PERMISSIONS)
    flags = store.select(f"select {names} from PermissionSet where Id in ({_marks(sets)})", sets)[0]
    held = {name for name, value in zip(SYSTEM_PERMISSIONS, flags, strict=True) if value}
    return frozenset(held | ({"ViewAllData"} if "ModifyAllData" in held else set()))


def _object_flags(store: Store, sets: list[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    sql = f"select SobjectType, {', '.join(OBJECT_FLAGS)} from ObjectPermissions where ParentId in ({_marks(sets)})"
    for name, *flags in store.select(sql, sets):
        found[str(name)].update(flag for flag, value in zip(OBJECT_FLAGS, flags, strict=True) if value)
    return found


def _field_flags(store: Store, sets: list[str]) -> dict[str, tuple[bool, bool]]:
    found: dict[str, tuple[bool, bool]] = defaultdict(lambda: (False, False))
    sql = f"select Field, PermissionsRead, PermissionsEdit from FieldPermissions where ParentId in ({_marks(sets)})"
    for name, read, edit in store.select(sql, sets):
        before = found[str(name).lower()]
        found[str(name).lower()] = (before[0] or bool(read), before[1] or bool(edit))
    return found
