"""The org's objects as data: one record per sObject and field, which the store, SOQL, describe and security all read.

Add an object here and it can be created, queried, described and extracted; nothing else lists objects.
"""

from __future__ import annotations

from collections.abc import Iterator

from local_org.objects import access, activity, files, people, sales
from local_org.objects.fields import Field, SObject, Value

__all__ = ["SOBJECTS", "Field", "SObject", "Value", "child_fields", "find", "of_id"]

SOBJECTS: dict[str, SObject] = {
    each.name: each
    for each in sorted(
        (*sales.OBJECTS, *activity.OBJECTS, *files.OBJECTS, *people.OBJECTS, *access.OBJECTS),
        key=lambda each: each.name,
    )
}
_BY_LOWER = {name.lower(): each for name, each in SOBJECTS.items()}
_BY_PREFIX = {each.key_prefix: each for each in SOBJECTS.values() if each.key_prefix}


def find(name: str) -> SObject | None:
    """Returns the sObject of that name in any case, or None."""
    return _BY_LOWER.get(name.lower())


def of_id(record_id: str) -> SObject | None:
    """Returns the sObject that an id's key prefix belongs to, or None."""
    return _BY_PREFIX.get(record_id[:3])


def child_fields(parent: str) -> Iterator[tuple[SObject, Field]]:
    """Yields each (child object, reference field) that points to `parent`."""
    for child in SOBJECTS.values():
        for field in child.fields:
            if parent in field.reference_to:
                yield child, field
