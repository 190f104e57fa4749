"""What the integration user is allowed, as far as its own permission records tell, and what of it changed (R8).

Losing access looks like a deletion and leaves no key; this is what tells the two apart. Facts are names of permissions and ids of
profiles, roles and permission sets: a text may quote them. Whether the set-up is right is not judged here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orchestration.errors import FluintError, MissingFieldError, ObjectUnavailableError, RejectedRequestError
from orchestration.salesforce import soql
from orchestration.salesforce.client import Salesforce
from orchestration.sync.objects import BY_TABLE, CATALOGUE

YES, NO = "yes", "no"
USER = "integration user"
USER_OBJECT = "User"
RECORDS = "permission records"
READABLE, NOT_READABLE = "readable", "not readable"
SETS = "permission sets"
VIEW_ALL_DATA, MODIFY_ALL_DATA = "View All Data", "Modify All Data"
# Whose View All shows every row of an object, where it is not the object's own. A role is seen with its opportunity. A mail is seen
# with what it is about or with the task that logs it, an activity with its owner or what it is about (object reference): nothing but
# View All Data proves that none is hidden.
_GOVERNED_BY = {"OpportunityContactRole": "Opportunity", "EmailMessage": None, "Task": None, "Event": None}
OBJECTS = tuple(
    sorted(
        {sobject.name for sobject in CATALOGUE if not sobject.is_whole and sobject.name not in _GOVERNED_BY}
    )
)
SHARED = (
    "Account",
    "Contact",
    "Opportunity",
)  # those whose organization-wide default the org's own record tells
_FLAGS = {
    "PermissionsRead": "Read",
    "PermissionsViewAllRecords": "View All Records",
    "PermissionsModifyAllRecords": "Modify All Records",
}
_REFUSED = (MissingFieldError, ObjectUnavailableError, RejectedRequestError)


@dataclass(frozen=True)
class Permissions:
    """Facts by name; without View Setup only whose session it is can be told."""

    facts: Mapping[str, str]

    @property
    def are_told(self) -> bool:
        """Whether the permission records could be read."""
        return self.facts.get(RECORDS) == READABLE

    def views_all(self, table: str) -> bool:
        """Whether it is proven that sharing hides no row of this raw table's object."""
        name = BY_TABLE[table].name
        if name == USER_OBJECT:
            return False  # nobody can delete a user
        governing = _GOVERNED_BY.get(name, name)
        names = [VIEW_ALL_DATA, MODIFY_ALL_DATA]
        if governing:
            names += [on("View All Records", governing), on("Modify All Records", governing)]
        return any(self.facts.get(name) == YES for name in names)


def on(permission: str, sobject: str) -> str:
    """An object permission as Salesforce's set-up names it."""
    return f"{permission} on {sobject}"


@dataclass(frozen=True)
class Change:
    """One thing that changed, as a sentence without its full stop; `may_hide`: it took access away, or that cannot be told."""

    text: str
    may_hide: bool

    def __str__(self) -> str:
        return self.text


def changes(before: Permissions | None, now: Permissions) -> list[Change]:
    """What changed; empty when nothing did, or nothing was known before.

    Only what was known both times is compared: a fact that a later release asks for was not granted by anybody.
    """
    if before is None:
        return []
    both = sorted(before.facts.keys() & now.facts.keys())
    return [change for name in both for change in _change(name, before.facts[name], now.facts[name])]


def _change(name: str, was: str, is_: str) -> Iterable[Change]:
    if was == is_:
        return
    if name == RECORDS:
        yield (
            Change("the permission records can be read again", may_hide=False)
            if is_ == READABLE
            else Change(
                "the permission records can no longer be read (View Setup and Configuration), so what else changed cannot be told",
                may_hide=True,
            )
        )
    elif name == SETS:
        old, new = set(filter(None, was.split(","))), set(filter(None, is_.split(",")))
        yield from (Change(f"the permission set {each} was taken away", True) for each in sorted(old - new))
        yield from (Change(f"the permission set {each} was assigned", False) for each in sorted(new - old))
    elif {was, is_} == {YES, NO}:
        yield Change(f"{name} was {'granted' if is_ == YES else 'taken away'}", may_hide=is_ == NO)
    else:
        yield Change(f"the {name} is {is_} and was {was}", may_hide=True)


def ask_permissions(salesforce: Salesforce) -> Permissions:
    """Asks for the facts, at two calls. Raises what stopped the asking; a refusal is a fact."""
    user_id = salesforce.identity().user_id
    facts = {USER: user_id, RECORDS: NOT_READABLE}
    try:
        return Permissions(facts | _read(salesforce, user_id) | {RECORDS: READABLE})
    except _REFUSED:
        return Permissions(facts)


def _read(salesforce: Salesforce, user_id: str) -> dict[str, str]:
    assigned = ["PermissionSetId", "IsActive", "IsRevoked", "ExpirationDate"]
    defaults = [f"Default{sobject}Access" for sobject in SHARED]
    users, assignments, org = salesforce.query_many(
        [
            soql.select(["Id", "ProfileId", "UserRoleId"], "User", [soql.equal("Id", user_id)]),
            soql.select(assigned, "PermissionSetAssignment", [soql.equal("AssigneeId", user_id)]),
            soql.select(defaults, "Organization"),
        ]
    )
    user, own = _records(users), _records(assignments)
    sets = sorted({str(row["PermissionSetId"]) for row in own if _counts(row, salesforce.server_time())})
    if not user or not sets:
        raise ObjectUnavailableError("The permission records of the integration user are not shown to it.")
    facts = {
        "profile": str(user[0]["ProfileId"]),
        "role": str(user[0]["UserRoleId"] or "none"),
        SETS: ",".join(sets),
    }
    # Not every org shows them; then a change of them cannot be told.
    shared = [] if isinstance(org, _REFUSED) else _records(org)
    for row in shared[:1]:
        facts |= {f"organization-wide default of {name}": str(row[f"Default{name}Access"]) for name in SHARED}
    return facts | _granted(salesforce, sets)


def _counts(assignment: Mapping[str, Any], now: datetime) -> bool:
    expires = assignment["ExpirationDate"]
    has_expired = bool(expires) and datetime.fromisoformat(expires) <= now
    return bool(assignment["IsActive"]) and not assignment["IsRevoked"] and not has_expired


def _granted(salesforce: Salesforce, sets: Sequence[str]) -> dict[str, str]:
    """What any of the permission sets grants, the one that the profile owns among them."""
    system = {"PermissionsViewAllData": VIEW_ALL_DATA, "PermissionsModifyAllData": MODIFY_ALL_DATA}
    of_objects = [soql.is_in("ParentId", sets), soql.is_in("SobjectType", OBJECTS)]
    system_rows, object_rows = map(
        _records,
        salesforce.query_many(
            [
                soql.select(["Id", *system], "PermissionSet", [soql.is_in("Id", sets)]),
                soql.select(["ParentId", "SobjectType", *_FLAGS], "ObjectPermissions", of_objects),
            ]
        ),
    )
    facts = {label: _flag(row[name] for row in system_rows) for name, label in system.items()}
    for sobject in OBJECTS:
        rows = [row for row in object_rows if row["SobjectType"] == sobject]
        facts |= {on(label, sobject): _flag(row[name] for row in rows) for name, label in _FLAGS.items()}
    return facts


def _flag(values: Iterable[Any]) -> str:
    return YES if any(values) else NO


def _records(answer: Any) -> list[dict[str, Any]]:
    """The records of an answer of one page; permission sets and their grants are few."""
    if isinstance(answer, FluintError):
        raise answer
    records: list[dict[str, Any]] = answer.records()
    return records
