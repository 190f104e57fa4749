"""Catching the redirect: the address as it came, in spite of what else browsers do."""

from __future__ import annotations

import socket
import threading

import pytest
import requests

from orchestration.errors import SetupError
from orchestration.salesforce.redirect import RedirectCatcher
from tests.ports import free_port


@pytest.fixture
def port() -> int:
    """A port of loopback that is free."""
    return free_port()


def visit(port: int, path: str) -> requests.Response:
    """Opens an address as a browser would."""
    return requests.get(f"http://127.0.0.1:{port}{path}", timeout=30)


def catching(port: int) -> RedirectCatcher:
    """A catcher for the attempt whose state is `b`."""
    return RedirectCatcher(port, lambda address: "state=b" in address, lambda text: f"<p>{text}</p>")


class Visit(threading.Thread):
    """A browser that waits for its page."""

    def __init__(self, port: int, path: str) -> None:
        super().__init__()
        self.port, self.path, self.seen = port, path, ""
        self.start()

    def run(self) -> None:
        """Waits for the page."""
        self.seen = visit(self.port, self.path).text


def test_the_callback_is_caught_whole_and_nothing_else_is(
    port: int, capfd: pytest.CaptureFixture[str]
) -> None:
    """A browser asks for an icon too; and the code must not stand in the terminal."""
    with catching(port) as catcher:
        assert visit(port, "/favicon.ico").status_code == 404
        browser = Visit(port, "/callback?code=a%3D%3D&state=b")
        assert catcher.wait(30) == f"http://localhost:{port}/callback?code=a%3D%3D&state=b"
        catcher.answer("<h1>Connected</h1>")
        browser.join(30)
    assert browser.seen == "<h1>Connected</h1>"
    assert "code=" not in "".join(capfd.readouterr())


def test_the_browser_waits_until_it_is_known_how_the_sign_in_ended(port: int) -> None:
    """A page that says "you are connected" before anybody knows sends an admin away from a refusal."""
    with catching(port) as catcher:
        browser = Visit(port, "/callback?code=a&state=b")
        assert catcher.wait(30)
        assert browser.is_alive()
        catcher.answer("refused")
        browser.join(30)
    assert browser.seen == "refused"


def test_a_command_that_ends_without_a_page_does_not_leave_the_browser_waiting(port: int) -> None:
    """A spinning tab looks like a network that is down."""
    with catching(port) as catcher:
        browser = Visit(port, "/callback?code=a&state=b")
        assert catcher.wait(30)
    browser.join(30)
    assert "The terminal says how it ended" in browser.seen


def test_the_page_of_another_sign_in_changes_nothing(port: int) -> None:
    """A tab of yesterday that is restored, or a link that somebody sends, would end the attempt of today."""
    with catching(port) as catcher:
        stale = visit(port, "/callback?code=x&state=old")
        assert (stale.status_code, "another sign-in" in stale.text) == (409, True)
        assert catcher.wait(0.01) is None
        browser = Visit(port, "/callback?code=a&state=b")
        assert catcher.wait(30)
        catcher.answer("done")
        browser.join(30)
    assert browser.seen == "done"


def test_a_connection_that_a_browser_opens_ahead_does_not_hold_up_the_answer(port: int) -> None:
    """Chrome connects before it knows whether it will ask; served one by one, the person would wait for nothing."""
    with catching(port) as catcher, socket.create_connection(("127.0.0.1", port)):
        browser = Visit(port, "/callback?code=a&state=b")
        assert catcher.wait(30)
        catcher.answer("done")
        browser.join(30)
    assert browser.seen == "done"


def test_nobody_who_comes_back_is_no_address(port: int) -> None:
    """A command that waits for ever looks broken."""
    with catching(port) as catcher:
        assert catcher.wait(0.01) is None


def test_a_port_that_is_taken_names_the_setting() -> None:
    """The callback address is registered in the app: another port is a decision, not a fallback."""
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(SetupError, match="FLUINT_REDIRECT_PORT"),
    ):
        catching(taken.getsockname()[1])
