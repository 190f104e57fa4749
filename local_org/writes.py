"""What a create or update must hold to before it reaches the store: known and writable fields, types, lengths, references.

Refusals are in Salesforce's words (SOAP API Developer Guide, Core Data Types and Error Codes).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date

from local_org.errors import ApiError
from local_org.ids import to_18
from local_org.objects import SOBJECTS, Field, SObject, find, of_id
from local_org.org import Org
from local_org.soql import dates

_DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)", re.IGNORECASE)

# "Valid dates": SOAP API Developer Guide, Primitive Data Types, date.
FIRST_YEAR, LAST_YEAR = "1700", "4000"


def checked(org: Org, user_id: str, sobject_name: str, values: object) -> dict[str, object]:
    """Returns the values of a create by their canonical names, ready for the store; raises ApiError for what Salesforce refuses."""
    sobject = SOBJECTS[sobject_name]
    row = _known(org, user_id, sobject, values, lambda field: field.createable, "create")
    _validate(org, sobject)
    missing = [each.name for each in sobject.fields if each.required and row.get(each.name) in (None, "")]
    if missing:
        raise ApiError(
            400, "REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(missing)}]", missing
        )
    return row


def checked_changes(org: Org, user_id: str, sobject_name: str, values: object) -> dict[str, object]:
    """Returns the values of an update, likewise."""
    sobject = SOBJECTS[sobject_name]
    row = _known(org, user_id, sobject, values, lambda field: field.updateable, "update")
    _validate(org, sobject)
    emptied = [name for name, value in row.items() if value in (None, "") and _needs_value(sobject, name)]
    if emptied:
        raise ApiError(
            400, "REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(emptied)}]", emptied
        )
    return row


def _validate(org: Org, sobject: SObject) -> None:
    """Refuses the save where an administrator's validation rule says so (switch validation_rule_on)."""
    if org.switches.validation_rule_on == sobject.name:
        text = f"A validation rule of your administrator refuses this {sobject.label}"
        raise ApiError(400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", text, [])


def _needs_value(sobject: SObject, name: str) -> bool:
    field = sobject.field(name)
    return field is not None and not field.nillable


def _known(
    org: Org, user_id: str, sobject: SObject, values: object, allowed: Callable[[Field], bool], verb: str
) -> dict[str, object]:
    if not isinstance(values, dict):
        raise ApiError(400, "JSON_PARSER_ERROR", "The record must be a JSON object")
    access = org.security.of(user_id)
    row: dict[str, object] = {}
    for name, value in values.items():
        if name == "attributes":
            continue
        field = access.readable(sobject).get(name.lower())
        if field is None:
            raise ApiError(400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {sobject.name}")
        if not allowed(field) or not access.may_write(sobject, field):
            text = (
                f"Unable to {verb} fields: {field.name}. Please check the security settings of this field and verify that it is "
                "read/write for your profile or permission set."
            )
            raise ApiError(400, "INVALID_FIELD_FOR_INSERT_UPDATE", text, [field.name])
        row[field.name] = None if value is None else _typed(org, user_id, field, value)
    return row


def _mistyped(field: Field, value: object) -> ApiError:
    text = f"Cannot deserialize instance of {field.type} from the value given for {field.name} or request may be missing a required field"
    return ApiError(400, "JSON_PARSER_ERROR", text)


def _typed(org: Org, user_id: str, field: Field, value: object) -> object:
    match field.type:
        case "boolean":
            if not isinstance(value, bool):
                raise _mistyped(field, value)
            return value
        case "int" | "double" | "currency" | "percent":
            return _number(field, value)
        case "date" | "datetime":
            return _time(field, value)
        case "reference":
            return _reference(org, user_id, field, value)
        case _:
            return _text(field, value)


def _number(field: Field, value: object) -> float | int:
    try:
        number = float(str(value))
    except ValueError:
        raise _mistyped(field, value) from None
    if isinstance(value, bool):
        raise _mistyped(field, value)
    if field.type == "int":
        return int(number)
    if abs(number) >= 10 ** (field.precision - field.scale if field.precision > 3 else 3):
        message = f"{field.label}: value outside of valid range on numeric field: {value}"
        raise ApiError(400, "NUMBER_OUTSIDE_VALID_RANGE", message, [field.name])
    return round(number, field.scale)


def _time(field: Field, value: object) -> str:
    text = str(value)
    try:
        found = ""
        if field.type == "date":
            found = date.fromisoformat(text[:10]).isoformat()
        elif _DATETIME.fullmatch(text):
            found = dates.instant(text)[:19] + ".000Z"
    except ValueError:
        found = ""
    if not FIRST_YEAR <= found[:4] <= LAST_YEAR:
        raise _mistyped(field, value)
    return found


def _text(field: Field, value: object) -> str:
    if isinstance(value, dict | list):
        raise _mistyped(field, value)
    text = value if isinstance(value, str) else str(value)
    if field.length and len(text) > field.length:
        message = f"{field.label}: data value too large: {text[:80]} (max length={field.length})"
        raise ApiError(400, "STRING_TOO_LONG", message, [field.name])
    if field.restricted and text and text not in {each.value for each in field.values}:
        message = f"{field.label}: bad value for restricted picklist field: {text}"
        raise ApiError(400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, [field.name])
    return text


def _reference(org: Org, user_id: str, field: Field, value: object) -> str | None:
    """Returns the referenced id; it must be a live record, of an object that the field may point to, that the user sees."""
    if value == "":
        return None
    record_id = to_18(value) if isinstance(value, str) else None
    target = of_id(record_id) if record_id else None
    if record_id is None or (target is not None and target.name not in field.reference_to):
        raise ApiError(
            400, "MALFORMED_ID", f"{field.label}: id value of incorrect type: {value}", [field.name]
        )
    row = org.store.get(target.name, record_id) if target else None
    if target is None or row is None:
        raise ApiError(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [])
    if row.get("IsDeleted"):
        raise ApiError(400, "ENTITY_IS_DELETED", "entity is deleted", [])
    if not is_visible(org, user_id, target, record_id):
        raise insufficient(
            org,
            "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
            "insufficient access rights on cross-reference id",
        )
    return record_id


def insufficient(org: Org, code: str, message: str) -> ApiError:
    """Returns a refusal for lack of access; sources differ on its status, so it is a switch."""
    return ApiError(org.switches.insufficient_access_status, code, message, [])


def is_visible(org: Org, user_id: str, sobject: SObject, record_id: str) -> bool:
    """Tells whether sharing shows this record to the user."""
    access = org.security.of(user_id)
    condition = access.visible(sobject, "t", by_id=True) or "1"
    return access.may_read(sobject) and bool(
        org.store.select(f'select 1 from "{sobject.name}" t where t.Id = ? and {condition}', (record_id,))
    )


def live_row(org: Org, user_id: str, sobject_name: str, record_id: str) -> Mapping[str, object]:
    """Returns the row that a write names; raises ApiError 404 when the user sees none, ENTITY_IS_DELETED when it lies in the bin."""
    sobject = find(sobject_name)
    full = to_18(record_id)
    row = org.store.get(sobject.name, full) if sobject and full else None
    if sobject is None or row is None or not is_visible(org, user_id, sobject, str(full)):
        raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")
    if row.get("IsDeleted"):
        raise ApiError(400, "ENTITY_IS_DELETED", "entity is deleted", [])
    return row
