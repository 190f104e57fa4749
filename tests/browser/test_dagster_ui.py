"""`fluint ui` from nothing, as an engineer sees it in Chromium, and what is left when it is ended: nothing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from playwright.sync_api import Page, expect

from orchestration.postgres.embedded import EmbeddedPostgres
from tests.cli.conftest import free_port
from tests.contract.running_org import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

_PATIENCE = 60_000  # milliseconds, on a busy machine


@dataclass(frozen=True)
class Ui:
    """A running `fluint ui`."""

    process: subprocess.Popen[str]
    address: str
    directory: Path


@pytest.fixture(scope="module")
def ui() -> Iterator[Ui]:
    """The UI with a Postgres and an org of its own, told ready by itself."""
    # Not below pytest's directory, which every other pytest session closes again: as root the server runs as another user.
    with TemporaryDirectory(prefix="fluint-ui-") as made:
        Path(made).chmod(0o711)
        yield from _running_ui(Path(made), free_port())


def _running_ui(directory: Path, port: int) -> Iterator[Ui]:
    command = [str(Path(sys.executable).with_name("fluint")), "ui", "--port", str(port)]
    variables = os.environ | {"FLUINT_DATA_DIRECTORY": str(directory), "NO_PROXY": "127.0.0.1,localhost"}
    with subprocess.Popen(command, env=variables, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if "The Dagster UI is at" in line:
                break
        assert said[-1:] == [f"✓ The Dagster UI is at http://127.0.0.1:{port}\n"], said
        yield Ui(process, f"http://127.0.0.1:{port}", directory)
        process.terminate()


def test_the_code_location_is_loaded_and_shows_its_assets(page: Page, ui: Ui) -> None:
    """A location that fails to load leaves a UI that looks alive and does nothing."""
    page.goto(f"{ui.address}/deployment/locations")
    expect(page.get_by_text("Loaded", exact=True)).to_be_visible(timeout=_PATIENCE)
    expect(page.get_by_text("Failed", exact=True)).to_have_count(0)
    for asset, description in (
        ("raw_salesforce/opportunity", "Deals of matched, licensed owners"),
        ("fluint/deals", "One row per opportunity that came into Fluint"),
    ):
        page.goto(f"{ui.address}/assets/{asset}")
        expect(page.get_by_text(description).first).to_be_visible(timeout=_PATIENCE)
    page.goto(f"{ui.address}/automation")
    expect(page.get_by_text("salesforce_changes_sensor")).to_be_visible(timeout=_PATIENCE)


def test_sigterm_ends_the_ui_with_all_that_it_started(ui: Ui) -> None:
    """Left behind, a daemon goes on syncing, and a webserver keeps the port, with nobody who knows of them."""
    ui.process.send_signal(signal.SIGTERM)
    assert ui.process.wait(100) == 0
    assert not EmbeddedPostgres(ui.directory / "ui" / "postgres").is_running()
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert [line for line in listed.splitlines() if str(ui.directory) in line] == []
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(ui.address.rpartition(":")[2]))) != 0
