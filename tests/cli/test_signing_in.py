"""Waiting for a person at a browser: what is said when nobody comes back, and what pasted lines are taken for."""

from __future__ import annotations

import io
import socket
import webbrowser

import pytest

from orchestration.cli import signing_in
from orchestration.cli.signing_in import signed_in
from orchestration.errors import SetupError
from orchestration.salesforce.oauth import LoginAttempt
from tests.ports import free_port

ATTEMPT = LoginAttempt("https://acme.example/authorize?x=1", "the-state", "the-verifier")
CAME = "http://localhost:1717/callback?code=the-code&state=the-state"


@pytest.fixture(autouse=True)
def _no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test opens a browser of this machine."""
    monkeypatch.setattr(webbrowser, "open", lambda _: True)


def test_nobody_who_comes_back_in_time_is_told_of_the_page_that_leads_nowhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of an app that is not installed Salesforce may show a page of its own and never come back: no program sees that refusal."""
    monkeypatch.setattr(signing_in, "PATIENCE", 1.0)
    with (
        pytest.raises(SetupError, match=r"OAUTH_APPROVAL_ERROR_GENERIC: .*chooses Install"),
        signed_in(ATTEMPT, free_port(), no_browser=False),
    ):
        pass


def test_what_is_pasted_is_taken_though_the_port_of_the_callback_is_taken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a server that runs something there already, the browser is elsewhere anyway."""
    monkeypatch.setattr("sys.stdin", io.StringIO(f"\nhttp://localhost/callback?code=x&state=old\n{CAME}\n"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with signed_in(ATTEMPT, port, no_browser=True) as answer:
            assert answer.address == CAME
        with (
            pytest.raises(SetupError, match="FLUINT_REDIRECT_PORT"),
            signed_in(ATTEMPT, port, no_browser=False),
        ):
            pass
    said = capsys.readouterr()
    assert ATTEMPT.url in said.out
    assert said.err.count("another sign-in") == 1
    assert "the-code" not in said.out + said.err


def test_a_machine_that_turns_out_to_have_no_browser_takes_what_is_pasted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It asked for the address of the last page to be pasted, and did not read it: ten minutes of waiting for nothing."""
    monkeypatch.setattr(webbrowser, "open", lambda _: False)
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{CAME}\n"))
    with signed_in(ATTEMPT, free_port(), no_browser=False) as answer:
        assert answer.address == CAME
    assert ATTEMPT.url in capsys.readouterr().out


def test_an_input_that_ends_without_an_answer_ends_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """A script without a terminal would wait ten minutes for a line that cannot come."""
    monkeypatch.setattr("sys.stdin", io.StringIO("nonsense\n"))
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(SetupError, match="Nobody finished"),
        signed_in(ATTEMPT, taken.getsockname()[1], no_browser=True),
    ):
        pass
