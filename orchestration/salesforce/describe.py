"""What the org shows the integration user: objects and fields as described, deleted ids, its own record. Shapes only, no requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orchestration.salesforce.ids import to_18


@dataclass(frozen=True)
class DescribedField:
    """One field as the integration user sees it; a field hidden by field-level security is simply absent.

    `relationship` is the name that leads through a reference (`Account` for AccountId), `reference_to` the objects it may lead to.
    """

    name: str
    type: str
    length: int = 0
    calculated: bool = False
    filterable: bool = True
    relationship: str = ""
    reference_to: tuple[str, ...] = ()


@dataclass(frozen=True)
class Describe:
    """One object and the fields that the integration user may read, by name; whether the user may create records of it."""

    name: str
    fields: Mapping[str, DescribedField]
    createable: bool = False


@dataclass(frozen=True)
class DeletedRecord:
    """The id (18 characters) of a deleted record and when it went (aware, UTC)."""

    id: str
    deleted_at: datetime


@dataclass(frozen=True)
class DeletedRecords:
    """The org's list of deletions in a window; `latest_covered` may lag the window's end because of long transactions."""

    records: tuple[DeletedRecord, ...]
    earliest_available: datetime
    latest_covered: datetime


@dataclass(frozen=True)
class Identity:
    """Whose session this is, by 18-character ids."""

    org_id: str
    user_id: str


@dataclass(frozen=True)
class Organization:
    """The org's own record: its 18-character id, whether it is a sandbox, and its edition (`Developer Edition` …)."""

    id: str
    is_sandbox: bool
    organization_type: str


def read_describe(answer: Mapping[str, Any]) -> Describe:
    """Returns what an answer of `sobjects/X/describe` says of the object."""
    fields = {
        str(given["name"]): DescribedField(
            name=str(given["name"]),
            type=str(given.get("type", "")),
            length=int(given.get("length") or 0),
            calculated=bool(given.get("calculated")),
            filterable=bool(given.get("filterable", True)),
            relationship=str(given.get("relationshipName") or ""),
            reference_to=tuple(given.get("referenceTo") or ()),
        )
        for given in answer["fields"]
    }
    return Describe(str(answer["name"]), fields, bool(answer.get("createable")))


def read_deleted(answer: Mapping[str, Any]) -> DeletedRecords:
    """Returns what an answer of `sobjects/X/deleted` lists."""
    records = tuple(
        DeletedRecord(str(given["id"]), datetime.fromisoformat(given["deletedDate"]))
        for given in answer["deletedRecords"]
    )
    return DeletedRecords(
        records,
        datetime.fromisoformat(answer["earliestDateAvailable"]),
        datetime.fromisoformat(answer["latestDateCovered"]),
    )


def read_organization(record: Mapping[str, Any]) -> Organization:
    """Returns what the record of Organization says."""
    return Organization(to_18(record["Id"]), bool(record["IsSandbox"]), str(record["OrganizationType"]))


def read_related_lists(answer: Mapping[str, Any]) -> list[str]:
    """Returns the names of a layout's related lists, which are child relationships (REST API Developer Guide, sObject Layouts)."""
    return [str(each["name"]) for each in answer["relatedLists"]]
