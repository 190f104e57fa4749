"""Reading by REST: pages, several queries in one call, records by id, and answers that must not count."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from orchestration.errors import (
    BugError,
    IncompleteReadError,
    MissingFieldError,
    ObjectUnavailableError,
    RejectedRequestError,
    TransientSalesforceError,
)
from orchestration.salesforce import soql
from orchestration.salesforce.client import Salesforce
from orchestration.salesforce.pages import Page
from tests.salesforce.scripted_org import USER_ID, Answer, Request, ScriptedOrg, page, record, refusal

V = "/services/data/v66.0"
SOQL = "SELECT Id FROM Opportunity"
NEXT = f"{V}/query/0r8xx-2000"
DATE = datetime(2026, 5, 4, 10, 0, 30, tzinfo=UTC)
"""What the scripted org says that it is."""


def composite(*bodies: tuple[int, object]) -> Answer:
    """An answer of a composite request with these statuses and bodies."""
    parts = [
        {"body": body, "httpHeaders": {}, "httpStatusCode": status, "referenceId": f"q{place}"}
        for place, (status, body) in enumerate(bodies)
    ]
    return Answer(body={"compositeResponse": parts})


def test_an_answer_of_several_pages_is_read_to_its_end(org: ScriptedOrg, client: Salesforce) -> None:
    """A locator that is not followed loses everything after the first 2,000 rows."""
    org.on("GET", f"{V}/queryAll", page(record(1), record(2), next_url=NEXT, total=3))
    org.on("GET", NEXT, page(record(3), total=3))
    pages = list(client.query(SOQL))
    assert [[row["Id"] for row in one.records()] for one in pages] == [
        ["006000000000001AAA", "006000000000002AAA"],
        ["006000000000003AAA"],
    ]
    assert [one.count for one in pages] == [2, 1]
    assert org.asked(f"{V}/queryAll")[0].query == {"q": SOQL}


def test_live_rows_alone_are_asked_for_where_the_caller_says_so(org: ScriptedOrg, client: Salesforce) -> None:
    """Counting with queryAll would count the recycle bin."""
    org.on("GET", f"{V}/query", page())
    assert [one.count for one in client.query(SOQL, include_deleted=False)] == [0]


def test_a_page_carries_its_body_as_it_came_and_the_path_to_its_records(
    org: ScriptedOrg, client: Salesforce
) -> None:
    """Bodies are loaded by Postgres from the bytes: what Python would re-encode could differ."""
    body = b'{"totalSize":1, "done":true, "records":[{"Id":"006","Amount":10.10,"Name":"a\\u0000\xff"}]}'
    org.on("GET", f"{V}/queryAll", Answer(body=body))
    (one,) = client.query(SOQL)
    assert (one.body, one.records_path, one.count, one.total_size) == (body, ("records",), 1, 1)


def test_read_at_is_the_servers_date_less_the_time_that_the_request_took(
    org: ScriptedOrg, client: Salesforce
) -> None:
    """A read_at after the moment of reading would let an older row win over a newer one."""
    org.on("GET", f"{V}/queryAll", page())
    (one,) = client.query(SOQL)
    assert DATE - timedelta(minutes=1) < one.read_at < DATE


def test_a_slow_read_is_no_older_than_the_date_of_an_answer_before_it(
    org: ScriptedOrg, client: Salesforce
) -> None:
    """Of two reads within a second the later lost, for it took longer: a new column stayed empty where its row had just been read."""
    org.on("GET", f"{V}/queryAll", page())
    (first,) = client.query(SOQL)
    org.on("GET", f"{V}/queryAll", _slow)
    (second,) = client.query(SOQL)
    assert first.read_at < second.read_at == DATE


def test_an_answer_that_a_cache_kept_is_as_old_as_its_date(org: ScriptedOrg, client: Salesforce) -> None:
    """Taken for as new as the answer before it, an old row would win over the newer one that is held."""
    org.on("GET", f"{V}/queryAll", page())
    list(client.query(SOQL))
    kept = replace(page(), headers={"Date": "Mon, 04 May 2026 09:55:30 GMT"})
    org.on("GET", f"{V}/queryAll", kept)
    (second,) = client.query(SOQL)
    assert second.read_at < DATE - timedelta(minutes=5)


def _slow(_: Request) -> Answer:
    time.sleep(0.3)
    return page()


def test_an_answer_without_a_date_is_a_failed_read(org: ScriptedOrg, client: Salesforce) -> None:
    """Without the server's clock the order of two reads of a row is a guess."""
    org.on(
        "GET",
        f"{V}/queryAll",
        Answer(body={"totalSize": 0, "done": True, "records": []}, headers={"Date": ""}),
    )
    with pytest.raises(TransientSalesforceError, match="no readable Date"):
        list(client.query(SOQL))


@pytest.mark.parametrize("status", [400, 404])
def test_a_lost_locator_makes_the_read_incomplete_and_says_that_the_window_is_read_again(
    org: ScriptedOrg, client: Salesforce, status: int
) -> None:
    """Treated as an end of the data, a dead locator would move the cursor past rows that were never read."""
    org.on("GET", f"{V}/queryAll", page(record(1), next_url=NEXT, total=3))
    org.on("GET", NEXT, refusal(status, "INVALID_QUERY_LOCATOR" if status == 400 else "NOT_FOUND"))
    with pytest.raises(IncompleteReadError, match="the window is read again"):
        list(client.query(SOQL))


def test_pages_that_hold_fewer_rows_than_announced_do_not_count(org: ScriptedOrg, client: Salesforce) -> None:
    """A last page that is cut short with a well-formed end looks like success."""
    org.on("GET", f"{V}/queryAll", page(record(1), record(2), next_url=NEXT, total=4))
    org.on("GET", NEXT, page(record(3), total=4))
    with pytest.raises(IncompleteReadError, match="announced 4 records of Opportunity and gave 3"):
        list(client.query(SOQL))


def test_an_answer_with_more_to_come_but_no_address_does_not_count(
    org: ScriptedOrg, client: Salesforce
) -> None:
    """Taken for the last page, it would lose the rest in silence."""
    org.on("GET", f"{V}/queryAll", Answer(body={"totalSize": 2, "done": False, "records": [record(1)]}))
    with pytest.raises(IncompleteReadError):
        list(client.query(SOQL))


def test_a_count_without_rows_is_a_page_with_its_total(org: ScriptedOrg, client: Salesforce) -> None:
    """count() answers a total and no records: no shortfall."""
    org.on("GET", f"{V}/queryAll", page(total=2086))
    assert [(one.count, one.total_size) for one in client.query("SELECT COUNT() FROM Opportunity")] == [
        (0, 2086)
    ]


@pytest.mark.parametrize(
    "cut",
    [
        Answer(body={"records": []}, cut_after=5),
        Answer(body={"x": "y" * 500}, gzipped=True, cut_stream_after=30),
    ],
)
def test_a_body_that_is_cut_off_is_asked_for_again(
    org: ScriptedOrg, client: Salesforce, naps: list[float], cut: Answer
) -> None:
    """Half an answer is no answer: neither an empty one, nor a reason to give up at once."""
    org.on("GET", f"{V}/queryAll", cut, page(record(1)))
    assert [one.count for one in client.query(SOQL)] == [1]
    assert len(naps) == 1


def test_a_gzipped_page_is_read_like_any_other(org: ScriptedOrg, client: Salesforce) -> None:
    """The org may compress whenever it likes."""
    org.on(
        "GET",
        f"{V}/queryAll",
        Answer(body={"totalSize": 1, "done": True, "records": [record(1)]}, gzipped=True),
    )
    assert [one.count for one in client.query(SOQL)] == [1]


def test_the_access_token_never_follows_an_address_to_another_host(
    org: ScriptedOrg, client: Salesforce
) -> None:
    """A page that named another host as its successor would be handed the session."""
    org.on("GET", f"{V}/queryAll", page(record(1), next_url="https://elsewhere.example/query/1", total=3))
    with pytest.raises(BugError, match=r"elsewhere\.example"):
        list(client.query(SOQL))


def test_six_queries_go_as_two_calls_and_come_back_in_order(org: ScriptedOrg, client: Salesforce) -> None:
    """A sixth subrequest is refused as a whole; an answer in another order would store roles as contacts."""

    def answer(request: Request) -> Answer:
        subrequests = request.json()["compositeRequest"]
        assert all(sub["method"] == "GET" for sub in subrequests)
        bodies = [
            {"totalSize": 1, "done": True, "records": [{"Id": sub["url"].rpartition("%20")[2]}]}
            for sub in subrequests
        ]
        answered = composite(*[(200, body) for body in bodies])
        answered.body["compositeResponse"].reverse()
        return answered

    org.on("POST", f"{V}/composite", answer)
    pages = client.query_many([soql.select(["Id"], f"Object{place}") for place in range(6)])
    assert [one.records()[0]["Id"] for one in pages if isinstance(one, Page)] == [
        f"Object{place}" for place in range(6)
    ]
    assert pages[0].records_path == ("compositeResponse", 4, "body", "records")  # type: ignore[union-attr]
    assert len(org.asked(f"{V}/composite")) == 2


def test_mails_are_asked_for_in_small_pages_to_the_last_one(org: ScriptedOrg, client: Salesforce) -> None:
    """Two bodies of 131 kB each, 2,000 times, are half a gigabyte in one answer."""
    first = {"totalSize": 2, "done": False, "nextRecordsUrl": NEXT, "records": [record(1)]}
    org.on("POST", f"{V}/composite", composite((200, first), (200, first)))
    org.on("GET", NEXT, page(record(2), total=2))
    mails, keys = client.query_many(["SELECT Id, HtmlBody FROM EmailMessage", "SELECT Id FROM EmailMessage"])
    assert isinstance(mails, Page)
    assert isinstance(keys, Page)
    headers = [sub.get("httpHeaders") for sub in org.requests[0].json()["compositeRequest"]]
    assert headers == [{"Sforce-Query-Options": "batchSize=200"}, None]
    assert [page.count for page in client.next_pages(mails)] == [1]
    assert org.requests[-1].headers["Sforce-Query-Options"] == "batchSize=200"
    assert [page.count for page in client.next_pages(keys)] == [1]
    assert "Sforce-Query-Options" not in org.requests[-1].headers


def test_one_refused_query_leaves_the_others_of_its_composite(org: ScriptedOrg, client: Salesforce) -> None:
    """A hidden field on EmailMessage must not stop the deals."""
    no_field = [
        {
            "errorCode": "INVALID_FIELD",
            "message": "\nSELECT Foo\n ^\nERROR at Row:1:Column:8\nNo such column 'Foo' on entity 'EmailMessage'. If",
        }
    ]
    rows = {"totalSize": 1, "done": True, "records": [record(1)]}
    org.on("POST", f"{V}/composite", composite((200, rows), (400, no_field), (200, rows)))
    first, second, third = client.query_many([SOQL, "SELECT Foo FROM EmailMessage", SOQL])
    assert isinstance(first, Page)
    assert isinstance(third, Page)
    assert isinstance(second, MissingFieldError)
    assert "grants Read on EmailMessage.Foo" in str(second)
    assert USER_ID in str(second)


def test_a_query_that_the_composite_left_out_is_an_error_and_not_an_empty_answer(
    org: ScriptedOrg, client: Salesforce
) -> None:
    """Failed is not empty."""
    org.on("POST", f"{V}/composite", composite((200, {"totalSize": 0, "done": True, "records": []})))
    _, second = client.query_many([SOQL, SOQL])
    assert isinstance(second, IncompleteReadError)


def test_a_query_too_long_for_an_address_travels_in_a_body(org: ScriptedOrg, client: Salesforce) -> None:
    """Beyond 16,384 bytes of address and headers the edge answers 414 or 431 for good."""
    org.on("POST", f"{V}/composite", composite((200, {"totalSize": 1, "done": True, "records": [record(1)]})))
    long = soql.select(["Id"], "Contact", [soql.is_in("Id", [f"003{place:015d}" for place in range(1_000)])])
    (one,) = client.query(long)
    assert one.count == 1
    assert not org.asked(f"{V}/queryAll")


def test_an_id_list_of_the_greatest_length_fits_an_address(org: ScriptedOrg, client: Salesforce) -> None:
    """The promise of MAX_ID_LIST: with three dozen long field names, the request stays a GET."""
    org.on("GET", f"{V}/queryAll", page())
    ids = [f"003{place:015d}" for place in range(soql.MAX_ID_LIST)]
    fields = [f"A_field_with_a_long_name_{place}__c" for place in range(36)]
    assert [one.count for one in client.query(soql.select(fields, "Contact", [soql.is_in("Id", ids)]))] == [0]


def test_an_object_that_the_user_cannot_read_is_named_with_the_permission_to_grant(
    org: ScriptedOrg, client: Salesforce
) -> None:
    """Salesforce's own text speaks of custom objects and WSDLs."""
    org.on(
        "GET", f"{V}/queryAll", refusal(400, "INVALID_TYPE", "sObject type 'Opportunity' is not supported.")
    )
    with pytest.raises(ObjectUnavailableError, match="grants Read and View All on Opportunity") as caught:
        list(client.query(SOQL))
    assert caught.value.code == "INVALID_TYPE"


def test_a_timed_out_query_is_refused_with_its_code_so_that_the_caller_splits_it(
    org: ScriptedOrg, client: Salesforce, naps: list[float]
) -> None:
    """Asking the same again would time out again."""
    org.on(
        "GET", f"{V}/queryAll", refusal(400, "QUERY_TIMEOUT", "Your query request was running for too long.")
    )
    with pytest.raises(RejectedRequestError) as caught:
        list(client.query(SOQL))
    assert (caught.value.code, caught.value.status, naps) == ("QUERY_TIMEOUT", 400, [])
