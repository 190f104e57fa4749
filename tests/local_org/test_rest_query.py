"""/query and /queryAll: pages, locators, their life and size."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from local_org import ids
from local_org.clock import Clock
from local_org.org import Org
from tests.local_org.conftest import World

SOQL = "SELECT Id, Name FROM Account ORDER BY Name"
PREFIX = "/services/data/v66.0"


def load_accounts(world: World, count: int) -> None:
    """Loads accounts named by four digits, owned by the administrator."""
    rows = (
        {"Id": ids.make_id("001", n + 1), "Name": f"{n:04d}", "OwnerId": world.admin} for n in range(count)
    )
    world.org.store.load("Account", rows)


def follow(world: World, page: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns a page and all that follow it."""
    pages = [page]
    while not pages[-1]["done"]:
        pages.append(world.get(pages[-1]["nextRecordsUrl"].removeprefix(PREFIX)))
    return pages


def test_pages_hold_2000_rows_and_the_total_stays_the_grand_total(world: World) -> None:
    """API sheet 2.2; REST API Developer Guide, Query, nextRecordsUrl: `<cursor>-<next row>`; the last page has none."""
    load_accounts(world, 4_100)
    pages = follow(world, world.get("/query", q=SOQL))
    assert [len(page["records"]) for page in pages] == [2_000, 2_000, 100]
    assert {page["totalSize"] for page in pages} == {4_100}
    assert pages[0]["nextRecordsUrl"].startswith(f"{PREFIX}/query/0r8")
    assert pages[0]["nextRecordsUrl"].endswith("-2000")
    assert "nextRecordsUrl" not in pages[-1]
    assert [record["Name"] for page in pages for record in page["records"]] == [
        f"{n:04d}" for n in range(4_100)
    ]


@pytest.mark.parametrize(
    ("hint", "size"), [("batchSize=500", 500), ("batchSize=1", 200), ("batchSize=9999", 2_000)]
)
def test_the_batch_size_is_a_hint_within_bounds(world: World, hint: str, size: int) -> None:
    """API sheet 2.2; REST API Developer Guide, Query Options Header: 200 to 2,000."""
    load_accounts(world, 2_500)
    page = world.call("GET", "/query", q=SOQL, headers={"sforce-query-options": hint}).body
    assert isinstance(page, dict)
    assert len(page["records"]) == size


def test_wide_rows_come_in_smaller_pages(world: World) -> None:
    """API sheet 2.2; REST API Developer Guide, Query: a page may be smaller than asked; a client that counts on 2,000 would stop early."""
    body = "x" * 100_000
    for _ in range(150):
        world.add("EmailMessage", HtmlBody=body)
    pages = follow(world, world.get("/query", q="SELECT Id, HtmlBody FROM EmailMessage"))
    assert [len(page["records"]) for page in pages] == [100, 50]
    assert pages[0]["totalSize"] == 150


def test_two_long_custom_texts_bring_the_page_down_to_200_rows(world: World) -> None:
    """API sheet 2.2 [D]: whatever the hint says; one of them, or standard long texts, do not."""
    world.org.switches.set({"custom_fields": True})
    rows = ({"Id": ids.make_id("006", n + 1), "Name": "x", "OwnerId": world.admin} for n in range(450))
    world.org.store.load("Opportunity", rows)
    for fields, sizes in (
        ("Competition__c, Why_We_Win__c", [200, 200, 50]),
        ("Competition__c, Description", [450]),
        ("FIELDS(STANDARD)", [450]),
    ):
        answer = world.call(
            "GET",
            "/query",
            q=f"SELECT {fields} FROM Opportunity",
            headers={"sforce-query-options": "batchSize=500"},
        )
        assert isinstance(answer.body, dict)
        assert [len(page["records"]) for page in follow(world, answer.body)] == sizes


def test_more_than_ten_cursors_stay_open(world: World) -> None:
    """API sheet 2.2: the rule of ten cursors a user was dropped; the eleventh must not close the first."""
    load_accounts(world, 201)
    hint = {"sforce-query-options": "batchSize=200"}
    pages: list[Any] = [world.call("GET", "/query", q=SOQL, headers=hint).body for _ in range(12)]
    assert [len(follow(world, page)) for page in pages] == [2] * 12


def test_a_locator_can_be_read_again_and_outlives_a_restart(
    world: World, tmp_path: Path, clock: Clock
) -> None:
    """API sheet 2.2; Limits Reference, query cursors: they live two days; a client that lost the answer asks for the same page again."""
    load_accounts(world, 2_100)
    locator = world.get("/query", q=SOQL)["nextRecordsUrl"].removeprefix(PREFIX)
    first = world.get(locator)
    world.org.close()
    world.org = Org.open(tmp_path, clock)
    clock.turn(timedelta(days=1, hours=23))
    assert world.get(locator) == first


@pytest.mark.parametrize("status", [400, 404])
def test_a_dead_locator_is_refused(world: World, clock: Clock, status: int) -> None:
    """API sheet 2.2; REST API Developer Guide, INVALID_QUERY_LOCATOR; sources differ on its status, so it is a switch."""
    world.org.switches.invalid_query_locator_status = status
    load_accounts(world, 2_100)
    locator = world.get("/query", q=SOQL)["nextRecordsUrl"].removeprefix(PREFIX)
    clock.turn(timedelta(days=2))
    for dead in (locator, "/query/nonsense", "/queryAll/0r8000000000001AAA-2000"):
        answer = world.call("GET", dead)
        assert answer.status == status
        assert answer.body == [{"message": "invalid query locator", "errorCode": "INVALID_QUERY_LOCATOR"}]


def test_a_locator_is_no_good_to_another_user(world: World) -> None:
    """Limits Quick Reference, query cursors: they belong to the user; a guessed one must not show a colleague's rows."""
    load_accounts(world, 2_100)
    locator = world.get("/query", q=SOQL)["nextRecordsUrl"].removeprefix(PREFIX)
    assert world.call("GET", locator, by=world.rep).status == 400


def test_rows_that_vanish_between_pages_shift_none_of_the_others(world: World) -> None:
    """REST API Developer Guide, Query: the result set is fixed when the query runs; a page after a purge must not skip rows."""
    load_accounts(world, 4_100)
    page = world.get("/query", q=SOQL)
    gone = world.column("SELECT Id FROM Account WHERE Name IN ('2000', '2001')")
    for each in gone:
        world.org.store.delete("Account", each, by=world.admin)
        world.org.store.purge("Account", each)
    names = [record["Name"] for each in follow(world, page) for record in each["records"]]
    assert names == [f"{n:04d}" for n in range(4_100) if n not in (2_000, 2_001)]


def test_query_all_pages_hold_deleted_rows_too(world: World) -> None:
    """REST API Developer Guide, QueryAll: also behind a locator, which remembers that it was queryAll."""
    load_accounts(world, 2_100)
    last = world.column("SELECT Id FROM Account WHERE Name = '2099'")[0]
    world.org.store.delete("Account", last, by=world.admin)
    pages = follow(world, world.get("/queryAll", q=SOQL))
    assert pages[-1]["records"][-1]["Id"] == last
    assert follow(world, world.get("/query", q=SOQL))[-1]["totalSize"] == 2_099


def test_base64_comes_as_the_address_of_the_bytes(world: World) -> None:
    """API sheet 2.2; REST API Developer Guide, sObject Blob Get: VersionData in a query is a path, not content."""
    document = world.org.store.insert("ContentDocument", {"Title": "Plan"}, by=world.admin)
    version = world.add("ContentVersion", ContentDocumentId=document, Title="Plan")
    path = f"{PREFIX}/sobjects/ContentVersion/{version}/VersionData"
    assert world.column("SELECT VersionData FROM ContentVersion") == [path]
