"""`fluint ui` from nothing, as an engineer sees it in Chromium, and what is left when it is ended: nothing."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Iterator

import pytest

from orchestration.postgres.embedded import EmbeddedPostgres
from tests.browser.running_ui import Ui, running_ui

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def ui() -> Iterator[Ui]:
    """The UI with a Postgres and an org of its own, in which runs only what a test starts."""
    with running_ui() as ui:
        ui.stop_sensors()
        yield ui


def test_sigterm_ends_the_ui_with_all_that_it_started(ui: Ui) -> None:
    """Left behind, a daemon goes on syncing, and a webserver keeps the port, with nobody who knows of them."""
    ui.process.send_signal(signal.SIGTERM)
    assert ui.process.wait(100) == 0
    assert not EmbeddedPostgres(ui.directory / "ui" / "postgres").is_running()
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert [line for line in listed.splitlines() if str(ui.directory) in line] == []
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(ui.address.rpartition(":")[2]))) != 0
