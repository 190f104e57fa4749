"""The workbench in a real browser: a newcomer's first ten minutes, the log that renews itself, a narrow screen, the keyboard."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from local_org import standard
from local_org.server import OrgServer
from local_org.workbench.site import NAVIGATION
from tests.local_org.wire.conftest import Web
from tests.local_org.wire.workbench.conftest import PREFIX, api_as, deals_of, member, own_set, read

pytestmark = pytest.mark.browser
VERSIONS = "/services/data/v66.0/sobjects/ContentVersion"


@pytest.fixture(scope="module")
def page(chromium: Browser) -> Iterator[Page]:
    """A page in Chromium, kept by the tests of this file; what its console complains of fails the last of them."""
    # The org's authority is not in the browser's own store; that TLS is right is tested elsewhere.
    page = chromium.new_page(ignore_https_errors=True, viewport={"width": 1280, "height": 900})
    page.set_default_timeout(60_000)
    complaints: list[str] = []
    page.on("console", lambda each: complaints.append(each.text))
    yield page
    page.close()
    assert not complaints, complaints


def upload(served: OrgServer, deal: str) -> None:
    """Puts two versions of a document on a deal, as the application does."""
    api = api_as(served, member(served, "integration"))
    values = {"PathOnClient": "Business case.pdf", "VersionData": base64.b64encode(b"%PDF one").decode()}
    first = api.post(VERSIONS, json=values | {"FirstPublishLocationId": deal}).json()["id"]
    found = read(api, f"SELECT ContentDocumentId FROM ContentVersion WHERE Id = '{first}'")
    assert (
        api.post(VERSIONS, json=values | {"ContentDocumentId": found[0]["ContentDocumentId"]}).status_code
        == 201
    )


@pytest.fixture
def put_back(served: OrgServer, deal: str) -> Iterator[None]:
    """What the administrator takes away in the test is there again after it."""
    store, by = served.org.store, served.org.system_user_id
    kept = store.select("select name, value from _setting where name like 'layout:%'")
    yield
    store.execute("delete from _setting where name like 'layout:%'")
    store.execute_many("insert into _setting values (?, ?)", kept)
    standard.grant_fields(store, own_set(served, "Standard User"), "Opportunity", ["Amount"], by=by)


def test_a_newcomer_plays_a_rep_and_an_administrator(
    page: Page, served: OrgServer, deal: str, put_back: None
) -> None:
    """The whole promise: log in as a rep, move a deal, find the files; as the administrator hide a field and the Files list."""
    upload(served, deal)
    me = served.org.user(member(served, "rep"))
    page.goto(served.registration.base_url)
    page.get_by_role("button", name=f"Play {me['Name']}").click()
    expect(page.get_by_role("columnheader", name="Amount")).to_be_visible()
    page.goto(f"{served.registration.base_url}/{deal}")
    page.get_by_role("button", name="Proposal/Price Quote").click()
    expect(page.get_by_role("status")).to_have_text("The deal is in stage Proposal/Price Quote.")
    expect(page.locator("[aria-current=step]")).to_have_text("Proposal/Price Quote")
    soql = f"SELECT StageName, LastModifiedById FROM Opportunity WHERE Id = '{deal}'"
    row = read(api_as(served, member(served, "integration")), soql)[0]
    assert (row["StageName"], row["LastModifiedById"]) == ("Proposal/Price Quote", me["Id"])

    files = page.get_by_role("region", name="Files")
    # Other tests of the room may have put files there, too.
    expect(files.get_by_role("row").nth(2)).to_be_visible()
    with page.expect_download() as download:
        files.get_by_role("link", name="Download version 1 of Business case").click()
    assert download.value.suggested_filename == "Business case.pdf"

    expect(page.get_by_label("Amount")).to_be_visible()
    page.get_by_role("link", name="Permissions", exact=True).click()
    page.get_by_role("link", name="Standard User").click()
    page.get_by_label("Read Amount", exact=True).uncheck()
    page.get_by_role("button", name="Save fields of Opportunity").click()
    page.get_by_role("link", name="Layouts", exact=True).click()
    name = served.org.store.select(
        "select t.Name from Opportunity o join RecordType t on t.Id = o.RecordTypeId where o.Id = ?", (deal,)
    )[0][0]
    page.get_by_label(f"{name}: Files").uncheck()
    page.get_by_role("button", name="Save layouts").click()

    page.goto(f"{served.registration.base_url}/{deal}")
    expect(page.get_by_role("heading", name="Details")).to_be_visible()
    expect(page.get_by_label("Amount")).to_have_count(0)
    expect(page.get_by_text("Amount", exact=True)).to_have_count(0)
    expect(page.get_by_text("Files")).to_have_count(0)
    page.get_by_role("link", name="Deals", exact=True).first.click()
    expect(page.get_by_role("columnheader", name="Amount")).to_have_count(0)


def test_the_log_renews_itself_while_somebody_looks(page: Page, served: OrgServer) -> None:
    """Whoever watches a sync should not have to press reload; a policy that blocks the script shows in no test without a browser."""
    page.goto(f"{served.registration.base_url}{PREFIX}/log?text=watched")
    expect(page.get_by_text("No entry fits the filter.")).to_be_visible()
    assert Web(served).get("/services/data/v66.0/watched").status_code == 401
    expect(page.get_by_text("/services/data/v66.0/watched")).to_be_visible()
    expect(page.get_by_label("Refresh every four seconds")).to_be_checked()


def test_a_person_filters_and_opens_a_deal_by_keyboard_alone(page: Page, served: OrgServer) -> None:
    """Not everybody has a mouse: focus must be reachable, in order, and Enter must do what a click does."""
    page.goto(f"{served.registration.base_url}{PREFIX}/people")
    name = served.org.user(member(served, "manager"))["Name"]
    page.get_by_role("button", name=f"Play {name}").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Name contains").focus()
    page.keyboard.type("seats")
    page.keyboard.press("Enter")
    page.wait_for_url("**text=seats*")  # before, the field holds what was typed, on the page before
    expect(page.get_by_label("Name contains")).to_have_value("seats")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.locator("tbody a").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Details")).to_be_visible()


@pytest.mark.parametrize("width", [1280, 420])
def test_no_page_is_wider_than_the_screen(page: Page, served: OrgServer, width: int) -> None:
    """A page that has to be pushed sideways is not read on a telephone."""
    deal = deals_of(served, member(served, "rep"))[0]
    page.set_viewport_size({"width": width, "height": 900})
    paths = [path for _, path in NAVIGATION]
    paths += ["/people", f"/deals/{deal}", f"/permissions/{own_set(served, 'Standard User')}"]
    wider = {}
    for path in paths:
        page.goto(f"{served.registration.base_url}{PREFIX}{path}")
        wider[path] = page.evaluate("document.documentElement.scrollWidth") - width
    assert not [path for path, by in wider.items() if by > 0], wider
