"""Single records: create, read, update, delete (REST API Developer Guide, sObject Rows)."""

from __future__ import annotations

from collections.abc import Mapping

from local_org import writes
from local_org.errors import ApiError, not_found
from local_org.file_routes import create_from_json
from local_org.ids import to_18
from local_org.objects import SObject
from local_org.rest.describe import visible_object
from local_org.rest.dispatch import Answer, Call, resource

_DRAFT = "5"


@resource("POST", "/sobjects/{sobject}")
def create(call: Call, sobject: str) -> Answer:
    """Creates a record: 201 with its id and Location."""
    found = visible_object(call, sobject)
    if not found.createable:
        raise ApiError(
            400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", f"entity type cannot be inserted: {found.label}", []
        )
    _need(call, "Create", found)
    record_id = _insert(call, found)
    return Answer(
        {"id": record_id, "success": True, "errors": []},
        201,
        {"Location": f"{call.base}/sobjects/{found.name}/{record_id}"},
    )


def _insert(call: Call, sobject: SObject) -> str:
    if sobject.name == "ContentVersion":
        return create_from_json(call.org, call.user_id, call.json())
    values = writes.checked(call.org, call.user_id, sobject.name, call.json())
    return call.org.store.insert(sobject.name, values, by=call.user_id)


def _need(call: Call, action: str, sobject: SObject) -> None:
    if not call.access.may(action, sobject):
        raise writes.insufficient(
            call.org, "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id"
        )


@resource("GET", "/sobjects/{sobject}/{record_id}")
def read(call: Call, sobject: str, record_id: str) -> Answer:
    """Reads a live record, all visible fields or those named in `fields`."""
    found = visible_object(call, sobject)
    full = to_18(record_id)
    if full is None or not found.retrieveable:
        raise not_found()
    named = call.query.get("fields")
    wanted = named.split(",") if named else [each.name for each in call.access.readable(found).values()]
    records = records_by_id(call, found, [full], wanted)
    if records[0] is None:
        raise not_found()
    return Answer(records[0])


def records_by_id(
    call: Call, sobject: SObject, ids: list[str], fields: list[str]
) -> list[dict[str, object] | None]:
    """Returns the records of these 18-character ids in this order, None for one that is missing, deleted or invisible."""
    readable = call.access.readable(sobject)
    unknown = [each for each in fields if each.strip().lower() not in readable]
    if unknown:
        raise ApiError(
            400, "INVALID_FIELD", f"No such column '{unknown[0]}' on sobject of type {sobject.name}"
        )
    names = list(dict.fromkeys(readable[each.strip().lower()].name for each in fields))
    named = ", ".join(f"'{each}'" for each in dict.fromkeys(ids))
    statement = f"SELECT {', '.join(names)} FROM {sobject.name} WHERE Id IN ({named})"
    result = call.org.query(statement, user_id=call.user_id, include_deleted=False)
    assert result.plan.node is not None
    key = result.plan.node.key
    found = {str(row[key]): result.to_record(row, call.version) for row in result.page(result.ids())}
    return [found.get(each) for each in ids]


@resource("PATCH", "/sobjects/{sobject}/{record_id}")
def update(call: Call, sobject: str, record_id: str) -> Answer:
    """Updates a record: 204."""
    found = visible_object(call, sobject)
    before = writes.live_row(call.org, call.user_id, found.name, record_id)
    if not found.updateable:
        raise ApiError(
            400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", f"entity type cannot be updated: {found.label}", []
        )
    _need(call, "Edit", found)
    _need_own(call, found, before)
    values = writes.checked_changes(call.org, call.user_id, found.name, call.json())
    if found.name == "EmailMessage" and before["Status"] != _DRAFT and set(values) - {"IsExternallyVisible"}:
        # Object Reference, EmailMessage: only drafts can be changed.
        raise writes.insufficient(
            call.org, "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id"
        )
    call.org.store.update(found.name, str(before["Id"]), values, by=call.user_id)
    return Answer(status=204)


def _need_own(call: Call, sobject: SObject, row: Mapping[str, object]) -> None:
    """Seeing a record by View All does not let one change it: that takes ownership, a role above it, or Modify All."""
    if not call.access.may_change(sobject, row):
        raise writes.insufficient(
            call.org, "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id"
        )


@resource("DELETE", "/sobjects/{sobject}/{record_id}")
def delete(call: Call, sobject: str, record_id: str) -> Answer:
    """Deletes a record: 204; it goes to the recycle bin with what hangs on it."""
    found = visible_object(call, sobject)
    before = writes.live_row(call.org, call.user_id, found.name, record_id)
    if not found.deletable:
        raise ApiError(
            400, "INVALID_TYPE_FOR_OPERATION", f"entity type {found.name} does not support delete", []
        )
    _need(call, "Delete", found)
    _need_own(call, found, before)
    call.org.store.delete(found.name, str(before["Id"]), by=call.user_id)
    return Answer(status=204)
