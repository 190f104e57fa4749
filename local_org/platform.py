"""What the platform itself does to a row when it is saved: fields that follow from others, records that appear with it.

One function per object, each pure but for looking up the stage. Users' automation (flows, triggers) does not exist in this org.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import TYPE_CHECKING

from local_org.objects import SObject

if TYPE_CHECKING:
    from local_org.store import Store

Row = dict[str, object]
Derivation = Callable[["Store", Mapping[str, object] | None, Row], None]


def derive(store: Store, sobject: SObject, before: Mapping[str, object] | None, changed: Row) -> None:
    """Adds to `changed` (a new row, or the changed columns of the row `before`) what follows from it."""
    derivation = _DERIVATIONS.get(sobject.name)
    if derivation is not None:
        derivation(store, before, changed)


def after_insert(store: Store, sobject: SObject, row: Mapping[str, object], by: str) -> None:
    """Adds the records that the platform makes along with a new one."""
    if sobject.name == "Profile":
        _own_permission_set(store, row, by)
    elif sobject.name == "User":
        assign_profile(store, row, by)
    elif sobject.name == "EmailMessage" and row.get("ParentId") is None and row.get("ActivityId") is None:
        _log_mail(store, row, by)


def after_update(
    store: Store, sobject: SObject, before: Mapping[str, object], changed: Mapping[str, object]
) -> None:
    """Carries a change over to the record that must say the same: a profile and the permission set that it owns, a user's assignment."""
    if sobject.name == "User" and changed.get("ProfileId", before["ProfileId"]) != before["ProfileId"]:
        assign_profile(store, {**before, **changed}, str(changed["LastModifiedById"]))
    system = {name: value for name, value in changed.items() if name.startswith("Permissions")}
    if not system:
        return
    if sobject.name == "Profile":
        for owned in store.find_ids("PermissionSet", ProfileId=before["Id"], IsOwnedByProfile=1):
            store.overwrite("PermissionSet", owned, system)
    elif sobject.name == "PermissionSet" and before.get("IsOwnedByProfile"):
        store.overwrite("Profile", str(before["ProfileId"]), system)


def _number(value: object) -> float | None:
    return None if value is None else float(str(value))


def _person(store: Store, before: Mapping[str, object] | None, changed: Row) -> None:
    now = {**(before or {}), **changed}
    changed["Name"] = " ".join(str(now[part]) for part in ("FirstName", "LastName") if now.get(part))


def _opportunity(store: Store, before: Mapping[str, object] | None, changed: Row) -> None:
    old = before or {}
    if "StageName" in changed and changed["StageName"] != old.get("StageName"):
        _enter_stage(store, changed)
        if before is not None:
            changed["LastStageChangeDate"] = changed["SystemModstamp"]
    now = {**old, **changed}
    amount, probability = _number(now.get("Amount")), _number(now.get("Probability"))
    changed["ExpectedRevenue"] = (
        None if amount is None or probability is None else round(amount * probability / 100, 2)
    )
    if now.get("CloseDate"):
        close = date.fromisoformat(str(now["CloseDate"]))
        quarter = (close.month + 2) // 3
        changed.update(FiscalYear=close.year, FiscalQuarter=quarter, Fiscal=f"{close.year} {quarter}")


def _enter_stage(store: Store, changed: Row) -> None:
    """A stage brings its probability and forecast along unless the same save sets them (Object Reference, Opportunity)."""
    found = store.select(
        "select IsClosed, IsWon, DefaultProbability, ForecastCategory, ForecastCategoryName from OpportunityStage"
        " where ApiName = ?1 or MasterLabel = ?1 order by IsActive desc",
        (changed["StageName"],),
    )
    closed, won, probability, category, category_name = (
        found[0] if found else (0, 0, 0.0, "Pipeline", "Pipeline")
    )
    changed.update(IsClosed=closed, IsWon=won, ForecastCategory=category)
    if changed.get("Probability") is None:
        changed["Probability"] = probability
    if changed.get("ForecastCategoryName") is None:
        changed["ForecastCategoryName"] = category_name


def _email(store: Store, before: Mapping[str, object] | None, changed: Row) -> None:
    if "Subject" in changed or before is None:
        changed["Name"] = str(changed.get("Subject") or "Email")[:255]


def _relation(store: Store, before: Mapping[str, object] | None, changed: Row) -> None:
    kinds = {"003": "Contact", "005": "User", "00Q": "Lead"}
    if changed.get("RelationId"):
        changed["RelationObjectType"] = kinds.get(str(changed["RelationId"])[:3])


def _task(store: Store, before: Mapping[str, object] | None, changed: Row) -> None:
    if "Status" in changed:
        changed["IsClosed"] = int(changed["Status"] == "Completed")


def _case(store: Store, before: Mapping[str, object] | None, changed: Row) -> None:
    if "Status" in changed:
        changed["IsClosed"] = int(changed["Status"] == "Closed")
    if before is None and changed.get("CaseNumber") is None:
        changed["CaseNumber"] = f"{len(store.find_ids('Case')) + 1001:08d}"


def _own_permission_set(store: Store, profile: Mapping[str, object], by: str) -> None:
    """Every profile owns one hidden permission set, which carries its permissions (Object Reference, PermissionSet)."""
    system = {name: value for name, value in profile.items() if name.startswith("Permissions")}
    store.insert(
        "PermissionSet",
        {
            "Name": f"X{profile['Id']}",
            "Label": profile["Id"],
            "ProfileId": profile["Id"],
            "IsOwnedByProfile": True,
            "Type": "Profile",
            **system,
        },
        by=by,
    )


def assign_profile(store: Store, user: Mapping[str, object], by: str) -> None:
    """Gives a user the one assignment that every profile brings: of the permission set that the profile owns."""
    held = store.select(
        "select a.Id from PermissionSetAssignment a join PermissionSet s on s.Id = a.PermissionSetId"
        " where a.AssigneeId = ? and s.IsOwnedByProfile = 1",
        (user["Id"],),
    )
    for (assignment,) in held:
        store.delete("PermissionSetAssignment", str(assignment), by=by)
    for owned in (
        store.find_ids("PermissionSet", ProfileId=user["ProfileId"], IsOwnedByProfile=1)
        if user.get("ProfileId")
        else []
    ):
        store.insert("PermissionSetAssignment", {"PermissionSetId": owned, "AssigneeId": user["Id"]}, by=by)


def _log_mail(store: Store, mail: Mapping[str, object], by: str) -> None:
    """A mail that belongs to no case is logged as a completed task (Object Reference, EmailMessage, ActivityId)."""
    values = {
        "Subject": f"Email: {mail.get('Subject') or ''}"[:255],
        "WhatId": mail.get("RelatedToId"),
        "Status": "Completed",
        "TaskSubtype": "Email",
    }
    task = store.insert("Task", {**values, "OwnerId": by}, by=by)
    store.overwrite("EmailMessage", str(mail["Id"]), {"ActivityId": task})


_DERIVATIONS: dict[str, Derivation] = {
    "Contact": _person, "User": _person, "Opportunity": _opportunity, "EmailMessage": _email,
    "EmailMessageRelation": _relation, "Task": _task, "Case": _case,
}  # fmt: skip
