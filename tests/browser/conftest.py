"""A page in the Chromium of this machine, for tests that look at what a person sees."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
# Chromium's own calls home are no part of what is tested, and a closed network refuses them by the dozen.
_QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]


@pytest.fixture
def page() -> Iterator[Page]:
    """An empty page of a fresh profile."""
    if CHROMIUM is None:
        pytest.skip(
            "no Chromium here: `apt-get install chromium`, or your system's package of it, brings one"
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_QUIET)
        # The org's authority is not in the browser's store; that TLS is verified is tested at the client.
        yield browser.new_page(ignore_https_errors=True)
        browser.close()
