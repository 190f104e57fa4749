"""An org of a test's own, without HTTP: a clock that stands still, two people, and a caller of the REST resources."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local_org import standard
from local_org.access_log import AccessLog
from local_org.clock import Clock
from local_org.errors import ApiError
from local_org.org import Org
from local_org.rest.dispatch import Answer, Call, respond

START = datetime(2026, 5, 13, 12, 30, 45, tzinfo=UTC)
STAGES = [
    ("Qualification", 10, "Pipeline", False, False),
    ("Proposal", 60, "BestCase", False, False),
    ("Closed Won", 100, "Closed", True, True),
    ("Closed Lost", 0, "Omitted", True, False),
]


@dataclass
class World:
    """An org with an administrator and a rep who has the rights of a Standard User."""

    org: Org
    admin: str
    rep: str

    def add(self, sobject: str, by: str | None = None, **values: object) -> str:
        """Adds a record as the administrator, or as `by`."""
        defaults: dict[str, dict[str, object]] = {
            "Opportunity": {"Name": "Deal", "StageName": "Qualification", "CloseDate": "2026-06-30"},
            "Contact": {"LastName": "Doe"},
            "Account": {"Name": "Acme"},
        }
        return self.org.store.insert(sobject, defaults.get(sobject, {}) | values, by=by or self.admin)

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        by: str | None = None,
        headers: dict[str, str] | None = None,
        **query: str,
    ) -> Answer:
        """Calls a REST resource; `path` is what follows the version."""
        return respond(
            Call(self.org, by or self.admin, "66.0", method, path, query, headers or {}, b"", body)
        )

    def get(self, path: str, *, by: str | None = None, **query: str) -> Any:
        """Reads a resource that answers 200 and returns its body."""
        answer = self.call("GET", path, by=by, **query)
        assert answer.status == 200, answer
        return answer.body

    def records(self, soql: str, *, by: str | None = None, deleted: bool = False) -> list[dict[str, Any]]:
        """Returns the records of a query that fits one page, without their attributes."""
        body = self.get("/queryAll" if deleted else "/query", by=by, q=soql)
        assert body["done"]
        return [
            {name: value for name, value in record.items() if name != "attributes"}
            for record in body["records"]
        ]

    def column(self, soql: str, *, by: str | None = None, deleted: bool = False) -> list[Any]:
        """Returns the values of a query of one field."""
        return [next(iter(record.values())) for record in self.records(soql, by=by, deleted=deleted)]

    def refusal(self, soql: str, *, by: str | None = None) -> ApiError:
        """Returns the error with which a query is refused."""
        with pytest.raises(ApiError) as caught:
            self._run(soql, by or self.admin)
        return caught.value

    def _run(self, soql: str, user_id: str) -> None:
        result = self.org.query(soql, user_id=user_id, include_deleted=False)
        if result.kind == "aggregate":
            result.groups()

    def hide(self, sobject: str, *fields: str, profile: str = standard.ADMINISTRATOR) -> None:
        """Takes fields from the users of a profile."""
        standard.grant_fields(
            self.org.store, self.permission_set(profile), sobject, fields, read=False, by=self.admin
        )

    def permission_set(self, profile: str) -> str:
        """Returns the permission set that a profile owns."""
        store = self.org.store
        return standard.permission_set_of(store, store.find_ids("Profile", Name=profile)[0])

    def take(self, *permissions: str, profile: str = standard.ADMINISTRATOR) -> None:
        """Takes system permissions from the users of a profile."""
        values = {f"Permissions{each}": False for each in permissions}
        self.org.store.update("PermissionSet", self.permission_set(profile), values, by=self.admin)


@pytest.fixture
def clock() -> Clock:
    """A clock that stands at START until a test turns it."""
    return Clock(lambda: START)


def make_world(directory: Path, clock: Clock) -> World:
    """Opens an org in a directory and fills in its people and stages."""
    return people(Org.open(directory, clock))


def people(org: Org) -> World:
    """Fills an empty org with its people and stages."""
    AccessLog(org)
    system = org.system_user_id
    admin = standard.add_user(org.store, "admin@acme.example", standard.ADMINISTRATOR, by=system)
    rep = standard.add_user(
        org.store, "rep@acme.example", standard.ORDINARY, by=admin, FirstName="Rosa", LastName="Rep"
    )
    for position, (name, probability, category, closed, won) in enumerate(STAGES, 1):
        values = {
            "MasterLabel": name,
            "ApiName": name,
            "IsActive": True,
            "SortOrder": position,
            "IsClosed": closed,
            "IsWon": won,
        }
        more = {
            "DefaultProbability": probability,
            "ForecastCategory": category,
            "ForecastCategoryName": category,
        }
        org.store.insert("OpportunityStage", values | more, by=admin)
    return World(org, admin, rep)


@pytest.fixture
def world(tmp_path: Path, clock: Clock) -> Iterator[World]:
    """An empty org with its people and stages."""
    made = make_world(tmp_path, clock)
    yield made
    made.org.close()
