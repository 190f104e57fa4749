"""The login and consent pages in a real browser: by keyboard alone, and whether the way back to the application is free."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode

import pytest
from playwright.sync_api import Page, expect

from tests.local_org.wire.conftest import Person

pytestmark = pytest.mark.browser


class Application:
    """The application's own end: takes what the org sends back to its callback."""

    def __init__(self) -> None:
        self.queries: list[str] = []
        queries = self.queries

        class Callback(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                queries.append(self.path.partition("?")[2])
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self.server = ThreadingHTTPServer(("localhost", 0), Callback)
        self.callback = f"http://localhost:{self.server.server_port}/callback"


@pytest.fixture
def application() -> Iterator[Application]:
    """An application that waits for its answer."""
    found = Application()
    thread = threading.Thread(target=found.server.serve_forever)
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()
    thread.join()


def test_a_person_connects_by_keyboard_alone(page: Page, person: Person, application: Application) -> None:
    """A content policy that blocks the redirect after a form shows in no test without a browser."""
    page.goto(
        f"{person.card.base_url}/services/oauth2/authorize?{urlencode(person.request(redirect_uri=application.callback))}"
    )
    expect(page.get_by_label("Username")).to_be_focused()
    page.keyboard.type(person.username)
    page.keyboard.press("Tab")
    page.keyboard.type(person.card.password)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Allow Fluint to use this org as you?").wait_for()
    page.get_by_role("button", name="Allow").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"{application.callback}**")
    answer = dict(parse_qsl(application.queries[0]))
    assert (answer.keys(), answer["state"]) == ({"code", "state"}, person.state)


def test_a_wrong_password_is_announced_and_the_username_kept(page: Page, person: Person) -> None:
    """Whoever cannot see the page must hear why nothing happened."""
    page.goto(f"{person.card.base_url}/login")
    page.get_by_label("Username").fill(person.username)
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("alert").wait_for()
    assert page.get_by_label("Username").input_value() == person.username
    assert page.get_by_label("Password").input_value() == ""


def test_someone_else_can_log_in_and_goes_on_where_the_first_was(
    page: Page, person: Person, application: Application
) -> None:
    """On a shared browser the wrong person's session must not be a dead end."""
    page.goto(
        f"{person.card.base_url}/services/oauth2/authorize?{urlencode(person.request(redirect_uri=application.callback))}"
    )
    for username in ("edward.moore@acme.example", person.username):
        page.get_by_label("Username").fill(username)
        page.get_by_label("Password").fill(person.card.password)
        page.get_by_role("button", name="Log in").click()
        page.get_by_text(username).first.wait_for()
        if username != person.username:
            page.get_by_role("button", name="Log in as someone else").click()
    page.get_by_role("button", name="Deny").click()
    page.wait_for_url(f"{application.callback}**")
    assert "error=access_denied" in application.queries[0]
