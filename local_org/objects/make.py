"""Short constructors for fields of each type, with the attributes that every field of that type has in a real describe."""

from __future__ import annotations

import re

from local_org.objects.fields import LONG_TEXT, Field, Value

_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def _label(name: str) -> str:
    words = _WORDS.split(name.removesuffix("__c").replace("_", " "))
    return " ".join(words[:-1] if len(words) > 1 and words[-1] == "Id" else words) + (
        " ID" if len(words) > 1 and words[-1] == "Id" else ""
    )


def make(name: str, kind: str, flags: str = "NCU", **more: object) -> Field:
    """Returns a field of a describe type; `flags`: N nillable, C createable, U updateable.

    Required and read-only system fields are always visible (no field-level security): give `permissionable=False`.
    """
    nillable = "N" in flags
    given: dict[str, object] = {
        "label": _label(name),
        "nillable": nillable,
        "createable": "C" in flags,
        "updateable": "U" in flags,
        "permissionable": nillable,
        "custom": name.endswith("__c"),
    }
    return Field(name, kind, **(given | more))  # type: ignore[arg-type]


def text(name: str, length: int, flags: str = "NCU", **more: object) -> Field:
    """Returns a single-line text."""
    return make(name, "string", flags, length=length, **more)


def area(name: str, length: int, flags: str = "NCU", **more: object) -> Field:
    """Returns a text area; long ones can be neither filtered, sorted nor grouped by."""
    short = length < LONG_TEXT
    return make(
        name,
        "textarea",
        flags,
        **(
            {
                "length": length,
                "filterable": short,
                "sortable": short,
                "groupable": short,
                "extra_type": "plaintextarea",
            }
            | more
        ),
    )


def flag(name: str, flags: str = "", **more: object) -> Field:
    """Returns a checkbox: never null, false unless given."""
    return make(
        name,
        "boolean",
        flags.replace("N", ""),
        **(
            {"defaulted_on_create": True, "default": False, "permissionable": "C" in flags or "U" in flags}
            | more
        ),
    )


def number(
    name: str, precision: int, scale: int, flags: str = "NCU", kind: str = "double", **more: object
) -> Field:
    """Returns a double, currency or percent; these cannot be grouped by."""
    return make(name, kind, flags, **({"precision": precision, "scale": scale, "groupable": False} | more))


def integer(name: str, flags: str = "N", **more: object) -> Field:
    """Returns a whole number."""
    return make(name, "int", flags, **({"digits": 9} | more))


def when(name: str, flags: str = "N", **more: object) -> Field:
    """Returns a point in time (UTC, seconds); cannot be grouped by as it is."""
    return make(name, "datetime", flags, **({"groupable": False} | more))


def day(name: str, flags: str = "NCU", **more: object) -> Field:
    """Returns a date."""
    return make(name, "date", flags, **more)


def picklist(
    name: str,
    length: int,
    values: tuple[Value, ...] | tuple[str, ...] = (),
    flags: str = "NCU",
    **more: object,
) -> Field:
    """Returns a picklist; plain strings become values whose label is the value."""
    full = tuple(each if isinstance(each, Value) else Value(each, each) for each in values)
    return make(name, "picklist", flags, **({"length": length, "values": full} | more))


def phone(name: str) -> Field:
    """Returns a phone number."""
    return make(name, "phone", length=40)


def ref(name: str, to: str | tuple[str, ...], flags: str = "NCU", **more: object) -> Field:
    """Returns a reference; its relationship name is the field's name without Id unless given."""
    targets = (to,) if isinstance(to, str) else to
    relationship = name[:-2] if name.endswith("Id") else name.removesuffix("__c") + "__r"
    return make(
        name,
        "reference",
        flags,
        **({"length": 18, "reference_to": targets, "relationship": relationship} | more),
    )


def record_id() -> Field:
    """Returns the Id field."""
    return make("Id", "id", "", length=18, label="Record ID", defaulted_on_create=True, permissionable=False)


def name_field(length: int, flags: str = "CU", **more: object) -> Field:
    """Returns the field that names the record."""
    return text("Name", length, flags, **({"name_field": True, "permissionable": False} | more))


def is_deleted() -> Field:
    """Returns IsDeleted, which objects have whose rows stay behind when deleted."""
    return flag("IsDeleted", "", label="Deleted", permissionable=False)


def stamp() -> Field:
    """Returns SystemModstamp."""
    return when("SystemModstamp", "", defaulted_on_create=True, permissionable=False)


def created(nillable: bool = False) -> tuple[Field, ...]:
    """Returns CreatedDate and CreatedById."""
    flags = "N" if nillable else ""
    return (
        when("CreatedDate", flags, defaulted_on_create=True, permissionable=False),
        ref("CreatedById", "User", flags, defaulted_on_create=True, permissionable=False),
    )


def audit() -> tuple[Field, ...]:
    """Returns CreatedDate/ById, LastModifiedDate/ById and SystemModstamp."""
    return (
        *created(),
        when("LastModifiedDate", "", defaulted_on_create=True, permissionable=False),
        ref("LastModifiedById", "User", "", defaulted_on_create=True, permissionable=False),
        stamp(),
    )


def seen() -> tuple[Field, ...]:
    """Returns LastViewedDate and LastReferencedDate, which move no stamp."""
    return when("LastViewedDate", permissionable=False), when("LastReferencedDate", permissionable=False)


def owner() -> Field:
    """Returns OwnerId."""
    return ref("OwnerId", "User", "CU", defaulted_on_create=True, permissionable=False)


def currency_code() -> Field:
    """Returns CurrencyIsoCode, which records have in an org with several currencies."""
    return picklist(
        "CurrencyIsoCode", 3, ("EUR", "USD"), permissionable=False, defaulted_on_create=True, default="EUR"
    )
