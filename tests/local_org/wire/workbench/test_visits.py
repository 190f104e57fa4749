"""Who may open the workbench and as whom, forms that nobody can forge, the access log, and pages that everybody can read."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from starlette.types import Message, Scope

from local_org.access_log import calls_in_last_day
from local_org.server import OrgServer, serving_in_thread
from local_org.workbench import people
from local_org.workbench.site import NAVIGATION
from tests.local_org.wire.conftest import Web
from tests.local_org.wire.workbench.conftest import (
    PREFIX,
    Visitor,
    api_as,
    deals_of,
    member,
    own_set,
    shown,
    text_of,
)

DATA = "/services/data/v66.0"


def test_the_first_page_says_where_the_api_answers_and_who_is_there(
    served: OrgServer, visitor: Visitor
) -> None:
    """Whoever opens the org's address in a browser knows nothing yet."""
    page = visitor.web.get("/")
    assert page.url.endswith(f"{PREFIX}/")
    text = text_of(page)
    card = served.registration
    for part in (card.base_url, card.ca_file, card.username, card.password, "org.json", "fluint connect"):
        assert part in text
    assert card.client_secret not in page.text
    missing = [path for _, path in NAVIGATION if f'href="{PREFIX}{path}"' not in page.text]
    assert not missing


def test_whoever_plays_nobody_is_led_to_the_choice_and_then_on(
    served: OrgServer, visitor: Visitor, deal: str
) -> None:
    """A link to a deal is opened before anybody logged in; it must not be a dead end."""
    page = visitor.look(f"/deals/{deal}")
    assert "Choose whom to play first" in text_of(page)
    page = visitor.send("/people", user_id=member(served, "rep"), next=f"{PREFIX}/deals/{deal}")
    assert page.url.endswith(f"/deals/{deal}")


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/services/data", f"{PREFIX}x"]
)
def test_the_login_leads_nowhere_else(served: OrgServer, visitor: Visitor, elsewhere: str) -> None:
    """An open redirect on a login page is a gift to whoever fakes one."""
    visitor.look("/people")
    page = visitor.send("/people", user_id=member(served, "rep"), next=elsewhere)
    assert page.url == f"{served.registration.base_url}{PREFIX}/deals"


def test_a_password_logs_in_and_a_wrong_one_does_not(served: OrgServer, visitor: Visitor) -> None:
    """Neither a wrong password nor a person who left gets in, and the page says so without saying which it was."""
    me = served.org.user(member(served, "rep"))
    gone = str(served.org.user(member(served, "left"))["Username"])
    right = served.registration.password
    visitor.look("/people")
    texts = [
        text_of(visitor.send("/people", 401, username=username, password=password))
        for username, password in (
            (str(me["Username"]), "wrong"),
            (gone, right),
            ("nobody@acme.example", right),
        )
    ]
    assert all("That is no active person" in text for text in texts)
    page = visitor.send("/people", username=str(me["Username"]).upper(), password=right)
    assert f"You play {me['Name']}" in text_of(page)
    assert "Nobody is logged in" in text_of(visitor.send("/people/leave"))


def test_a_person_who_is_deactivated_is_nobody_at_once(served: OrgServer, rep: Visitor) -> None:
    """An administrator who deactivates a user ends what that user does."""
    store, me = served.org.store, member(served, "rep")
    store.update("User", me, {"IsActive": False}, by=served.org.system_user_id)
    try:
        assert rep.look("/deals").url.partition("?")[0].endswith("/people")
    finally:
        store.update("User", me, {"IsActive": True}, by=served.org.system_user_id)


@pytest.mark.parametrize("token", ["none", "", "of another session"])
def test_a_form_without_this_sessions_token_changes_nothing(
    served: OrgServer, rep: Visitor, deal: str, token: str
) -> None:
    """Any page in the same browser can post here; the cookie comes along by itself, the token does not."""
    before = served.org.store.get("Opportunity", deal)
    form = {"stage": "Closed Won"}
    if token:
        form["csrf"] = Visitor(served).play(member(served, "rep")).csrf if "another" in token else token
    answer = rep.web.post(f"{PREFIX}/deals/{deal}/stage", data=form)
    assert answer.status_code == 403
    assert "not opened in this browser session" in text_of(answer)
    assert served.org.store.get("Opportunity", deal) == before
    assert rep.web.post(f"{PREFIX}/faults", data={"kind": "drop"}).status_code == 403
    assert rep.web.get("/__local_org__/faults").json() == []


def test_the_pages_session_and_the_apis_tokens_open_nothing_of_each_other(
    served: OrgServer, rep: Visitor
) -> None:
    """A cookie that opened the API would make every page of the browser a client of it."""
    assert rep.web.get(f"{DATA}/limits").status_code == 401
    client = api_as(served, member(served, "rep"))
    assert "Choose whom to play" in text_of(client.get(f"{PREFIX}/deals"))


def test_a_login_changes_the_secret_of_the_session(served: OrgServer, visitor: Visitor) -> None:
    """A session whose secret somebody planted before the login would then be that somebody's too."""
    visitor.look("/people")
    before = visitor.web.cookies.get_dict()
    visitor.send("/people", user_id=member(served, "rep"))
    after = visitor.web.cookies.get_dict()
    assert before.keys() == after.keys()
    assert before != after
    cookie = next(iter(visitor.web.cookies))
    assert (cookie.secure, cookie.path, cookie.has_nonstandard_attr("HttpOnly")) == (True, PREFIX, True)


def test_another_machine_is_refused(served: OrgServer) -> None:
    """An org that listens to a network still plays with people of this machine alone."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope: Scope = {
        "type": "http", "method": "GET", "path": f"{PREFIX}/", "raw_path": f"{PREFIX}/".encode(), "query_string": b"", "headers": [],
        "client": ("192.0.2.7", 5000), "scheme": "https", "server": ("127.0.0.1", 443), "root_path": "", "http_version": "1.1",
    }  # fmt: skip
    asyncio.run(served.config.app(scope, receive, send))  # type: ignore[operator, arg-type]
    assert sent[0]["status"] == 403


def test_playing_is_no_api_call_and_in_no_log(served: OrgServer, rep: Visitor, deal: str) -> None:
    """A test reads the log to learn what a client asked; a person who looks on must not change it."""
    api = Web(served)
    before, calls = api.log(), calls_in_last_day(served.org)
    rep.look(f"/deals/{deal}")
    rep.send(f"/deals/{deal}/edit", NextStep="Call")
    rep.look("/log")
    assert (api.log(), calls_in_last_day(served.org)) == (before, calls)


def test_the_log_shows_the_newest_first_and_what_the_filter_leaves(served: OrgServer, rep: Visitor) -> None:
    """Who asked what, with which query, and the shape of the answer: that is what one looks for after a sync."""
    api = api_as(served, member(served, "integration"))
    api.get(f"{DATA}/query", params={"q": "SELECT Id FROM Contact LIMIT 3"})
    api.get(f"{DATA}/query", params={"q": "SELECT Nothing FROM Contact"})
    newest = rep.look("/log").text.partition("<tbody>")[2]
    assert newest.index("SELECT Nothing") < newest.index("LIMIT 3")
    me = member(served, "integration")
    answered = text_of(rep.look(f"/log?text=from+contact&user={me}&outcome=ok"))
    assert (
        "Fluint Integration GET /services/data/v66.0/query SELECT Id FROM Contact LIMIT 3 SELECT Id FROM Contact LIMIT 3 200 API 3"
        in answered
    )
    assert "SELECT Nothing" not in answered
    refused = text_of(rep.look("/log?outcome=refused&text=nothing"))
    assert "SELECT Nothing FROM Contact 400" in refused
    assert "No entry fits" in text_of(rep.look(f"/log?user={member(served, 'rep', 3)}&text=nothing"))


def test_older_entries_of_the_log_are_a_page_away(served: OrgServer, rep: Visitor) -> None:
    """After a first load the log has thousands of entries; the older ones are read without being moved by new ones."""
    for _ in range(103):
        rep.web.get("/services/data")
    page = rep.look("/log?text=/services/data")
    assert ("100 entries" in text_of(page), 'data-refresh="4"' in page.text) == (True, True)
    link = unescape(page.text.partition('<a class="button quiet" href="?')[2].partition('"')[0])
    older = rep.look(f"/log?{link}")
    assert "data-refresh" not in older.text
    rep.look("/log")
    assert "Nobody has asked anything yet" in text_of(rep.send("/log/clear"))
    assert "No entry fits" in text_of(rep.look(f"/log?{link}"))


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[OrgServer]:
    """An org that nobody filled."""
    with serving_in_thread(tmp_path) as server:
        yield server


def test_an_empty_org_is_filled_from_its_first_page(
    empty: OrgServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever starts the org without options meets an empty one, and should not have to start again."""
    monkeypatch.setattr(people, "DEMO_DEALS", 12)
    visitor = Visitor(empty)
    assert "This org is empty" in text_of(visitor.look("/"))
    assert "There is nobody here yet" in text_of(visitor.look("/people"))
    page = visitor.send("/fill")
    assert "12 deals" in text_of(page)
    assert "This org is empty" not in text_of(page)
    assert shown(visitor.play(member(empty, "manager")).look("/deals"))
    assert "holds opportunities already" in text_of(visitor.send("/fill"))


class _Readable(HTMLParser):
    """Collects what a person who does not see the page, or has no mouse, would stumble over."""

    def __init__(self) -> None:
        super().__init__()
        self.labelled: set[str] = set()
        self.inputs: list[dict[str, str]] = []
        self.counts = {"h1": 0, "table": 0, "caption": 0, "main": 0}
        self._label = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in self.counts:
            self.counts[tag] += 1
        if tag == "label":
            self._label += 1
            self.labelled.add(given.get("for", ""))
        if tag in ("input", "select", "textarea") and given.get("type") != "hidden":
            self.inputs.append(given | {"inside": "1" if self._label else ""})

    def handle_endtag(self, tag: str) -> None:
        self._label -= tag == "label"

    @property
    def nameless(self) -> list[dict[str, str]]:
        """The inputs without a label."""
        return [
            each
            for each in self.inputs
            if not each["inside"] and "aria-label" not in each and each.get("id", "") not in self.labelled
        ]


@pytest.mark.parametrize(
    "path", [path for _, path in NAVIGATION] + ["/people", "/deals?bin=1", "DEAL", "HOLDER"]
)
def test_every_page_names_its_inputs_tables_and_itself(served: OrgServer, path: str) -> None:
    """A field without a label and a table without a caption say nothing to a screen reader."""
    visitor = Visitor(served).play(member(served, "rep"))
    places = {
        "DEAL": f"/deals/{deals_of(served, member(served, 'rep'))[0]}",
        "HOLDER": f"/permissions/{own_set(served, 'Standard User')}",
    }
    page = visitor.look(places.get(path, path))
    found = _Readable()
    found.feed(page.text)
    assert found.counts["h1"] == found.counts["main"] == 1
    assert found.counts["table"] == found.counts["caption"]
    assert found.nameless == []
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "no-store"
