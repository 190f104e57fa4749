"""Creating, updating and deleting up to 200 records in one call (REST API Developer Guide, sObject Collections).

Reading many by id is in composite.py, with which it shares the limit on queries and collections.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from local_org.errors import ApiError
from local_org.objects import of_id
from local_org.rest.dispatch import Answer, Call, resource, respond

MAX_RECORDS = 200
_Results = list[dict[str, object]]


class _RolledBackError(Exception):
    """A record failed and all or none was asked for."""


@resource("POST", "/composite/sobjects")
def create(call: Call) -> Answer:
    """Creates records of the objects that their attributes name."""
    return _each(
        call, _records(call), lambda record: _sub(call, "POST", f"/sobjects/{_kind(record)}", _values(record))
    )


@resource("PATCH", "/composite/sobjects")
def update(call: Call) -> Answer:
    """Updates records by their id."""
    return _each(
        call,
        _records(call),
        lambda record: _sub(
            call, "PATCH", f"/sobjects/{_kind(record)}/{record.get('id', record.get('Id'))}", _values(record)
        ),
    )


@resource("DELETE", "/composite/sobjects")
def delete(call: Call) -> Answer:
    """Deletes the records named in `ids`, of whichever objects."""
    ids = [each for each in call.query.get("ids", "").split(",") if each]
    all_or_none = call.query.get("allOrNone", "false").lower() == "true"
    return _each(
        call, [{"id": each} for each in ids], lambda record: _remove(call, str(record["id"])), all_or_none
    )


def _remove(call: Call, record_id: str) -> Answer:
    sobject = of_id(record_id)
    return _sub(call, "DELETE", f"/sobjects/{sobject.name if sobject else 'unknown'}/{record_id}", None)


def _records(call: Call) -> list[dict[str, Any]]:
    body = call.json()
    found = body.get("records") if isinstance(body, dict) else None
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ApiError(400, "JSON_PARSER_ERROR", "The request needs records: a list of objects")
    return found


def _kind(record: dict[str, Any]) -> str:
    return str((record.get("attributes") or {}).get("type"))


def _values(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name.lower() != "id"}


def _sub(call: Call, method: str, path: str, body: object) -> Answer:
    return respond(Call(call.org, call.user_id, call.version, method, path, {}, {}, b"", body))


def _each(
    call: Call,
    wanted: list[dict[str, Any]],
    act: Callable[[dict[str, Any]], Answer],
    all_or_none: bool = False,
) -> Answer:
    """Answers 200 with one result per record, in order; with allOrNone a failure undoes the others."""
    if len(wanted) > MAX_RECORDS:
        message = f"record limit reached. cannot submit more than {MAX_RECORDS} records into this call"
        raise ApiError(400, "EXCEEDED_ID_LIMIT", message)
    if call.method != "DELETE":
        all_or_none = bool(call.json().get("allOrNone"))
    results: _Results = []
    try:
        with call.org.store.savepoint() if all_or_none else nullcontext():
            for record in wanted:
                results.append(_result(record, act(record)))
            if all_or_none and not all(each["success"] for each in results):
                raise _RolledBackError
    except _RolledBackError:
        results = [_undone(each) for each in results]
    return Answer(results)


def _result(record: dict[str, Any], answer: Answer) -> dict[str, object]:
    if answer.status < 300:
        made = answer.body["id"] if isinstance(answer.body, dict) else record.get("id", record.get("Id"))
        return {"id": made, "success": True, "errors": []}
    assert isinstance(answer.body, list)
    errors = [
        {"statusCode": each["errorCode"], "message": each["message"], "fields": each.get("fields", [])}
        for each in answer.body
    ]
    return {"success": False, "errors": errors}


def _undone(result: dict[str, object]) -> dict[str, object]:
    if not result["success"]:
        return result
    message = (
        "Record rolled back because not all records were valid and the request was using AllOrNone header"
    )
    return {
        "success": False,
        "errors": [{"statusCode": "ALL_OR_NONE_OPERATION_ROLLED_BACK", "message": message, "fields": []}],
    }
