"""Catching the redirect: the address as it came, in spite of what else browsers do."""

from __future__ import annotations

import socket

import pytest
import requests

from orchestration.errors import SetupError
from orchestration.salesforce.redirect import RedirectCatcher


@pytest.fixture
def port() -> int:
    """A port of loopback that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        number: int = free.getsockname()[1]
    return number


def visit(port: int, path: str) -> requests.Response:
    """Opens an address as a browser would."""
    return requests.get(f"http://127.0.0.1:{port}{path}", timeout=5)


def test_the_callback_is_caught_whole_and_nothing_else_is(
    port: int, capfd: pytest.CaptureFixture[str]
) -> None:
    """A browser asks for an icon too; and the code must not stand in the terminal."""
    with RedirectCatcher(port) as catcher:
        assert visit(port, "/favicon.ico").status_code == 404
        assert "You can close this page" in visit(port, "/callback?code=a%3D%3D&state=b").text
        assert catcher.wait(5) == f"http://localhost:{port}/callback?code=a%3D%3D&state=b"
    assert "code=" not in "".join(capfd.readouterr())


def test_a_connection_that_a_browser_opens_ahead_does_not_hold_up_the_answer(port: int) -> None:
    """Chrome connects before it knows whether it will ask; served one by one, the person would wait for nothing."""
    with RedirectCatcher(port) as catcher, socket.create_connection(("127.0.0.1", port)):
        assert visit(port, "/callback?code=a&state=b").ok
        assert catcher.wait(5)


def test_a_person_who_does_not_come_back_is_told_what_to_do(port: int) -> None:
    """A command that waits for ever looks broken."""
    with RedirectCatcher(port) as catcher, pytest.raises(SetupError, match="fluint connect"):
        catcher.wait(0.01)


def test_a_port_that_is_taken_names_the_setting() -> None:
    """The callback address is registered in the app: another port is a decision, not a fallback."""
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(SetupError, match="FLUINT_REDIRECT_PORT"),
    ):
        RedirectCatcher(taken.getsockname()[1])
