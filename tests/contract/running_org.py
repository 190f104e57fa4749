"""The local org as a process of its own, a person at its pages, and an operator at its admin endpoints. All over HTTPS.

The client is tested against what the org answers, never against its code.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from orchestration.salesforce import oauth
from orchestration.salesforce.oauth import OAuthApp, Tokens

CALLBACK = "http://localhost:1717/callback"
V = "/services/data/v66.0"
ROOT = Path(__file__).parents[2]
_MOST_PAGES = 6
_TESTS = "client=tests"
# What the product may send besides GET: queries of its own in a composite, ids to read, its own Bulk query jobs, and files.
_OURS = re.compile(
    r"POST (composite|composite/sobjects/\w+|sobjects/ContentVersion|jobs/query)/?|(PATCH|DELETE) jobs/query/\w+/?"
)


class _Form(HTMLParser):
    """The first form of a page with its hidden fields, as a browser would send it back."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collects the form's address and hidden fields."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = self.action or given.get("action", "")
        elif tag == "input" and "name" in given:
            self.fields[given["name"]] = given.get("value", "")


@dataclass
class RunningOrg:
    """A local org that answers; `card` is its org.json."""

    card: dict[str, Any]
    http: requests.Session = field(repr=False)

    def __post_init__(self) -> None:
        # Told apart from the product's own calls in the access log.
        self.http.headers["Sforce-Call-Options"] = _TESTS

    @property
    def url(self) -> str:
        """The org's origin."""
        return str(self.card["base_url"])

    def app(self) -> OAuthApp:
        """Returns the connected app that the org made on its first start."""
        return OAuthApp(
            self.card["client_id"], self.card["client_secret"], self.url, CALLBACK, self.card["ca_file"]
        )

    def admin(self, method: str, path: str, body: object = None) -> Any:
        """Asks an admin endpoint and returns its JSON."""
        answer = self.http.request(method, f"{self.url}/__local_org__{path}", json=body, timeout=60)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def log(self, entries: int) -> list[dict[str, Any]]:
        """Returns the access log once it has so many entries: others may still be asking."""
        seen: list[dict[str, Any]] = []
        for _ in range(50):
            seen = self.admin("GET", "/log")
            if len(seen) >= entries:
                break
            time.sleep(0.1)
        return seen

    def visit(self, url: str, decision: str = "allow") -> str:
        """Signs in as the integration user, decides on the consent page, and returns the address that the browser is sent to."""
        with requests.Session() as browser:
            browser.verify = self.card["ca_file"]
            browser.trust_env = False
            answer = browser.get(url, allow_redirects=False, timeout=30)
            for _ in range(_MOST_PAGES):
                if answer.is_redirect:
                    address = urljoin(answer.url, answer.headers["Location"])
                    if urlsplit(address).hostname == "localhost":
                        return address
                    answer = browser.get(address, allow_redirects=False, timeout=30)
                    continue
                form = _Form(answer.text)
                given = {
                    "username": self.card["username"],
                    "password": self.card["password"],
                    "decision": decision,
                }
                answer = browser.post(
                    urljoin(answer.url, form.action),
                    {**form.fields, **given},
                    allow_redirects=False,
                    timeout=30,
                )
        raise AssertionError(f"the pages ended at {answer.url}: {answer.text[:500]}")

    def connect(self) -> Tokens:
        """Goes through the whole sign-in and returns its grant."""
        attempt = oauth.begin_login(self.app())
        return oauth.finish_login(self.app(), attempt, self.visit(attempt.url))

    def call(self, tokens: Tokens, method: str, path: str, body: object = None) -> requests.Response:
        """Calls the REST API beside the client, for what the client cannot do."""
        headers = {"Authorization": f"Bearer {tokens.access_token}"}
        return self.http.request(method, f"{self.url}{V}{path}", json=body, headers=headers, timeout=60)


@contextmanager
def serving(directory: Path, opportunities: int) -> Iterator[RunningOrg]:
    """Runs `python -m local_org serve` with demo data while the block runs."""
    command = [sys.executable, "-m", "local_org", "serve", "--directory", str(directory)]
    command += ["--opportunities", str(opportunities), "--with-parent", str(os.getpid())]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline(), "the local org ended before it answered"
        card = json.loads((directory / "org.json").read_text())
        with requests.Session() as http:
            http.verify = card["ca_file"]
            http.trust_env = False
            org = RunningOrg(card, http)
            yield org
            http.close()
            assert not (foreign := foreign_writes(org)), f"the product wrote what nobody asked for: {foreign}"
    finally:
        process.terminate()
        process.wait(120)
        process.stdout.close()


def foreign_writes(org: RunningOrg) -> list[str]:
    """Calls of the product, over the org's whole life, that are neither reads nor new versions of files."""
    api = re.compile(r"/services/data/v[\d.]+/")
    found = []
    for call in org.admin("GET", "/log/writes"):
        if call["client"] != _TESTS and api.match(call["path"]):
            found += [f"{call['method']} {api.sub('', call['path'])}"]
            found += [f"in a composite: {each}" for each in call["requests"] if not each.startswith("GET ")]
    return [each for each in found if not _OURS.fullmatch(each)]
