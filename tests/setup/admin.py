"""A Salesforce admin who has never seen the project: reads what `fluint check` prints, and does what it says, on the org's own pages.

Knows the pages of Setup, as any admin does, and nothing of what is wrong. A step that does not say where to click fails the test.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any

import requests

from tests.cli.shell import Shell
from tests.contract.running_org import RunningOrg

PREFIX = "/__local_org__/workbench"
_CSRF = re.compile(r'name="csrf" value="([0-9a-f]+)"')
_TICKED = re.compile(r'<input type="checkbox" name="([^"]+)" value="1"[^>]*? checked')
_HOLDER = re.compile(rf'{PREFIX}/permissions/(0PS\w{{15}})"[^>]*>([^<]+)<')
_PROFILE = re.compile(r'<option value="(00e\w{15})"[^>]*>the profile ([^<]+)</option>')
_ROW = re.compile(r"<tr>.*?</tr>", re.DOTALL)
_QUOTED = re.compile(r"'([^']+)'")
_BACKTICKED = re.compile(r"`fluint ([^`]+)`")
_OBJECTS = {
    "Opportunities": "Opportunity",
    "Contacts": "Contact",
    "Accounts": "Account",
    "Email Messages": "EmailMessage",
}
_BOXES = {
    "Read": "PermissionsRead",
    "Edit": "PermissionsEdit",
    "View All": "PermissionsViewAllRecords",
    "Modify All": "PermissionsModifyAllRecords",
}
_SESSIONS = {"access_token_seconds": 7_200.0}
# What this org has as switches, where Salesforce has pages of its own, or a contract.
_SWITCHES: dict[str, dict[str, object]] = {
    "ask the Salesforce account team for an edition with API access": {"api_enabled_for_org": True},
    "choose 'Refresh token is valid until revoked'": {"refresh_token_policy": "until_revoked"},
    "choose 'Relax IP restrictions'": {"login_ip_ranges": "", **_SESSIONS},
    "clear 'High assurance session required'": {"high_assurance_sessions": False},
    "tick 'Exempt from Transaction Security'": {"transaction_security_code": ""},
    "Connected Apps OAuth Usage › Fluint › Unblock": {"connected_app_policy": "self_authorize", **_SESSIONS},
    "Connected Apps OAuth Usage › Fluint › Install": {"connected_app_policy": "self_authorize", **_SESSIONS},
    "Profiles or Permission Sets: add one that the user has": {
        "app_approved_for": "Fluint Integration",
        **_SESSIONS,
    },
    "Setup › Enhanced Email › Enable": {"enhanced_email": True},
    "switch Files on for internal users": {"files": True},
    "Setup › System Overview › Files": {"daily_content_versions": 2_500},
    "Setup › Storage Usage": {"file_storage_mb": 20_000},
    "Setup › System Overview › API Usage": {"api_calls_used_by_others": 0},
    "Setup › Bulk Data Load Jobs": {"daily_bulk_query_jobs": 10_000},
}


@dataclass
class Admin:
    """The admin at the org's pages, with Fluint's command line and the workspace's list of users at hand."""

    org: RunningOrg
    shell: Shell
    users: Path
    done: list[str] = field(default_factory=list)
    web: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.web.trust_env = False
        self.web.verify = str(self.org.card["ca_file"])
        by_role = {each["role"]: each["user_id"] for each in self.org.admin("GET", "/cast")}
        self._integration_user = by_role["integration"]
        self._send("/people", {"user_id": by_role["administrator"]}, self._look("/people"))

    def bring_to_green(self, rounds: int = 12) -> None:
        """Checks and does what the texts say until nothing is wrong."""
        for _ in range(rounds):
            said = self.shell("check", "--markdown")
            steps = re.findall(r"^- \*\*where\*\*: (.+)$", said.text, re.MULTILINE)
            if said.exit_code == 0:
                return
            for step in dict.fromkeys(steps):
                self.follow(step)
        raise AssertionError(f"not green after {rounds} rounds; done: {self.done}\n{said.text}")

    def follow(self, step: str) -> None:
        """Does the first of the ways that a step names; the next one when the step is still there."""
        if step.startswith("Mend what"):
            return
        ways = re.split(r"; or(?:, [^›`]*?,)? ", step)
        chosen = ways[min(self.done.count(step), len(ways) - 1)]
        self.done.append(step)
        for way in chosen.split("; then "):
            self._go(way)

    def _go(self, way: str) -> None:
        if switches := next((values for words, values in _SWITCHES.items() if words in way), None):
            self.org.admin("PATCH", "/switches", switches)
        elif "› System Permissions ›" in way:
            self._system(way)
        elif "› Field Permissions ›" in way:
            self._fields(way)
        elif "› Object Settings ›" in way:
            self._objects(way)
        elif "tick 'Active'" in way:
            change = {"update": "User", "id": self._integration_user, "values": {"IsActive": True}}
            self.org.admin("POST", "/transactions", {"changes": [change], "commit": True})
        elif "› Page Layouts ›" in way and "see that" not in way:
            self._layout(way)
        elif not (_BACKTICKED.search(way) or "see that" in way):
            raise AssertionError(f"This does not say where to click: {way}")
        self._commands(way)

    def _commands(self, way: str) -> None:
        for command in _BACKTICKED.findall(way):
            words = command.split()
            if words[0] == "why":
                raise AssertionError(f"This needs a person's judgement: {way}")
            if words[0] not in ("preview", "check"):
                said = self.shell(*[str(self.users) if word == "users.csv" else word for word in words])
                # What meets a fault that is mended further down fails with a text of its own; the next check says what is left.
                assert said.exit_code == 0 or words[0] in ("sync", "connect"), said.text

    def _holder(self, way: str) -> str:
        """The address of the profile or permission set that a path names; `its profile` is looked up at the user."""
        name = re.split(r" › ", way)[2]
        if name == "the integration user":
            page = self._look("/people").text
            row = next(each for each in _ROW.findall(page) if self.org.card["username"] in each)
            name = next(known for known in self._holders() if known in unescape(row))
        return f"/permissions/{self._holders()[name]}"

    def _holders(self) -> dict[str, str]:
        page = self._look("/permissions").text
        return {unescape(name).strip(): key for key, name in _HOLDER.findall(page)}

    def _system(self, way: str) -> None:
        home = self._holder(way)
        page = self._look(home)
        boxes = self._ticked(page, "system.")
        for label in _QUOTED.findall(way):
            name = next(found for text, found in self._labels(page).items() if _alike(text, label))
            if "› clear" in way:
                boxes.pop(name, None)
            else:
                boxes[name] = "1"
        self._send(f"{home}/system", boxes, page)

    def _objects(self, way: str) -> None:
        home, sobject = self._holder(way), _OBJECTS[way.split(" › ")[4]]
        page = self._look(home)
        boxes = {name: "1" for name in self._ticked(page, "") if ".Permissions" in name}
        boxes |= {f"{sobject}.{_BOXES[label]}": "1" for label in _QUOTED.findall(way)}
        self._send(f"{home}/objects", boxes, page)

    def _fields(self, way: str) -> None:
        home, sobject = self._holder(way), _OBJECTS[way.split(" › ")[4]]
        names = re.split(r", | and ", way.partition(" of ")[2].partition(" › ")[0])
        page = self._look(f"{home}?object={sobject}")
        boxes = {name: "1" for name in self._ticked(page, "") if name.endswith((".read", ".edit"))}
        self._send(
            f"{home}/fields", {"object": sobject} | boxes | {f"{name}.read": "1" for name in names}, page
        )

    def _layout(self, way: str) -> None:
        """A layout's name ends in its record type and, where it is a profile's own, in the profile."""
        named = way.split(" › ")[4].split(" - ")[1:]
        profiles = {unescape(name): key for key, name in _PROFILE.findall(self._look("/layouts").text)}
        profile = profiles[named[1]] if len(named) > 1 else ""
        page = self._look(f"/layouts?profile={profile}")
        boxes = self._ticked(page, "")
        row = next(each for each in _ROW.findall(page.text) if f">{named[0]}</th>" in unescape(each))
        record_type = re.search(r'name="(\w+)\.AttachedContentDocuments"', row)
        assert record_type
        self._send(
            "/layouts", {"profile": profile, f"{record_type[1]}.AttachedContentDocuments": "1"} | boxes, page
        )

    def _labels(self, page: requests.Response) -> dict[str, str]:
        """What stands beside a box → its name."""
        found = re.findall(
            r'<input type="checkbox" name="(system\.\w+)" value="1"[^>]*> ([^<]+)</label>', page.text
        )
        return {unescape(label).strip(): name for name, label in found}

    def _ticked(self, page: requests.Response, prefix: str) -> dict[str, str]:
        return {name: "1" for name in _TICKED.findall(page.text) if name.startswith(prefix)}

    def _look(self, path: str) -> requests.Response:
        page = self.web.get(f"{self.org.url}{PREFIX}{path}", timeout=60)
        assert page.ok, page.text
        return page

    def _send(self, path: str, form: dict[str, Any], page: requests.Response) -> None:
        csrf = _CSRF.search(page.text)
        assert csrf
        answer = self.web.post(f"{self.org.url}{PREFIX}{path}", data={"csrf": csrf[1], **form}, timeout=60)
        assert answer.ok, answer.text


def _alike(shown: str, told: str) -> bool:
    """Whether a label of this org's page is the permission that Salesforce names so: it shortens some names."""
    plain = re.sub(r"[^a-z]", "", shown.lower())
    wanted = re.sub(r"[^a-z]", "", told.lower().replace("view setup and configuration", "view setup"))
    return plain == wanted or {plain, wanted} == {"activitiesaccess", "accessactivities"}
