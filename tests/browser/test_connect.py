"""`fluint connect` as a person goes through it: the address that it prints, the org's pages in Chromium, and how it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from orchestration.postgres.connection import Database
from orchestration.postgres.token_store import new_key
from tests.cli.conftest import environment
from tests.contract.running_org import ROOT, RunningOrg, serving

pytestmark = pytest.mark.browser


@pytest.fixture
def org(tmp_path: Path) -> Iterator[RunningOrg]:
    """A new org: one that was approved before does not ask again."""
    with serving(tmp_path / "org", 10) as running:
        yield running


@contextmanager
def connecting(variables: dict[str, str | None]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Runs `fluint connect --no-browser` and gives it with the address that it prints."""
    given = {name: value for name, value in variables.items() if value is not None}
    command = [str(Path(sys.executable).with_name("fluint")), "connect", "--no-browser"]
    with subprocess.Popen(
        command,
        env=os.environ | given,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            printed = (line.strip() for line in process.stdout)
            yield process, next(line for line in printed if line.startswith("https://"))
        finally:
            process.kill()


def sign_in(page: Page, org: RunningOrg, url: str) -> None:
    """Goes to the consent page."""
    page.goto(url)
    page.get_by_label("Username").fill(str(org.card["username"]))
    page.get_by_label("Password").fill(str(org.card["password"]))
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("button", name="Allow")).to_be_visible()


def how_it_ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code, and what was said after the address."""
    assert process.stdout is not None
    text = " ".join(process.stdout.read().split())
    return process.wait(30), text


def test_a_person_who_allows_the_access_is_connected(
    page: Page, org: RunningOrg, database: Database, tmp_path: Path
) -> None:
    """The first thing that anybody does with this product; a wrong scope, redirect or page ends it there."""
    variables = environment(org, database, database, tmp_path)
    with connecting(variables) as (process, url):
        sign_in(page, org, url)
        page.get_by_role("button", name="Allow").click()
        page.wait_for_url("http://localhost:*/**")
        shown = page.inner_text("body")
        assert "Fluint is connected to Salesforce" in shown
        assert (
            shown.index("What happens next") < shown.index("fluint users import") < shown.index("fluint sync")
        )
        assert "You can close this page" in shown
        code, text = how_it_ended(process)
    assert (code, "Connected to org" in text) == (0, True), text
    assert str(org.card["client_secret"]) not in text
    with database.connect() as connection:
        assert connection.execute("select count(*) from fluint_sync.connection").fetchone() == (1,)


def test_a_person_who_denies_the_access_is_told_so(
    page: Page, org: RunningOrg, database: Database, tmp_path: Path
) -> None:
    """A refusal must end the waiting command with a text, not leave it hanging or with a traceback."""
    variables = environment(org, database, database, tmp_path) | {"FLUINT_ENCRYPTION_KEY": new_key()}
    with connecting(variables) as (process, url):
        sign_in(page, org, url)
        page.get_by_role("button", name="Deny").click()
        page.wait_for_url("http://localhost:*/**")
        assert "Fluint is not connected to Salesforce" in page.inner_text("body")
        assert "choose Allow" in page.inner_text("body")
        code, text = how_it_ended(process)
    assert code == 1
    assert "Traceback" not in text
    assert "denied" in text.casefold() or "declined" in text.casefold(), text
    with database.connect() as connection:
        assert connection.execute("select count(*) from fluint_sync.connection").fetchone() == (0,)
