"""Several requests in one: composite, batch, retrieve."""

from __future__ import annotations

from typing import Any

import pytest

from tests.local_org.conftest import World

PREFIX = "/services/data/v66.0"
ACCOUNT = {
    "method": "POST",
    "url": f"{PREFIX}/sobjects/Account",
    "referenceId": "account",
    "body": {"Name": "Acme"},
}
BROKEN = {
    "method": "POST",
    "url": f"{PREFIX}/sobjects/Contact",
    "referenceId": "broken",
    "body": {"FirstName": "x"},
}


def query(number: int) -> dict[str, Any]:
    """Returns a subrequest that counts accounts."""
    return {"method": "GET", "url": f"{PREFIX}/query?q=SELECT+Id+FROM+Account", "referenceId": f"q{number}"}


def composite(world: World, *requests: dict[str, Any], all_or_none: bool = False) -> list[dict[str, Any]]:
    """Returns the results of a composite request."""
    answer = world.call("POST", "/composite", {"allOrNone": all_or_none, "compositeRequest": list(requests)})
    assert answer.status == 200
    assert isinstance(answer.body, dict)
    found: list[dict[str, Any]] = answer.body["compositeResponse"]
    return found


def test_subrequests_answer_in_order_and_use_each_others_results(world: World) -> None:
    """REST API Developer Guide, Composite: `@{referenceId.field}` in url and body; each result with status, headers and body."""
    contact = {
        "method": "POST",
        "url": f"{PREFIX}/sobjects/Contact",
        "body": {"LastName": "Doe", "AccountId": "@{account.id}"},
    }
    rows = {
        "method": "GET",
        "url": f"{PREFIX}/query?q=SELECT+AccountId+FROM+Contact+WHERE+AccountId='@{{account.id}}'",
    }
    results = composite(world, ACCOUNT, contact | {"referenceId": "contact"}, rows | {"referenceId": "rows"})
    assert [(each["referenceId"], each["httpStatusCode"]) for each in results] == [
        ("account", 201),
        ("contact", 201),
        ("rows", 200),
    ]
    account_id = results[0]["body"]["id"]
    assert results[0]["httpHeaders"] == {"Location": f"{PREFIX}/sobjects/Account/{account_id}"}
    assert results[2]["body"]["records"][0]["AccountId"] == account_id


def test_a_failed_subrequest_stops_only_what_refers_to_it(world: World) -> None:
    """REST API Developer Guide, Composite, allOrNone false: the others count; a reference to nothing is refused."""
    follower = ACCOUNT | {"referenceId": "follower", "body": {"Name": "@{broken.id}"}}
    results = composite(world, ACCOUNT, BROKEN, follower)
    assert [each["httpStatusCode"] for each in results] == [201, 400, 400]
    assert results[1]["body"][0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    assert results[2]["body"][0]["errorCode"] == "PROCESSING_HALTED"
    assert world.column("SELECT Name FROM Account") == ["Acme"]


def test_all_or_none_undoes_what_came_before(world: World) -> None:
    """REST API Developer Guide, Composite, allOrNone true: siblings answer PROCESSING_HALTED and leave no row."""
    results = composite(world, ACCOUNT, BROKEN, ACCOUNT | {"referenceId": "later"}, all_or_none=True)
    assert [each["body"][0]["errorCode"] for each in results] == [
        "PROCESSING_HALTED",
        "REQUIRED_FIELD_MISSING",
        "PROCESSING_HALTED",
    ]
    assert [each["referenceId"] for each in results] == ["account", "broken", "later"]
    assert world.column("SELECT Id FROM Account") == []
    assert [each["httpStatusCode"] for each in composite(world, ACCOUNT, all_or_none=True)] == [201]
    assert world.column("SELECT Name FROM Account") == ["Acme"]


def test_a_sixth_query_is_refused_with_everything_else(world: World) -> None:
    """REST API Developer Guide, Composite, limits: five queries or collections; the sixth refuses the whole request."""
    assert [each["httpStatusCode"] for each in composite(world, *(query(n) for n in range(5)), ACCOUNT)] == [
        200
    ] * 5 + [201]
    collection = {
        "method": "POST",
        "url": f"{PREFIX}/composite/sobjects/Account",
        "referenceId": "c",
        "body": {"ids": [], "fields": []},
    }
    more = {"method": "GET", "url": f"{PREFIX}/query/0r8000000000001AAA-2000", "referenceId": "more"}
    for sixth in (query(5), collection, more):
        results = composite(world, ACCOUNT, *(query(n) for n in range(5)), sixth)
        assert [(each["httpStatusCode"], each["body"][0]["errorCode"]) for each in results] == [
            (400, "LIMIT_EXCEEDED")
        ]
    assert len(world.column("SELECT Id FROM Account")) == 1


def test_a_twenty_sixth_operation_is_refused(world: World) -> None:
    """REST API Developer Guide, Composite, limits; the text is that of a public log."""
    results = composite(world, *(ACCOUNT | {"referenceId": f"a{n}"} for n in range(26)))
    assert results[0]["body"] == [
        {"errorCode": "LIMIT_EXCEEDED", "message": "The request can\u2019t contain more than 25 operations."}
    ]
    assert world.column("SELECT Id FROM Account") == []


def test_a_subrequest_reads_no_bytes_and_may_name_another_version(world: World) -> None:
    """REST API Developer Guide, Composite: blob data is not allowed; each subrequest's url carries its version."""
    blob = {
        "method": "GET",
        "url": f"{PREFIX}/sobjects/ContentVersion/068000000000001AAA/VersionData",
        "referenceId": "b",
    }
    older = {
        "method": "GET",
        "url": "/services/data/v60.0/query?q=SELECT+Id+FROM+Account",
        "referenceId": "o",
    }
    results = composite(world, ACCOUNT, blob, older)
    assert results[1]["httpStatusCode"] == 400
    assert results[2]["body"]["records"][0]["attributes"]["url"].startswith("/services/data/v60.0/")


@pytest.mark.parametrize(
    "body", [{}, {"compositeRequest": []}, {"compositeRequest": [{"method": "GET"}]}, [], "x"]
)
def test_a_composite_without_requests_is_refused(world: World, body: object) -> None:
    """REST API Developer Guide, Composite: compositeRequest is required."""
    answer = world.call("POST", "/composite", body)
    assert isinstance(answer.body, list)
    assert (answer.status, answer.body[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")


def test_a_batch_runs_independent_requests(world: World) -> None:
    """REST API Developer Guide, Batch: results with statusCode and result, hasErrors over all; haltOnError stops the rest."""
    requests = [
        {"method": "POST", "url": "v66.0/sobjects/Account", "richInput": {"Name": "Acme"}},
        {"method": "GET", "url": "v66.0/sobjects/Nothing"},
        {"method": "GET", "url": f"{PREFIX}/query?q=SELECT+COUNT()+FROM+Account"},
    ]
    body = world.call("POST", "/composite/batch", {"batchRequests": requests}).body
    assert isinstance(body, dict)
    assert (body["hasErrors"], [each["statusCode"] for each in body["results"]]) == (True, [201, 404, 200])
    assert body["results"][2]["result"] == {"totalSize": 1, "done": True, "records": []}
    halted = world.call("POST", "/composite/batch", {"batchRequests": requests[1:], "haltOnError": True}).body
    assert isinstance(halted, dict)
    assert [each["statusCode"] for each in halted["results"]] == [404, 412]
    assert world.call("POST", "/composite/batch", {"batchRequests": requests * 9}).status == 400


@pytest.mark.parametrize("form", ["POST", "GET"])
def test_records_are_retrieved_in_the_order_asked_with_null_for_the_rest(world: World, form: str) -> None:
    """REST API Developer Guide, sObject Collections retrieve: missing, deleted and invisible rows are null in their place."""
    own, foreign, deleted = (world.add("Opportunity", by=by) for by in (world.rep, world.admin, world.rep))
    world.org.store.delete("Opportunity", deleted, by=world.rep)
    ids = [foreign, own[:15], "006000000000001AAA", deleted, own]
    if form == "POST":
        answer = world.call(
            "POST", "/composite/sobjects/Opportunity", {"ids": ids, "fields": ["Name", "id"]}, by=world.rep
        )
    else:
        answer = world.call(
            "GET", "/composite/sobjects/Opportunity", ids=",".join(ids), fields="Name,id", by=world.rep
        )
    record = {
        "attributes": {"type": "Opportunity", "url": f"{PREFIX}/sobjects/Opportunity/{own}"},
        "Name": "Deal",
        "Id": own,
    }
    assert (answer.status, answer.body) == (200, [None, record, None, None, record])


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"ids": ["006000000000001AAA"] * 2_001, "fields": ["Id"]}, "EXCEEDED_ID_LIMIT"),
        ({"ids": ["x"], "fields": ["Id"]}, "MALFORMED_ID"),
        ({"ids": ["006000000000001AAA"], "fields": ["Nothing"]}, "INVALID_FIELD"),
        ({"ids": [], "fields": ["Id"]}, "REQUIRED_FIELD_MISSING"),
        ({"ids": ["006000000000001AAA"]}, "JSON_PARSER_ERROR"),
    ],
)
def test_a_retrieve_beyond_the_rules_is_refused(world: World, body: dict[str, object], code: str) -> None:
    """REST API Developer Guide, sObject Collections retrieve: 2,000 ids; a hidden field looks like an unknown one."""
    answer = world.call("POST", "/composite/sobjects/Opportunity", body)
    assert isinstance(answer.body, list)
    assert (answer.status, answer.body[0]["errorCode"]) == (400, code)


def test_two_thousand_ids_are_retrieved(world: World) -> None:
    """REST API Developer Guide, sObject Collections retrieve: the limit itself is accepted."""
    deal = world.add("Opportunity")
    answer = world.call("POST", "/composite/sobjects/Opportunity", {"ids": [deal] * 2_000, "fields": ["Id"]})
    assert isinstance(answer.body, list)
    assert len(answer.body) == 2_000
