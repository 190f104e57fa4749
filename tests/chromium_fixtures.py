"""The Chromium of this machine, for tests that look at what a person sees: one for each file, a fresh profile for each test.

Where there is none the tests skip, and say what installs one; in CI, which sets FLUINT_TEST_CHROMIUM, that is a failure.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
IS_REQUIRED = os.environ.get("FLUINT_TEST_CHROMIUM") == "required"
_PATIENCE = 60_000  # milliseconds, on a busy machine
# Chromium's own calls home are no part of what is tested, and a closed network refuses them by the dozen.
_QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Runs Chromium, which this machine must have, while the block runs."""
    from playwright.sync_api import (  # every worker loads this file, few need a browser
        expect,
        sync_playwright,
    )

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_QUIET, timeout=2 * _PATIENCE)
        expect.set_options(timeout=_PATIENCE)  # which the time-out of a page does not set
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A running Chromium. Not kept longer: while Playwright is at work, no test of the same process can run asyncio."""
    if CHROMIUM is None and IS_REQUIRED:
        pytest.fail("no Chromium here, and in CI a browser test that skips proves nothing: see .ci/run")
    if CHROMIUM is None:
        pytest.skip(
            "no Chromium here: `apt-get install chromium`, or your system's package of it, brings one"
        )
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """An empty page of a fresh profile."""
    # A local org's authority is not in the browser's store; that TLS is verified is tested at the client.
    with chromium.new_context(
        ignore_https_errors=True, viewport={"width": 1280, "height": 900}, timezone_id="UTC"
    ) as context:
        context.set_default_timeout(_PATIENCE)
        yield context.new_page()
