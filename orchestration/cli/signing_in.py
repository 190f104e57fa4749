"""How a person signs in: a browser on this machine, or any browser elsewhere whose last address is pasted here.

What is asked for and what an answer means is `salesforce.oauth`'s business; what is done with the grant, `connecting`'s.
"""

from __future__ import annotations

import queue
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

from orchestration.cli.console import console, errors, working
from orchestration.cli.pages import plain
from orchestration.errors import SetupError
from orchestration.salesforce.oauth import LoginAttempt, answer_of
from orchestration.salesforce.redirect import RedirectCatcher
from orchestration.salesforce.responses import app_not_installed

PATIENCE = 600.0
"""Seconds for a person to sign in, an admin's second factor included."""


@dataclass(frozen=True)
class Answer:
    """The address that a person's browser was sent to, and a way to give that browser a page of HTML, if it waits for one."""

    address: str
    show: Callable[[str], None]


@contextmanager
def signed_in(attempt: LoginAttempt, port: int, *, no_browser: bool) -> Iterator[Answer]:
    """Leads a person to the consent page and yields what came back; the browser waits for its page while the block runs.

    Raises SetupError when nobody came back in time, or the port of the callback is taken and nothing can be pasted instead.
    """
    catcher = _catcher(attempt, port, is_optional=no_browser)
    with catcher or nullcontext():
        answers: queue.Queue[str | None] = queue.Queue()
        if catcher is not None:
            _in_background(lambda: answers.put(catcher.wait(PATIENCE)))

        def elsewhere() -> None:
            _ask_to_open_it_elsewhere(attempt.url)
            _in_background(lambda: _read_pasted(attempt, answers, is_only_way=catcher is None))

        if no_browser:
            elsewhere()
        else:
            _in_background(lambda: _open(attempt.url, elsewhere))
        with working("Waiting for the sign-in in the browser"):
            address = _first(answers)
        yield Answer(address, catcher.answer if catcher is not None else lambda _: None)


def _catcher(attempt: LoginAttempt, port: int, *, is_optional: bool) -> RedirectCatcher | None:
    try:
        return RedirectCatcher(port, lambda address: _belongs(attempt, address), plain)
    except SetupError:
        if not is_optional:
            raise
        return None


def _belongs(attempt: LoginAttempt, address: str) -> bool:
    try:
        answer_of(attempt, address)
    except SetupError:
        return False
    return True


def _first(answers: queue.Queue[str | None]) -> str:
    try:
        address = answers.get(timeout=PATIENCE)
    except queue.Empty:
        address = None
    if address is None:
        raise SetupError(
            "Nobody finished the sign-in page in time. Nothing was connected. Run `fluint connect` again and approve the access in the"
            f" browser. If Salesforce's page showed OAUTH_APPROVAL_ERROR_GENERIC: {app_not_installed()}"
        )
    return address


def _open(url: str, otherwise: Callable[[], None]) -> None:
    # Some browsers, and every command in BROWSER, keep `open` until their window is closed: that must not keep the answer waiting.
    if not webbrowser.open(url):
        otherwise()


def _ask_to_open_it_elsewhere(url: str) -> None:
    console.print("Open this address in a browser and sign in as the integration user:")
    console.out(url)
    console.print(
        "In a browser on this machine that is all. In one elsewhere, the last page cannot be shown: copy its whole address, which begins"
        " with http://localhost, from the browser's address bar, and paste it here."
    )


def _read_pasted(attempt: LoginAttempt, answers: queue.Queue[str | None], *, is_only_way: bool) -> None:
    """Passes on the first line that is an answer to this attempt; says of others what is wrong with them."""
    for line in sys.stdin:
        try:
            answer_of(attempt, line)
        except SetupError as error:
            if line.strip():
                errors.print(f"✗ {error}", markup=False)
            continue
        answers.put(line.strip())
        return
    if is_only_way:
        answers.put(None)


def _in_background(work: Callable[[], None]) -> None:
    threading.Thread(target=work, daemon=True).start()
