"""Asking Salesforce what an object is: its fields, what is wanted of its parents, and which fields field-level security hides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from orchestration.errors import MissingFieldError, ObjectUnavailableError, RejectedRequestError
from orchestration.salesforce import soql
from orchestration.salesforce.client import Salesforce
from orchestration.salesforce.describe import Describe, DescribedField
from orchestration.sync.drift import Remembered
from orchestration.sync.objects import SObject
from orchestration.sync.wanted import Wanted, parent_of

# A query of so many names stays short; what is wanted comes first, and what is left out is told as "could not be told".
_MOST_NAMES = 100


@dataclass(frozen=True)
class Description:
    """What an object and its parents show; `names` also has what nobody wants of parents, to find the nearest among.

    `granted`: paths in lower case of those absent fields that some permission set or profile may read; None if nobody could tell.
    """

    shown: Mapping[str, DescribedField]
    names: tuple[str, ...]
    granted: frozenset[str] | None


def describe(
    salesforce: Salesforce, sobject: SObject, fields: Sequence[Wanted], before: Mapping[str, Remembered]
) -> Description:
    """Describes an object and the parents that something is wanted of. Raises ObjectUnavailableError."""
    own = salesforce.describe(sobject.name)
    shown, names = dict(own.fields), list(own.fields)
    parents: dict[str, Describe | None] = {}
    for each in fields:
        if "." not in each.path:
            continue
        found = parent_of(each.path, own)
        if found is None:
            names += _through_others(each.path, own)
            continue
        parent, reference = found
        if parent not in parents:
            parents[parent] = _described(salesforce, parent)
            names += [f"{reference.relationship}.{name}" for name in _fields_of(parents[parent])]
        wanted_name = each.path.partition(".")[2].lower()
        for name, field in _fields_of(parents[parent]).items():
            if name.lower() == wanted_name:
                shown[f"{reference.relationship}.{name}"] = field
    there = {path.lower() for path in shown}
    absent = [each.path for each in fields if each.key not in there]
    absent += [held.name for key, held in before.items() if not held.is_gone and key not in {*there, *absent}]
    return Description(shown, tuple(names), _granted(salesforce, sobject, absent) if absent else frozenset())


def _through_others(path: str, own: Describe) -> list[str]:
    """The path with the relationships that there are, where it begins with none."""
    last = path.partition(".")[2]
    return [f"{each.relationship}.{last}" for each in own.fields.values() if len(each.reference_to) == 1]


def _described(salesforce: Salesforce, parent: str) -> Describe | None:
    try:
        return salesforce.describe(parent)
    except ObjectUnavailableError:
        return None  # a parent that cannot be read shows nothing


def _fields_of(parent: Describe | None) -> Mapping[str, DescribedField]:
    return parent.fields if parent else {}


def _granted(salesforce: Salesforce, sobject: SObject, absent: Iterable[str]) -> frozenset[str] | None:
    """Which of the object's absent fields exist: field-level security names them, for those who may view the setup."""
    names = [f"{sobject.name}.{path}" for path in absent if "." not in path][:_MOST_NAMES]
    if not names:
        return None
    readable = soql.equal("PermissionsRead", True)
    where = [soql.equal("SobjectType", sobject.name), soql.is_in("Field", names), readable]
    query = soql.select(["Field"], "FieldPermissions", where)
    try:
        rows = [row for page in salesforce.query(query, include_deleted=False) for row in page.records()]
    except (RejectedRequestError, ObjectUnavailableError, MissingFieldError):
        return None
    return frozenset(str(row["Field"]).partition(".")[2].lower() for row in rows)
