"""What the platform itself does when a row is saved: fields that follow from others, records that appear with it, rows that follow.

One function per object. Stands on the tables and saves no record itself: store.py does. Users' automation (flows, triggers) does not
exist in this org.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from local_org.clock import as_stamp
from local_org.objects import SObject, of_id
from local_org.schema import quoted
from local_org.tables import Tables

Row = dict[str, object]
_PARENTS = ("WhatId", "WhoId")
Derivation = Callable[[Tables, Mapping[str, object] | None, Row], None]


@dataclass(frozen=True)
class Companion:
    """A record that comes into being with another one, the field of the other one that then names it, and the ids of those it replaces."""

    sobject: str
    values: Mapping[str, object]
    named_in: str | None = None
    replaces: tuple[str, ...] = ()


def derive(tables: Tables, sobject: SObject, before: Mapping[str, object] | None, changed: Row) -> None:
    """Adds to `changed` (a new row, or the changed columns of the row `before`) what follows from it."""
    derivation = _DERIVATIONS.get(sobject.name)
    if derivation is not None:
        derivation(tables, before, changed)


def companions(
    tables: Tables,
    sobject: SObject,
    before: Mapping[str, object] | None,
    changed: Mapping[str, object],
    by: str,
) -> list[Companion]:
    """Returns the records that the platform makes along with a saved one, which is new where `before` is None."""
    row = {**(before or {}), **changed}
    if sobject.name == "User" and (before is None or row["ProfileId"] != before["ProfileId"]):
        return profile_assignment(tables, row)
    if before is not None:
        return []
    if sobject.name == "Profile":
        return [_own_permission_set(row)]
    if sobject.name == "EmailMessage" and row.get("ParentId") is None and row.get("ActivityId") is None:
        return [_logged_mail(row, by)]
    return []


def after_save(
    tables: Tables, sobject: SObject, before: Mapping[str, object] | None, changed: Mapping[str, object]
) -> None:
    """Carries a saved row (new where `before` is None) over to the rows that must follow it."""
    if sobject.name in ("Event", "Task"):
        _note_activity(tables, before or {})
        _note_activity(tables, {**(before or {}), **changed})
    if before is None:
        return
    if sobject.name in ("Profile", "PermissionSet"):
        _share_permissions(tables, sobject, before, changed)
    elif sobject.name == "OpportunityStage":
        _rename_stage(tables, before, changed)
    elif sobject.name == "EmailMessage":
        _relate_task(tables, before, changed)
    elif sobject.name == "ContentDocument" and "OwnerId" in changed:
        # "ID of the owner of this document" (Object Reference, ContentVersion, OwnerId).
        for version in tables.find_ids("ContentVersion", ContentDocumentId=before["Id"]):
            tables.overwrite("ContentVersion", version, {"OwnerId": changed["OwnerId"]})


def follow(tables: Tables, sobject: str, row: Mapping[str, object]) -> list[str]:
    """Gives the ids of the records that move when this row, as it is or will be, is saved or deleted: what an activity is about."""
    about = [row.get(field) for field in _PARENTS] if sobject in ("Event", "Task") else []
    if sobject == "EmailMessage":
        task = tables.get("Task", str(row.get("ActivityId") or "")) or {}
        about = [row.get("RelatedToId"), task.get("Id"), *(task.get(field) for field in _PARENTS)]
    return [str(each) for each in about if each]


def after_deletion(tables: Tables, sobject: str, record_id: str) -> None:
    """Carries a row that was deleted, or restored, over to the rows that must follow it."""
    if sobject in ("Event", "Task"):
        _note_activity(tables, tables.get(sobject, record_id) or {})


def _share_permissions(
    tables: Tables, sobject: SObject, before: Mapping[str, object], changed: Mapping[str, object]
) -> None:
    """A profile and the permission set that it owns say the same."""
    system = {name: value for name, value in changed.items() if name.startswith("Permissions")}
    if not system:
        return
    if sobject.name == "Profile":
        for owned in tables.find_ids("PermissionSet", ProfileId=before["Id"], IsOwnedByProfile=1):
            tables.overwrite("PermissionSet", owned, system)
    elif before.get("IsOwnedByProfile"):
        tables.overwrite("Profile", str(before["ProfileId"]), system)


def _rename_stage(tables: Tables, before: Mapping[str, object], changed: Mapping[str, object]) -> None:
    """A picklist value that is renamed is renamed in every row: a change by the system (API sheet 6)."""
    old, new = before["ApiName"], changed.get("ApiName")
    if new is None or new == old:
        return
    stamp = changed["SystemModstamp"]
    for renamed in tables.find_ids("Opportunity", StageName=old):
        tables.refuse_locked(renamed)
    tables.touch("Opportunity")
    tables.execute(
        "update Opportunity set StageName = ?, SystemModstamp = ? where StageName = ?", (new, stamp, old)
    )


def _relate_task(tables: Tables, before: Mapping[str, object], changed: Mapping[str, object]) -> None:
    """The task that logs a mail is about what the mail is about, also when that changes."""
    task = tables.get("Task", str(before.get("ActivityId") or ""))
    if task is None or "RelatedToId" not in changed or changed["RelatedToId"] == task["WhatId"]:
        return
    moved = {"WhatId": changed["RelatedToId"], "SystemModstamp": changed["SystemModstamp"]}
    tables.overwrite("Task", str(task["Id"]), moved)
    _note_activity(tables, task)
    _note_activity(tables, {**task, **moved})


def _note_activity(tables: Tables, activity: Mapping[str, object]) -> None:
    """LastActivityDate is the latest of the dates of a record's events and of the due dates of its closed tasks; only SystemModstamp
    moves with it (API sheet 6). Raises RowLockedError when somebody else's transaction writes such a record: with an older stamp it
    would take the new one back."""
    for field in _PARENTS:
        parent_id = str(activity.get(field) or "")
        parent = of_id(parent_id)
        if parent is None or not parent.has("LastActivityDate"):
            continue
        tables.refuse_locked(parent_id)
        latest = tables.select(
            f"select max(ActivityDate) from (select ActivityDate from Task where {field} = ?1 and IsClosed = 1 and IsDeleted = 0"
            f" union all select ActivityDate from Event where {field} = ?1 and IsDeleted = 0)",
            (parent_id,),
        )[0][0]
        tables.touch(parent.name)
        tables.execute(
            f"update {quoted(parent.name)} set LastActivityDate = ?1, SystemModstamp = max(SystemModstamp, ?2)"
            " where Id = ?3 and LastActivityDate is not ?1 and IsDeleted = 0",
            (latest, tables.clock.stamp(), parent_id),
        )


def _number(value: object) -> float | None:
    return None if value is None else float(str(value))


def _person(tables: Tables, before: Mapping[str, object] | None, changed: Row) -> None:
    now = {**(before or {}), **changed}
    changed["Name"] = " ".join(str(now[part]) for part in ("FirstName", "LastName") if now.get(part))


def _opportunity(tables: Tables, before: Mapping[str, object] | None, changed: Row) -> None:
    old = before or {}
    if "StageName" in changed and changed["StageName"] != old.get("StageName"):
        _enter_stage(tables, changed)
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


def _enter_stage(tables: Tables, changed: Row) -> None:
    """A stage brings its probability and forecast along unless the same save sets them (Object Reference, Opportunity)."""
    found = tables.select(
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


def _email(tables: Tables, before: Mapping[str, object] | None, changed: Row) -> None:
    if "Subject" in changed or before is None:
        changed["Name"] = str(changed.get("Subject") or "Email")[:255]


def _relation(tables: Tables, before: Mapping[str, object] | None, changed: Row) -> None:
    kinds = {"003": "Contact", "005": "User", "00Q": "Lead"}
    if changed.get("RelationId"):
        changed["RelationObjectType"] = kinds.get(str(changed["RelationId"])[:3])


def _task(tables: Tables, before: Mapping[str, object] | None, changed: Row) -> None:
    if "Status" in changed:
        changed["IsClosed"] = int(changed["Status"] == "Completed")
        changed["CompletedDateTime"] = changed["SystemModstamp"] if changed["IsClosed"] else None
    if "Priority" in changed:
        changed["IsHighPriority"] = int(changed["Priority"] == "High")


def _event(tables: Tables, before: Mapping[str, object] | None, changed: Row) -> None:
    """Start, end, duration and date of an event say the same, whichever of them were given (Object Reference, Event)."""
    now = {**(before or {}), **changed}
    start = changed.get("StartDateTime") or changed.get("ActivityDateTime") or now.get("StartDateTime")
    if start is None:
        return
    begins = datetime.fromisoformat(str(start))
    if changed.get("EndDateTime"):
        minutes = (datetime.fromisoformat(str(changed["EndDateTime"])) - begins) // timedelta(minutes=1)
    else:
        minutes = int(str(now.get("DurationInMinutes") or 60))
    changed.update(
        StartDateTime=start,
        ActivityDateTime=None if now.get("IsAllDayEvent") else start,
        ActivityDate=str(start)[:10],
        DurationInMinutes=minutes,
        EndDateTime=as_stamp(begins + timedelta(minutes=minutes)),
    )


def _case(tables: Tables, before: Mapping[str, object] | None, changed: Row) -> None:
    if "Status" in changed:
        changed["IsClosed"] = int(changed["Status"] == "Closed")
    if before is None and changed.get("CaseNumber") is None:
        changed["CaseNumber"] = f"{len(tables.find_ids('Case')) + 1001:08d}"


def _own_permission_set(profile: Mapping[str, object]) -> Companion:
    """Every profile owns one hidden permission set, which carries its permissions (Object Reference, PermissionSet)."""
    system = {name: value for name, value in profile.items() if name.startswith("Permissions")}
    own = {
        "Name": f"X{profile['Id']}",
        "Label": profile["Id"],
        "ProfileId": profile["Id"],
        "IsOwnedByProfile": True,
        "Type": "Profile",
    }
    return Companion("PermissionSet", own | system)


def profile_assignment(tables: Tables, user: Mapping[str, object]) -> list[Companion]:
    """Returns the one assignment that every profile brings to its users: of the permission set that the profile owns."""
    held = tables.select(
        "select a.Id from PermissionSetAssignment a join PermissionSet s on s.Id = a.PermissionSetId"
        " where a.AssigneeId = ? and s.IsOwnedByProfile = 1",
        (user["Id"],),
    )
    if not user.get("ProfileId"):
        return []
    owned = tables.find_ids("PermissionSet", ProfileId=user["ProfileId"], IsOwnedByProfile=1)
    replaced = tuple(str(row[0]) for row in held)
    values = [{"PermissionSetId": each, "AssigneeId": user["Id"]} for each in owned]
    return [Companion("PermissionSetAssignment", each, replaces=replaced) for each in values]


def _logged_mail(mail: Mapping[str, object], by: str) -> Companion:
    """A mail that belongs to no case is logged as a completed task (Object Reference, EmailMessage, ActivityId)."""
    values = {
        "Subject": f"Email: {mail.get('Subject') or ''}"[:255],
        "WhatId": mail.get("RelatedToId"),
        "ActivityDate": str(mail.get("MessageDate") or mail["CreatedDate"])[:10],
        "Status": "Completed",
        "TaskSubtype": "Email",
        "OwnerId": by,
    }
    return Companion("Task", values, named_in="ActivityId")


_DERIVATIONS: dict[str, Derivation] = {
    "Contact": _person, "User": _person, "Opportunity": _opportunity, "EmailMessage": _email,
    "EmailMessageRelation": _relation, "Task": _task, "Event": _event, "Case": _case,
}  # fmt: skip
