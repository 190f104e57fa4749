"""Answers of the org read into facts: one reader for each question (questions.py). Pure; an error in the place of an answer stays one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from orchestration.errors import FluintError
from orchestration.salesforce.pages import Page, Record
from orchestration.setup.questions import SYSTEM
from orchestration.setup.seen import AppPolicy, Asked, Limit, ObjectRights, OrgFacts, PermissionSet, UserFacts

T = TypeVar("T")


class Answers:
    """Answers by name, each read in its own way; an error stays one."""

    def __init__(self, answers: Mapping[str, Asked[Page]], refused: FluintError | None) -> None:
        self._answers = answers
        self._refused = refused

    def whole(self, name: str, read: Callable[[Sequence[Record]], T]) -> Asked[T]:
        """What `read` makes of all records; of none where nothing was asked."""
        answer = self._answers.get(name, self._refused)
        if isinstance(answer, FluintError):
            return answer
        return read(answer.records() if answer else [])

    def all(self, name: str, read: Callable[[Record], T]) -> Asked[tuple[T, ...]]:
        """One fact a record."""
        return self.whole(name, lambda rows: tuple(read(row) for row in rows))

    def first(self, name: str, read: Callable[[Record], T]) -> Any:
        """A fact of the first record; None where there is none."""
        return self.whole(name, lambda rows: read(rows[0]) if rows else None)

    def exists(self, name: str) -> Asked[bool]:
        """Whether there is a record."""
        return self.whole(name, bool)

    def number(self, name: str) -> Asked[int]:
        """What a COUNT() said."""
        answer = self._answers.get(name, self._refused)
        if isinstance(answer, FluintError):
            return answer
        return answer.total_size if answer else 0

    def total(self, names: Iterable[str]) -> Asked[int]:
        """The sum of several counts."""
        found = 0
        if self._refused is not None:
            return self._refused
        for name in names:
            number = self.number(name)
            if isinstance(number, FluintError):
                return number
            found += number
        return found


def org(row: Record) -> OrgFacts:
    """The org, from its record."""
    return OrgFacts(
        str(row["Id"]),
        bool(row["IsSandbox"]),
        str(row["OrganizationType"]),
        str(row.get("DefaultOpportunityAccess") or "None"),
    )


def user(row: Record) -> UserFacts:
    """The integration user."""
    return UserFacts(str((row["Profile"] or {}).get("Name", "")))


def licence(row: Record) -> str:
    """The name of its user licence."""
    licence = (row["Profile"] or {}).get("UserLicense") or {}
    return str(licence.get("Name") or licence.get("LicenseDefinitionKey") or "")


def permission_set(row: Record) -> PermissionSet:
    """One assigned set; a profile's own carries the profile's name."""
    owned = bool(row["IsOwnedByProfile"])
    label = str((row["Profile"] or {}).get("Name") or row["Label"]) if owned else str(row["Label"])
    return PermissionSet(label, owned, frozenset(name for name in SYSTEM if row[f"Permissions{name}"]))


def expiring(row: Record) -> tuple[str, datetime]:
    """A set that is assigned for a time: label, and when that ends."""
    label = str((row["PermissionSet"] or {}).get("Label", ""))
    return label, datetime.fromisoformat(str(row["ExpirationDate"]))


def object_rights(rows: Sequence[Record]) -> dict[str, ObjectRights]:
    """What all sets together grant, by object."""
    found: dict[str, ObjectRights] = {}
    for row in rows:
        before = found.get(str(row["SobjectType"]), ObjectRights())
        found[str(row["SobjectType"])] = ObjectRights(
            before.read or bool(row["PermissionsRead"]),
            before.edit or bool(row["PermissionsEdit"]),
            before.view_all or bool(row["PermissionsViewAllRecords"]),
        )
    return found


def app(row: Record) -> AppPolicy:
    """A connected app with its policies."""
    period = row["RefreshTokenValidityPeriod"]
    return AppPolicy(
        name=str(row["Name"]),
        admin_approved_only=bool(row["OptionsAllowAdminApprovedUsersOnly"]),
        high_assurance=bool(row["OptionsHasSessionLevelPolicy"]),
        idle=bool(row["OptionsRefreshTokenValidityMetric"]),
        period=None if period is None else int(period),
    )


def app_names(rows: Sequence[Record]) -> tuple[str, ...]:
    """The apps that the user's tokens are of, the last used first."""
    return tuple(dict.fromkeys(str(row["AppName"]) for row in rows if row["AppName"]))


def may_edit(deal: Asked[str | None], about: Answers) -> Asked[bool | None]:
    """Whether the deal that was looked at may be edited; None where there is none."""
    if isinstance(deal, FluintError):
        return deal
    found: Asked[bool | None] = about.first("access", lambda row: bool(row["HasEditAccess"]))
    return found


def limits(given: Mapping[str, Any]) -> dict[str, Limit]:
    """The limits by name."""
    return {
        name: Limit(int(value["Max"]), int(value["Remaining"]))
        for name, value in given.items()
        if isinstance(value, Mapping) and "Max" in value and "Remaining" in value
    }


def used_licences(rows: Sequence[Record]) -> int:
    """Licences that active users hold."""
    return sum(int(row["UsedLicenses"]) for row in rows)


def fields(rows: Sequence[Record]) -> frozenset[str]:
    """Fields that somebody in the org may read, as `Opportunity.Amount`."""
    return frozenset(str(row["Field"]) for row in rows)


def profiles(pages: Iterable[Asked[Page]]) -> Asked[dict[str, tuple[str, str]]]:
    """Owner → (id, name) of the profile."""
    found: dict[str, tuple[str, str]] = {}
    for page in pages:
        if isinstance(page, FluintError):
            return page
        for row in page.records():
            if row["ProfileId"]:
                found[str(row["Id"])] = (str(row["ProfileId"]), str((row["Profile"] or {}).get("Name", "")))
    return found
