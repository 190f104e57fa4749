"""A served org for the tests that speak to it over TLS, and a person without a browser who connects to it."""

import base64
import hashlib
import html
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from local_org import demo_data
from local_org.server import OrgServer, serving_in_thread

CALLBACK = "http://localhost:1717/callback"
HIDDEN = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)"')


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OrgServer]:
    """A small demo org, served over HTTPS on a free port."""
    directory: Path = tmp_path_factory.mktemp("org")
    with serving_in_thread(directory) as server:
        demo_data.populate(server.org, opportunities=60, emails=120)
        yield server


@pytest.fixture(autouse=True)
def _switches_clock_and_faults_end_with_the_test(served: OrgServer) -> Iterator[None]:
    switches, ahead = served.org.switches.as_dict(), _ahead(served)
    yield
    served.org.switches.set(switches)
    served.org.clock.turn(ahead - _ahead(served))
    Web(served).delete("/__local_org__/faults")


def _ahead(served: OrgServer) -> timedelta:
    return served.org.clock.now() - datetime.now(UTC)


class Web(requests.Session):
    """A session that knows the org's address and trusts its authority, whatever the environment says."""

    def __init__(self, server: OrgServer, token: str | None = None) -> None:
        super().__init__()
        self.server = server
        self.trust_env = False
        self.verify = server.registration.ca_file
        if token is not None:
            self.headers["Authorization"] = f"Bearer {token}"

    def request(self, method: str, url: str, **more: object) -> requests.Response:  # type: ignore[override]
        address = url if url.startswith("http") else self.server.registration.base_url + url
        return super().request(method, address, **more)  # type: ignore[arg-type]

    def switch(self, **values: object) -> None:
        assert self.patch("/__local_org__/switches", json=values).status_code == 200

    def fault(self, **values: object) -> None:
        assert self.post("/__local_org__/faults", json=values).status_code == 200

    def log(self) -> list[dict[str, object]]:
        return list(self.get("/__local_org__/log").json())


@dataclass
class Person:
    """Someone who connects the application: follows the pages and fills in their forms."""

    server: OrgServer
    username: str = ""
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    state: str = field(default_factory=lambda: secrets.token_urlsafe(12))

    def __post_init__(self) -> None:
        self.web = Web(self.server)
        self.card = self.server.registration
        self.username = self.username or self.card.username

    def request(self, **changes: str | None) -> dict[str, str]:
        """The parameters of an authorization request, those changed to None left out."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        usual = {
            "response_type": "code",
            "client_id": self.card.client_id,
            "redirect_uri": CALLBACK,
            "scope": "api refresh_token",
            "state": self.state,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        return {name: value for name, value in (usual | changes).items() if value is not None}

    def open(self, **changes: str | None) -> requests.Response:
        """Opens the authorization URL and follows the org's own redirects, not the one back to the application."""
        url = self.card.base_url + "/services/oauth2/authorize"
        return self._followed(self.web.get(url, params=self.request(**changes), allow_redirects=False))

    def log_in(self, page: requests.Response, password: str | None = None) -> requests.Response:
        """Fills in the login page."""
        answers = {
            "username": self.username,
            "password": self.card.password if password is None else password,
        }
        return self._submit(page, "/login", answers)

    def decide(self, page: requests.Response, decision: str) -> requests.Response:
        """Answers the consent page; the result is the redirect back to the application."""
        return self._submit(page, "/services/oauth2/approve", {"decision": decision})

    def code(self, **changes: str | None) -> str:
        """Goes the whole way and gives the authorization code."""
        page = self.open(**changes)
        if "/login" in page.url:
            page = self.log_in(page)
        if page.status_code == 200:
            page = self.decide(page, "allow")
        return answer_of(page)["code"]

    def token(self, **form: str | None) -> requests.Response:
        """Asks the token endpoint as the application does."""
        usual: dict[str, str | None] = {
            "client_id": self.card.client_id,
            "client_secret": self.card.client_secret,
        }
        sent = {name: value for name, value in (usual | form).items() if value is not None}
        return self.web.post("/services/oauth2/token", data=sent)

    def exchange(self, code: str, **changes: str | None) -> requests.Response:
        """Exchanges an authorization code."""
        usual = {"redirect_uri": CALLBACK, "code_verifier": self.verifier}
        return self.token(grant_type="authorization_code", code=code, **(usual | changes))

    def refresh(self, refresh_token: str) -> requests.Response:
        """Exchanges a refresh token."""
        return self.token(grant_type="refresh_token", refresh_token=refresh_token)

    def connect(self, **changes: str | None) -> dict[str, str]:
        """Connects and gives the token answer."""
        answer = self.exchange(self.code(**changes))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def _submit(self, page: requests.Response, action: str, answers: dict[str, str]) -> requests.Response:
        form = page.text.partition(f'action="{action}"')[2].partition("</form>")[0]
        hidden = {html.unescape(name): html.unescape(value) for name, value in HIDDEN.findall(form)}
        return self._followed(self.web.post(action, data=hidden | answers, allow_redirects=False))

    def _followed(self, answer: requests.Response) -> requests.Response:
        while answer.is_redirect and not answer.headers["location"].startswith(CALLBACK):
            answer = self.web.get(answer.headers["location"], allow_redirects=False)
        return answer


def answer_of(redirect: requests.Response) -> dict[str, str]:
    """What a redirect back to the application tells it."""
    assert redirect.is_redirect, redirect.text
    query = parse_qs(urlsplit(redirect.headers["location"]).query, strict_parsing=True)
    return {name: values[0] for name, values in query.items()}


@pytest.fixture
def person(served: OrgServer) -> Person:
    """The integration user in front of a browser; his earlier grants are gone."""
    found = Person(served)
    user = served.org.user_by_username(found.username)
    assert user is not None
    found.web.delete("/__local_org__/tokens", params={"user_id": user["Id"]})
    return found


@pytest.fixture
def api(served: OrgServer, person: Person) -> Web:
    """A session with a fresh access token of the integration user."""
    return Web(served, person.connect()["access_token"])
