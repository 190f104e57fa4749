"""`fluint ui` from nothing, as an engineer sees it in Chromium, and what is left when it is ended: nothing.

One UI serves all tests of this file. What a person clicks is clicked; what only has to be there is started through GraphQL.
"""

from __future__ import annotations

import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from orchestration.assets.months import months_until
from orchestration.postgres.embedded import EmbeddedPostgres
from tests.browser.running_ui import Ui, running_ui

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]

_PATIENCE = 60_000  # milliseconds, on a busy machine
_LONG = 600_000  # the same for a run
_GROUPS = (
    "app",
    "documents",
    "entitlement",
    "intermediate",
    "ledger",
    "marts",
    "reconciling",
    "salesforce",
    "setup",
    "staging",
)


@pytest.fixture(scope="module")
def ui() -> Iterator[Ui]:
    """The UI with a Postgres and an org of its own, in which runs only what a test starts, once it is ready."""
    with running_ui() as ui:
        ui.stop_automation()
        yield ui


@pytest.fixture(scope="module")
def synced(ui: Ui, chromium: Browser) -> Ui:
    """The workspace after one click of a person on sync_now_job, which must end green."""
    page = chromium.new_page()
    page.set_default_timeout(_PATIENCE)
    page.goto(f"{ui.address}/locations/fluint/jobs/sync_now_job/playground")
    page.get_by_role("button", name="Launch Run").click(timeout=_PATIENCE)
    page.wait_for_url("**/runs/*", timeout=_PATIENCE)
    expect(page.get_by_text("Success", exact=True).first).to_be_visible(timeout=_LONG)
    page.close()
    return ui


@pytest.fixture(scope="module")
def checked(synced: Ui) -> Ui:
    """The workspace after a night of checks; during that of the set-up the org hid a field."""
    # A backfill of raw tables, and a comparison that brings rows in, leave the marts behind until a sensor looks; here none does.
    synced.succeed("build_models_job")
    synced.org("POST", "/mistakes", ["opportunity_amount_hidden"])
    try:
        synced.succeed("check_setup_job", "check_models_job")
    finally:
        synced.org("DELETE", "/mistakes")
    synced.succeed("reconcile_salesforce_job")
    return synced


def entry(page: Page, key: str) -> Locator:
    """The value of an asset's or check's metadata of this name."""
    return page.get_by_role("row").filter(has=page.get_by_role("cell", name=key, exact=True)).first


def test_the_code_location_is_loaded_and_shows_its_assets(page: Page, ui: Ui) -> None:
    """A location that fails to load leaves a UI that looks alive and does nothing."""
    page.goto(f"{ui.address}/deployment/locations")
    expect(page.get_by_text("Loaded", exact=True)).to_be_visible()
    expect(page.get_by_text("Failed", exact=True)).to_have_count(0)
    page.goto(f"{ui.address}/automation")
    expect(page.get_by_text("salesforce_changes_sensor")).to_be_visible()


def test_the_graph_shows_the_way_of_a_row_with_its_groups(page: Page, ui: Ui) -> None:
    """A hundred boxes without groups, or half of them in one called default, explain nothing to a newcomer."""
    page.goto(f"{ui.address}/asset-groups")
    names = page.get_by_role("main").or_(page.locator("body"))
    for group in _GROUPS:
        expect(names.get_by_text(group, exact=True).first).to_be_visible()
    expect(page.get_by_text("default", exact=True)).to_have_count(0)


def test_one_click_on_sync_now_job_fills_the_workspace(page: Page, synced: Ui) -> None:
    """The one thing that everybody tries first; it must need no configuration, no order of steps and no waiting for a sensor."""
    page.goto(f"{synced.address}/assets/fluint/deals")
    expect(page.get_by_text("One row per opportunity that came into Fluint")).to_be_visible()
    expect(page.get_by_text("Never materialized")).to_have_count(0)
    page.goto(f"{synced.address}/assets/raw_salesforce/opportunity")
    expect(page.get_by_text("Deals of matched, licensed owners")).to_be_visible()
    expect(entry(page, "data_as_of")).to_contain_text("UTC")
    expect(entry(page, "complete")).to_contain_text("true")


def test_a_backfill_of_a_range_that_is_clicked_ends_green_and_marks_the_bar(page: Page, synced: Ui) -> None:
    """Reading months again is the engineer's remedy for doubt; one that leaves no mark is started twice."""
    asset = f"{synced.address}/assets/raw_salesforce/opportunity?view=partitions"
    page.goto(asset)
    expect(page.get_by_text("Missing (0)")).to_be_visible()  # what is held is marked without any backfill
    synced.forget_months("raw_salesforce", "opportunity")
    page.reload()
    expect(page.get_by_text("Materialized (0)")).to_be_visible()
    first, last = months_until(datetime.now(UTC), 3).values()
    page.get_by_role("button", name="Materialize").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill(f"[{first}...{last}]")
    page.keyboard.press("Enter")
    expect(dialog.get_by_text("3 partitions", exact=True)).to_be_visible()
    dialog.get_by_role("button", name="Launch backfill").click()
    expect(page.get_by_text("Created backfill")).to_be_visible()
    page.goto(f"{synced.address}/runs?view=backfills")
    page.locator("a[href*='/runs/b/']").first.click()
    expect(page.get_by_text(f"{first}...{last}")).to_be_visible()
    expect(page.get_by_text("100% completed")).to_be_visible(timeout=_LONG)
    expect(page.get_by_text("Succeeded", exact=True).first).to_be_visible()
    page.goto(asset)
    expect(page.get_by_text("Materialized (3)")).to_be_visible()
    expect(page.get_by_text("Failed (0)")).to_be_visible()


def test_a_set_up_check_that_fails_is_red_with_its_text(page: Page, checked: Ui) -> None:
    """A red mark without a text sends people to the documentation; a text without a mark is never read."""
    page.goto(f"{checked.address}/assets/fluint_sync/setup?view=checks&checkDetail=opportunity")
    expect(page.get_by_text("Failed", exact=True).first).to_be_visible()
    text = page.get_by_text("Opportunity.Amount cannot be read by the integration user")
    expect(text).to_contain_text("People notice:")
    expect(text).to_contain_text("Mended by a Salesforce admin:")
    page.get_by_text("clock", exact=True).first.click()
    expect(page.get_by_text("Passed", exact=True)).to_be_visible()


def test_completeness_is_a_calendar_and_a_table_that_can_be_read_and_figures_are_plotted(
    page: Page, checked: Ui
) -> None:
    """A picture behind a click, cut off at July or drawn in signs that the machine lacks is no picture."""
    page.goto(f"{checked.address}/assets/fluint_sync/completeness")
    calendar = entry(page, "calendar of opportunity")
    picture = calendar.get_by_role("img", name="All ")
    expect(picture).to_be_visible()
    drawn = picture.evaluate("each => [each.complete, each.naturalWidth, each.getBoundingClientRect().width]")
    assert drawn == [True, 270, 270], drawn
    expect(calendar).to_contain_text(re.compile(r"All [\d,]+ are held\."))
    table = entry(page, "compared").get_by_role("table")
    expect(table.get_by_role("row").filter(has_text="email_message")).to_be_visible()
    assert table.get_by_role("columnheader").all_inner_texts()[:3] == ["object", "differ", "held"]
    page.goto(f"{checked.address}/assets/raw_salesforce/opportunity")
    page.get_by_role("button", name="Plots").click()
    expect(page.locator("canvas").first).to_be_visible()


def test_a_check_of_great_expectations_leads_to_its_data_docs(page: Page, checked: Ui) -> None:
    """A file:// link, which a browser does not follow from the UI, or a page whose scripts could press the UI's buttons."""
    page.goto(f"{checked.address}/assets/fluint/deals?view=checks&checkDetail=deals_are_plausible")
    table = page.get_by_role("table").filter(has_text="expect_column_values_to_be_between")
    expect(table.first).to_be_visible()
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="/data-docs/deals_are_plausible.html").first.click()
    docs = opened.value
    docs.wait_for_url("**/data-docs/validations/deals_are_plausible/**")
    expect(docs.get_by_text("Successful Expectations", exact=True)).to_be_visible()
    expect(docs.get_by_text("values must be 18.0 characters long.").first).to_be_visible()
    assert docs.evaluate("window.origin") == "null"


def test_sigterm_ends_the_ui_with_all_that_it_started(ui: Ui) -> None:
    """Left behind, a daemon goes on syncing, and a webserver keeps the port, with nobody who knows of them."""
    ui.process.send_signal(signal.SIGTERM)
    assert ui.process.wait(300) == 0
    assert not EmbeddedPostgres(ui.directory / "ui" / "postgres").is_running()
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert [line for line in listed.splitlines() if str(ui.directory) in line] == []
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(ui.address.rpartition(":")[2]))) != 0
