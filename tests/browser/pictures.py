"""The pictures of README.md, taken from a running `fluint ui` of the demo's invented people: `make pictures` writes them anew.

Belongs here: what they show and how much of it. That what they show works is test_dagster_ui.py's.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Page

from tests.browser.running_ui import Ui, running_ui
from tests.chromium_fixtures import running_chromium
from tests.contract.running_org import ROOT

DIRECTORY = ROOT / "docs" / "pictures"
# Without what only serves the building of marts, or looks after the rest: the way of a row, which is what a newcomer asks for.
_WAY = 'not (group:"intermediate" or group:"ledger" or group:"setup" or group:"status" or group:"operating")'
_LONG = 600_000  # milliseconds, on a busy machine


def graph(page: Page, ui: Ui) -> None:
    """The groups of assets from Salesforce and the app to the marts."""
    page.set_viewport_size({"width": 1280, "height": 480})
    page.goto(f"{ui.address}/asset-groups~{quote(_WAY)}/")
    page.get_by_text("Hide navigation").click()
    page.reload()  # the graph is fitted to its place when it is loaded
    page.locator("svg").get_by_text("staging", exact=True).first.wait_for()


def calendar(page: Page, ui: Ui) -> None:
    """What is held beside Salesforce's own counts, month by month."""
    page.set_viewport_size({"width": 1280, "height": 680})
    page.goto(f"{ui.address}/assets/fluint_sync/completeness")
    page.get_by_text("Hide navigation").click()
    page.get_by_placeholder("Filter metadata keys").fill("calendar of")
    # Users, stages and record types come first, and have few months.
    first = page.get_by_text("calendar of opportunity", exact=True)
    first.evaluate("each => each.closest('tr').scrollIntoView()")


def main() -> None:
    """Starts everything, reads the org, compares, and takes the pictures."""
    DIRECTORY.mkdir(exist_ok=True)
    with running_ui() as ui, running_chromium() as chromium:
        ui.stop_automation()
        ui.succeed("sync_now_job")
        ui.succeed("reconcile_salesforce_job")
        for shows in (graph, calendar):
            page = chromium.new_page()
            page.set_default_timeout(_LONG)
            shows(page, ui)
            page.wait_for_load_state("networkidle")
            _take(page, DIRECTORY / f"{shows.__name__}.png")


def _take(page: Page, path: Path) -> None:
    """Waits until nothing moves any more, which is when two pictures are the same."""
    before = b""
    while (now := page.screenshot()) != before:
        before = now
        page.wait_for_timeout(1_000)
    path.write_bytes(now)
    print(f"{path.relative_to(ROOT)}: {len(now) // 1024} kB")


if __name__ == "__main__":
    main()
