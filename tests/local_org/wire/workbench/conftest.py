"""One served org for the tests of the workbench, and a visitor who fills in its forms without a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser

import pytest
import requests

from local_org import demo_data, standard
from local_org.server import OrgServer, serving_in_thread
from tests.local_org.wire.conftest import Person, Web

PREFIX = "/__local_org__/workbench"
CSRF = re.compile(r'name="csrf" value="([0-9a-f]+)"')


@pytest.fixture(scope="package")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OrgServer]:
    """A small demo org; a test that changes whom the others see puts it back."""
    with serving_in_thread(tmp_path_factory.mktemp("org")) as server:
        demo_data.populate(server.org, opportunities=60, emails=120)
        yield server


class _Text(HTMLParser):
    """The text that a page shows."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("style", "script", "title")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("style", "script", "title")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)


def text_of(page: requests.Response) -> str:
    """What a person reads on a page, with single spaces."""
    parser = _Text()
    parser.feed(page.text)
    return " ".join(" ".join(parser.parts).split())


class Visitor:
    """Somebody at the pages; remembers the form token of the page last seen."""

    def __init__(self, server: OrgServer) -> None:
        self.server = server
        self.web = Web(server)
        self.csrf = ""

    def look(self, path: str, expected: int = 200) -> requests.Response:
        """Opens a page."""
        return self._seen(self.web.get(PREFIX + path), expected)

    def send(self, path: str, /, expected: int = 200, **form: str) -> requests.Response:
        """Posts a form and follows to the page that it leads to."""
        return self._seen(self.web.post(PREFIX + path, data={"csrf": self.csrf, **form}), expected)

    def play(self, user_id: str) -> Visitor:
        """Chooses a person."""
        self.look("/people")
        self.send("/people", user_id=user_id)
        return self

    def _seen(self, page: requests.Response, expected: int) -> requests.Response:
        assert page.status_code == expected, text_of(page)
        found = CSRF.search(page.text)
        self.csrf = found.group(1) if found else self.csrf
        return page


def member(server: OrgServer, role: str, place: int = 0) -> str:
    """The id of a person of the cast."""
    found = [each["user_id"] for each in demo_data.cast(server.org) if each["role"] == role]
    return str(found[place])


def deals_of(server: OrgServer, user_id: str) -> list[str]:
    """The live, open deals that a person owns, in order."""
    rows = server.org.store.select(
        "select Id from Opportunity where OwnerId = ? and IsDeleted = 0 and IsClosed = 0 order by Id",
        (user_id,),
    )
    return [str(row[0]) for row in rows]


def own_set(server: OrgServer, profile: str) -> str:
    """The permission set that a profile owns."""
    store = server.org.store
    return standard.permission_set_of(store, store.find_ids("Profile", Name=profile)[0])


@pytest.fixture
def visitor(served: OrgServer) -> Visitor:
    """Somebody whom nobody knows yet."""
    return Visitor(served)


@pytest.fixture
def rep(served: OrgServer) -> Visitor:
    """Somebody who plays the first rep."""
    return Visitor(served).play(member(served, "rep"))


@pytest.fixture
def manager(served: OrgServer) -> Visitor:
    """Somebody who plays the manager, who sees the deals of all."""
    return Visitor(served).play(member(served, "manager"))


@pytest.fixture
def deal(served: OrgServer) -> str:
    """An open deal of the first rep."""
    return deals_of(served, member(served, "rep"))[0]


def api_as(server: OrgServer, user_id: str) -> Web:
    """An API client that is connected as a person."""
    username = str(server.org.user(user_id)["Username"])
    return Web(server, Person(server, username).connect()["access_token"])


def read(api: Web, soql: str) -> list[dict[str, object]]:
    """The records that the API gives for a query, deleted ones too."""
    answer = api.get("/services/data/v66.0/queryAll", params={"q": soql})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["records"])


def shown(page: requests.Response) -> list[str]:
    """The ids of the deals that a list links to."""
    return re.findall(rf"{PREFIX}/deals/(006\w{{15}})\"", unescape(page.text))
