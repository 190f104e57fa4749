"""The org over HTTPS as its users reach it, and an operator who turns its clock and switches. For what only HTTP shows."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import requests

from local_org.org import Org
from local_org.server import OrgServer
from local_org.tokens import Tokens

if TYPE_CHECKING:
    from tests.local_org.conftest import World

ENDED = ("JobComplete", "Failed", "Aborted")


class Served:
    """A served org with its people (`world`); calls are made as the administrator unless `by` names another user."""

    def __init__(self, server: OrgServer, world: World, http: requests.Session) -> None:
        self.url = server.registration.base_url
        self.org: Org = server.org
        self.world = world
        self.http = http
        self._tokens: dict[str, str] = {}
        self._turned = timedelta(0)

    def token(self, user_id: str) -> str:
        """An access token of that user."""
        if user_id not in self._tokens:
            org = self.org
            tokens = Tokens(org.store, org.clock, org.switches, org.org_id)
            self._tokens[user_id] = tokens.issue_without_grant("client", user_id, "api").access_token
        return self._tokens[user_id]

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        by: str | None = None,
        version: str = "66.0",
        headers: Mapping[str, str] | None = None,
        data: Any = None,
        **query: str,
    ) -> requests.Response:
        """Calls a resource; `path` is what follows the version, or a whole path."""
        whole = path if path.startswith("/services") else f"/services/data/v{version}{path}"
        given = {"Authorization": f"Bearer {self.token(by or self.world.admin)}", **(headers or {})}
        return self.http.request(
            method, self.url + whole, json=body, data=data, headers=given, params=query, timeout=60
        )

    def refused(self, method: str, path: str, body: object = None, **more: Any) -> tuple[int, str, str]:
        """Status, code and message of a call that is refused."""
        answer = self.call(method, path, body, **more)
        assert answer.status_code >= 400, answer.text
        (error,) = answer.json()
        return answer.status_code, error["errorCode"], error["message"]

    def create(
        self, soql: str, *, by: str | None = None, version: str = "66.0", **more: str
    ) -> dict[str, Any]:
        """Creates a query job and returns its document."""
        body = {"operation": "query", "query": soql, **more}
        answer = self.call("POST", "/jobs/query", body, by=by, version=version)
        assert answer.status_code == 200, answer.text
        job: dict[str, Any] = answer.json()
        return job

    def ended(self, job_id: str) -> dict[str, Any]:
        """The document of a job once it has ended."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            job: dict[str, Any] = self.call("GET", f"/jobs/query/{job_id}").json()
            if job["state"] in ENDED:
                return job
            time.sleep(0.01)
        raise AssertionError(f"job {job_id} did not end")

    def run(self, soql: str, **more: str) -> dict[str, Any]:
        """A job that has ended."""
        return self.ended(self.create(soql, **more)["id"])

    def page(self, job_id: str, *, version: str = "66.0", **query: str) -> requests.Response:
        """A page of a finished job's result."""
        answer = self.call("GET", f"/jobs/query/{job_id}/results", version=version, **query)
        assert answer.status_code == 200, answer.text
        return answer

    def pages(self, job_id: str, **query: str) -> list[requests.Response]:
        """All pages, by following the locator."""
        found = [self.page(job_id, **query)]
        while (locator := found[-1].headers["Sforce-Locator"]) != "null":
            found.append(self.page(job_id, locator=locator, **query))
        return found

    def text(self, soql: str, **more: str) -> str:
        """The whole result of a query as CSV."""
        return "".join(page.content.decode() for page in self.pages(self.run(soql, **more)["id"]))

    def rows(self, soql: str, **more: str) -> list[list[str]]:
        """The rows of a query, the header line first."""
        return read(self.text(soql, **more))

    def abort_all(self) -> None:
        """Ends the jobs that a test left, which would hold the workers from the next one."""
        self._tokens.clear()
        for job in self.call("GET", "/jobs/query", jobType="V2Query").json()["records"]:
            if job["state"] not in ENDED:
                self.call("PATCH", f"/jobs/query/{job['id']}", {"state": "Aborted"})

    def turn(self, by: timedelta) -> None:
        """Turns the org's clock until the end of the test."""
        self._turned += by
        self._tokens.clear()  # sessions time out as well
        self.org.clock.turn(by)

    def turn_back(self) -> None:
        """Turns the org's clock back to real time."""
        self.org.clock.turn(-self._turned)
        self._turned = timedelta(0)


def read(text: str) -> list[list[str]]:
    """The lines of CSV, values as text."""
    return list(csv.reader(io.StringIO(text, newline="")))
