"""REST against the local org: pages, composites, retrieves, clocks, refusals and faults on the way."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from orchestration.errors import (
    FluintError,
    IncompleteReadError,
    MissingFieldError,
    ObjectUnavailableError,
    QuotaReachedError,
    TransientSalesforceError,
)
from orchestration.salesforce import soql
from orchestration.salesforce.client import Salesforce
from orchestration.salesforce.ids import to_18
from orchestration.salesforce.pages import Page
from tests.contract.running_org import RunningOrg
from tests.salesforce.scripted_org import MemoryStore

OBJECTS = (
    "User",
    "OpportunityStage",
    "RecordType",
    "Opportunity",
    "OpportunityContactRole",
    "Contact",
    "EmailMessage",
)


def total(client: Salesforce, sobject: str) -> int:
    """The org's own count, recycle bin included."""
    (page,) = client.query(f"SELECT COUNT() FROM {sobject}")
    return page.total_size


def test_every_row_of_a_large_object_comes_once(client: Salesforce) -> None:
    """Locators, the last short page, and the total."""
    pages = list(client.query(soql.select(["Id", "SystemModstamp"], "EmailMessage")))
    found = [row["Id"] for page in pages for row in page.records()]
    assert len(pages) > 1
    assert len(found) == len(set(found)) == total(client, "EmailMessage")


def test_mails_with_their_bodies_come_in_small_pages_and_whole(client: Salesforce) -> None:
    """In a composite and by locator: the hint must hold to the last page."""
    statement = soql.select(
        ["Id", "HtmlBody", "TextBody"], "EmailMessage", [soql.equal("IsDeleted", False)], limit=700
    )
    (first,) = client.query_many([statement])
    assert isinstance(first, Page)
    pages = [first, *client.next_pages(first)]
    assert [page.count for page in pages] == [200, 200, 200, 100]


def test_five_objects_are_asked_for_at_the_price_of_one_call(org: RunningOrg, client: Salesforce) -> None:
    """A quiet interval is one call; six queries are two."""
    before = org.admin("GET", "/usage")["api_calls"]
    pages = client.query_many([soql.select(["Id"], sobject) for sobject in OBJECTS[:6]])
    assert [page.sobject for page in pages if isinstance(page, Page)] == list(OBJECTS[:6])
    assert org.admin("GET", "/usage")["api_calls"] == before + 2
    assert client.take_calls() == {"other": 2}
    more = [page for page in pages if isinstance(page, Page) and page.next_url]
    assert [sum(one.count for one in [page, *client.next_pages(page)]) for page in more] == [
        page.total_size for page in more
    ]


def test_a_query_that_is_refused_leaves_the_other_four(client: Salesforce) -> None:
    """One hidden field must not stop the deals."""
    statements = [soql.select(["Id"], "User"), "SELECT Nope__c FROM Contact", "SELECT Id FROM Nothing__c"]
    users, contacts, nothing = client.query_many(statements)
    assert isinstance(users, Page)
    assert isinstance(contacts, MissingFieldError)
    assert "Contact.Nope__c" in str(contacts)
    assert isinstance(nothing, ObjectUnavailableError)


@pytest.mark.parametrize("sobject", OBJECTS)
def test_each_object_of_the_sync_is_described_with_its_stamp(client: Salesforce, sobject: str) -> None:
    """Without SystemModstamp there is no cursor."""
    described = client.describe(sobject)
    assert described.name == sobject
    assert described.fields["SystemModstamp"].type == "datetime"
    assert described.fields["SystemModstamp"].filterable


def test_an_object_that_the_org_lacks_is_unavailable_by_name(client: Salesforce) -> None:
    """The others go on."""
    with pytest.raises(ObjectUnavailableError, match="Nothing__c"):
        client.describe("Nothing__c")


def test_a_thousand_ids_are_asked_for_in_one_query(client: Salesforce) -> None:
    """Too long for an address, it travels in a composite and comes back the same."""
    ids = [
        row["Id"] for page in client.query("SELECT Id FROM EmailMessage LIMIT 1000") for row in page.records()
    ]
    found = [
        row["Id"]
        for page in client.query(soql.select(["Id"], "EmailMessage", [soql.is_in("Id", ids)]))
        for row in page.records()
    ]
    assert len(ids) == 1000
    assert sorted(found) == sorted(ids)


def test_the_longest_id_list_of_a_chunk_fits_the_orgs_limit_of_addresses(
    org: RunningOrg, client: Salesforce
) -> None:
    """The org counts the whole request line and headers, the token among them."""
    ids = [to_18(f"02s{place:012d}") for place in range(soql.MAX_ID_LIST)]
    org.admin("DELETE", "/log")
    pages = list(
        client.query(
            soql.select(
                list(client.describe("EmailMessage").fields)[:30], "EmailMessage", [soql.is_in("Id", ids)]
            )
        )
    )
    assert [page.count for page in pages] == [0]
    assert [entry["method"] for entry in org.log(2)] == ["GET", "GET"]


def test_the_orgs_clock_decides_and_not_ours(org: RunningOrg, client: Salesforce) -> None:
    """A machine that is an hour off must not move the horizon by an hour."""
    before = client.server_time()
    org.admin("POST", "/clock", {"seconds": 3600})
    try:
        after = client.server_time()
        (page,) = client.query("SELECT Id FROM OpportunityStage")
    finally:
        org.admin("POST", "/clock", {"seconds": -3600})
    assert timedelta(minutes=59) < after - before < timedelta(minutes=61)
    assert timedelta(minutes=59) < page.read_at - before < timedelta(minutes=61)


def test_the_time_of_the_server_costs_no_call(org: RunningOrg, client: Salesforce) -> None:
    """It is asked for before every tick."""
    before = org.admin("GET", "/usage")["api_calls"]
    client.server_time()
    assert org.admin("GET", "/usage")["api_calls"] == before


def test_a_deleted_deal_is_listed_and_still_there_with_its_mark(org: RunningOrg, client: Salesforce) -> None:
    """The sync finds deletions in queryAll, the reconciliation in the list."""
    begun = client.server_time()
    deal = org.admin("POST", "/changes/delete_opportunity")["opportunity_id"]
    (page,) = client.query(soql.select(["Id", "IsDeleted"], "Opportunity", [soql.equal("Id", deal)]))
    assert [row["IsDeleted"] for row in page.records()] == [True]
    live = list(
        client.query(soql.select(["Id"], "Opportunity", [soql.equal("Id", deal)]), include_deleted=False)
    )
    assert [one.count for one in live] == [0]
    org.admin("POST", "/clock", {"seconds": 120})  # the list ends with the last whole minute
    try:
        listed = client.deleted("Opportunity", begun - timedelta(minutes=5), begun + timedelta(minutes=2))
    finally:
        org.admin("POST", "/clock", {"seconds": -120})
    assert deal in {record.id for record in listed.records}


def test_a_locator_that_the_org_does_not_know_makes_the_read_incomplete(client: Salesforce) -> None:
    """The window is read again; nothing of it counts."""
    page = next(client.query("SELECT Id FROM EmailMessage"))
    assert page.next_url is not None
    lost = type(page)(**{**vars(page), "next_url": re.sub(r"[^/]+$", "0r8xxNotThere-2000", page.next_url)})
    with pytest.raises(IncompleteReadError, match="the window is read again"):
        list(client.next_pages(lost))


def test_a_used_up_day_defers_the_sync_instead_of_failing_it(
    org: RunningOrg, client: Salesforce, store: MemoryStore
) -> None:
    """First by the org's refusal, then by our own guard, which sends nothing."""
    org.admin("PATCH", "/switches", {"daily_api_limit": 1})
    with pytest.raises(QuotaReachedError, match="used up"):
        list(client.query("SELECT Id FROM User"))
    used = org.admin("GET", "/usage")["api_calls"]
    with pytest.raises(QuotaReachedError):
        list(client.query("SELECT Id FROM User"))
    assert org.admin("GET", "/usage")["api_calls"] == used


def test_calls_stop_at_our_share_while_the_org_would_still_answer(
    org: RunningOrg, client: Salesforce
) -> None:
    """The rest of the day belongs to the org's other applications."""
    list(client.query("SELECT Id FROM User"))
    assert client.usage is not None
    org.admin("PATCH", "/switches", {"daily_api_limit": client.usage.used + 2})
    list(client.query("SELECT Id FROM User"))
    with pytest.raises(QuotaReachedError, match="stops at 80%"):
        list(client.query("SELECT Id FROM User"))


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "answer", "status": 503, "body": "<html>unavailable</html>", "times": 2},
        {"kind": "drop", "after_bytes": 100},
        {"kind": "lose_answer"},
    ],
    ids=["an edge server's page", "a body cut off", "an answer lost"],
)
def test_a_fault_of_the_moment_is_read_over(
    org: RunningOrg, client: Salesforce, fault: dict[str, object]
) -> None:
    """The second try gives the whole answer."""
    org.admin("POST", "/faults", {**fault, "path": ".*/queryAll"})
    (page,) = client.query("SELECT Id FROM User")
    assert page.count == page.total_size > 0


def test_a_fault_that_stays_ends_as_transient_and_not_as_an_empty_answer(
    org: RunningOrg, client: Salesforce
) -> None:
    """Failed is not empty."""
    org.admin("POST", "/faults", {"kind": "drop", "after_bytes": 10, "times": 99, "path": ".*/queryAll"})
    with pytest.raises(TransientSalesforceError):
        list(client.query("SELECT Id FROM User"))


def test_a_bad_statement_is_refused_with_salesforces_code(client: Salesforce) -> None:
    """Not retried, not hidden, and no library's traceback."""
    with pytest.raises(FluintError) as caught:
        list(client.query("SELECT Id FROM Opportunity WHERE"))
    assert caught.value.code == "MALFORMED_QUERY"
