"""Who sees which rows: ownership, the role hierarchy, organization-wide defaults, teams, and what hangs on a record that one sees.

Stands on permissions.py, which knows objects and fields. Losing access looks like a deletion without a trace, and gaining it moves no
stamp: the rows do not know who sees them.
"""

from __future__ import annotations

from collections.abc import Mapping

from local_org.clock import Clock, as_stamp
from local_org.features import Features
from local_org.objects import SOBJECTS, Field, SObject
from local_org.permissions import Permissions
from local_org.schema import quoted
from local_org.switches import Switches
from local_org.tables import Tables

_DECIDING = (
    "User",
    "UserRole",
    "Organization",
    "Profile",
    "PermissionSet",
    "PermissionSetAssignment",
    "ObjectPermissions",
    "FieldPermissions",
    "RecordType",
)
_WIDE = {
    "Opportunity": "DefaultOpportunityAccess",
    "Account": "DefaultAccountAccess",
    "Contact": "DefaultContactAccess",
}
_BELOW = """with recursive below(id) as (
        select r.Id from UserRole r join User u on r.ParentRoleId = u.UserRoleId where u.Id = ?
        union select r.Id from UserRole r join below on r.ParentRoleId = below.id)
    select Id from User where UserRoleId in (select id from below)"""


class Access(Permissions):
    """What one user may do and see, as the records say at one moment."""

    def __init__(self, store: Tables, user_id: str, now: str, features: Features) -> None:
        """Reads the permissions of `user_id` and whose records they see."""
        super().__init__(store, user_id, now, features)
        below = [str(row[0]) for row in store.select(_BELOW, (user_id,))]
        self._owners = (user_id, *below)
        defaults = store.select(f"select {', '.join(_WIDE.values())} from Organization")[0]
        self._wide = dict(zip(_WIDE, map(str, defaults), strict=True))
        self._has_teams = features.has_object(SOBJECTS["OpportunityTeamMember"])
        self._store = store

    def sees_all(self, sobject: SObject) -> bool:
        """Tells whether sharing does not limit the user's view of the object (View All Data, or View All on the object)."""
        if sobject.sharing == "file":
            return self.has("QueryAllFiles") and self.has("ViewAllData")
        if sobject.sharing.startswith("user:"):
            return self.has("ManageUsers") or self._features.tokens_of_others
        if self.has("ViewAllData"):
            return True
        if sobject.name == "User" and self._features.users_are_private:
            return self.has("ViewAllUsers") or self.has("ManageUsers")
        if sobject.sharing == "public":
            return True
        return sobject.access.startswith(("object", "like:")) and (
            self.object_flag(sobject, "PermissionsViewAllRecords")
            or self.object_flag(sobject, "PermissionsModifyAllRecords")
        )

    def edits_all(self, sobject: SObject) -> bool:
        """Tells whether sharing does not limit which records of the object the user may change."""
        return (
            sobject.sharing == "public"
            or self.has("ModifyAllData")
            or self.object_flag(sobject, "PermissionsModifyAllRecords")
        )

    def owners_seen(self) -> tuple[str, ...]:
        """Returns the users whose records this user sees by ownership: themselves and everyone in a role below theirs."""
        return self._owners

    def _of_owners(self, column: str) -> str:
        # Ids are safe inside the text: they come from our own tables and are letters and digits.
        return f"{column} in ({', '.join(repr(each) for each in self._owners)})"

    def may_change(self, sobject: SObject, row: Mapping[str, object]) -> bool:
        """Tells whether sharing lets the user change this row, which they see: to see it is not enough."""
        if sobject.sharing != "owner" or self.edits_all(sobject) or row.get("OwnerId") in self._owners:
            return True
        return self._wide.get(sobject.name) == "Edit" or self._edits_as_member(sobject, row)

    def _edits_as_member(self, sobject: SObject, row: Mapping[str, object]) -> bool:
        wanted = {
            "OpportunityId": row.get("Id"),
            "UserId": self.user_id,
            "OpportunityAccessLevel": "Edit",
            "IsDeleted": 0,
        }
        return (
            sobject.name == "Opportunity"
            and self._has_teams
            and bool(self._store.find_ids("OpportunityTeamMember", **wanted))
        )

    def visible(self, sobject: SObject, alias: str, *, by_id: bool = False) -> str | None:
        """Returns an SQL condition on `alias` for the rows that sharing shows, or None where it hides nothing.

        `by_id`: the query names the file's ids, which also shows files shared through a record (ContentVersion reference).
        """
        if sobject.name == "FieldPermissions":
            absent = self._features.absent_fields()
            return f"{alias}.Field not in ({', '.join(map(repr, absent))})" if absent else None
        if self.sees_all(sobject):
            return None
        match sobject.sharing:
            case "public":  # users, where they are private: oneself and those below in the role hierarchy
                return self._of_owners(f"{alias}.Id")
            case "owner":
                return self._visible_by_owner(sobject, alias)
            case "file":
                return self._visible_file(sobject, alias, by_id)
            case "mail":
                return self._visible_mail(sobject, alias)
        if sobject.sharing.startswith("user:"):
            return f"{alias}.{quoted(sobject.sharing.removeprefix('user:'))} = '{self.user_id}'"
        names = sobject.sharing.removeprefix("parent:").split(",")
        terms = [self._seen_through(alias, field) for field in map(sobject.field, names) if field is not None]
        terms += [
            self._of_owners(f"{alias}.{name}") for name in ("OwnerId", "CreatedById") if sobject.has(name)
        ]
        seen = f"({' or '.join(terms)})"
        if sobject.name != "Event":
            return seen
        # Whoever sees the record does not see what its colleague marked as private (Object Reference, Event, IsPrivate).
        return f"({seen} and ({alias}.IsPrivate = 0 or {self._of_owners(f'{alias}.OwnerId')}))"

    def _visible_by_owner(self, sobject: SObject, alias: str) -> str | None:
        """Returns the condition for an object with owners, under its organization-wide default (help, "Organization-Wide Defaults")."""
        terms = [self._of_owners(f"{alias}.OwnerId")]
        wide = self._wide.get(sobject.name)
        if wide in ("Read", "Edit"):
            if sobject.name != "Opportunity":
                return None
            terms.append(f"{alias}.IsPrivate = 0")
        elif wide == "ControlledByParent":
            account = sobject.field("AccountId")
            assert account is not None
            terms.append(self._seen_through(alias, account))
        if sobject.name == "Opportunity" and self._has_teams:
            team = f"select OpportunityId from OpportunityTeamMember where UserId = '{self.user_id}' and IsDeleted = 0"
            terms.append(f"({alias}.IsPrivate = 0 and {alias}.Id in ({team}))")
        return f"({' or '.join(terms)})"

    def _visible_mail(self, sobject: SObject, alias: str) -> str:
        """A mail on a case is seen with the case, any other with the task that logs it (Object Reference, EmailMessage, access)."""
        case, related = sobject.field("ParentId"), sobject.field("RelatedToId")
        assert case is not None
        assert related is not None
        task = self.visible(SOBJECTS["Task"], "task_") or "1"
        logged = f"exists (select 1 from Task task_ where task_.Id = {alias}.ActivityId and {task})"
        # The task is about what the mail is about (platform.py), so its own row is asked only where that does not open it.
        return (
            f"case when {alias}.ParentId is not null then {self._seen_through(alias, case)}"
            f" else {self._seen_through(alias, related)} or {logged} end"
        )

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

    def __init__(self, store: Tables, clock: Clock, switches: Switches) -> None:
        """Reads from `store`; `clock` tells which assignments expired, `switches` which features the org has."""
        self._store = store
        self._switches = switches
        self._clock = clock
        self._switches = switches
        self._known: dict[str, tuple[object, Access]] = {}

    def of(self, user_id: str) -> Access:
        """Returns the user's access as the records are now."""
        features = Features.of(self._store, self._switches)
        generation = (features, *(self._store.generation[name] for name in _DECIDING))
        known = self._known.get(user_id)
        now = as_stamp(self._clock.now())
        if known is None or known[0] != generation or known[1].valid_until <= now:
            known = self._known[user_id] = (generation, Access(self._store, user_id, now, features))
        return known[1]
