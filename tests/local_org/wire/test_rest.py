"""The REST API over HTTPS: what only the wire can show. What the resources answer is tested without it, one room up."""

from __future__ import annotations

import pytest

from local_org.server import OrgServer
from tests.local_org.wire.conftest import Web

BASE = "/services/data/v66.0"


def test_the_versions_are_told_to_anyone_and_the_rest_to_no_stranger(served: OrgServer, api: Web) -> None:
    """REST API Developer Guide, Versions: no login; a client finds the version before it has a token."""
    stranger = Web(served)
    assert stranger.get("/services/data").json()[-1]["version"] == "66.0"
    assert stranger.get("/services/data/").status_code == 200
    assert stranger.get(BASE).status_code == 401
    assert api.get(BASE).json()["query"] == f"{BASE}/query"


def test_answers_are_json_in_utf_8_and_compressed_for_who_accepts_it(api: Web) -> None:
    """REST API Developer Guide, Compression Headers: gzip on request; every client would otherwise wait for megabytes of describes."""
    zipped = api.get(f"{BASE}/sobjects", headers={"Accept-Encoding": "gzip"})
    plain = api.get(f"{BASE}/sobjects", headers={"Accept-Encoding": "identity"})
    assert zipped.headers["content-type"] == plain.headers["content-type"] == "application/json;charset=UTF-8"
    assert (zipped.headers.get("content-encoding"), plain.headers.get("content-encoding")) == ("gzip", None)
    assert zipped.json() == plain.json()


def test_header_names_are_spelled_as_salesforce_spells_them(api: Web) -> None:
    """Airbyte's connector copies them into a plain dict; the lower-case names that our server would send lead it into a fault."""
    names = set(api.get(f"{BASE}/limits").headers)
    assert {"Content-Type", "Sforce-Limit-Info", "Date"} <= names
    job = api.post(f"{BASE}/jobs/query", json={"operation": "query", "query": "SELECT Id FROM User"}).json()
    while api.get(f"{BASE}/jobs/query/{job['id']}").json()["state"] != "JobComplete":
        pass
    results = api.get(f"{BASE}/jobs/query/{job['id']}/results")
    assert {"Content-Type", "Sforce-Locator", "Sforce-NumberOfRecords"} <= set(results.headers)


def test_slashes_that_follow_each_other_are_one(api: Web) -> None:
    """The Salesforce CLI ends an instance URL in a slash and sets a path behind it."""
    address = api.server.registration.base_url
    assert api.get(f"{address}//services/data").json()[-1]["version"] == "66.0"
    assert api.get(f"{address}//services/data/v66.0//limits").status_code == 200
    assert Web(api.server).get(f"{address}//services/data/v66.0/limits").status_code == 401


def test_the_resources_lead_to_who_asks(api: Web, served: OrgServer) -> None:
    """jsforce finds its own user by this URL when it has nothing but a session."""
    identity = api.get(api.get(BASE).json()["identity"]).json()
    assert (identity["username"], identity["organization_id"]) == (
        served.registration.username,
        served.org.org_id,
    )


@pytest.mark.parametrize("body", ["{", "", "{'a': 1}"])
def test_a_body_that_is_no_json_is_refused_with_its_place(api: Web, body: str) -> None:
    """REST API Developer Guide, Status Codes, JSON_PARSER_ERROR."""
    answer = api.post(f"{BASE}/composite", data=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")
    assert "line:1" in answer.json()[0]["message"]


def test_a_body_of_another_kind_is_refused(api: Web) -> None:
    """REST API Developer Guide, Status Codes, 415."""
    answer = api.post(f"{BASE}/composite", data="<a/>", headers={"Content-Type": "application/xml"})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_a_head_asks_for_no_body_and_a_wrong_method_names_the_right_ones(api: Web) -> None:
    """REST API Developer Guide, Using HEAD; Status Codes, 405."""
    assert (
        api.head(f"{BASE}/sobjects/User/describe").status_code,
        api.head(f"{BASE}/sobjects/User/describe").content,
    ) == (200, b"")
    answer = api.delete(f"{BASE}/sobjects/User/describe")
    assert (answer.status_code, answer.json()[0]["message"]) == (
        405,
        "HTTP Method 'DELETE' not allowed. Allowed are HEAD,GET",
    )


def test_an_old_version_is_gone(api: Web) -> None:
    """Help, "Salesforce Platform API Versions 21.0 through 30.0 Retirement"."""
    assert api.get("/services/data/v30.0/sobjects").status_code == 410
    assert api.get("/services/data/v99.0/sobjects").status_code == 404
    assert (
        api.get("/services/data/v31.0/sobjects")
        .json()["sobjects"][0]["urls"]["sobject"]
        .startswith("/services/data/v31.0/")
    )


def test_a_query_is_followed_to_its_end(api: Web) -> None:
    """REST API Developer Guide, Query: the next page is asked for by nextRecordsUrl as it came."""
    soql = "SELECT Id, Account.Name FROM Opportunity WHERE Name LIKE '%e%' AND CreatedDate > 2001-01-01T00:00:00+00:00"
    page = api.get(
        f"{BASE}/queryAll", params={"q": soql}, headers={"Sforce-Query-Options": "batchSize=200"}
    ).json()
    total, found = page["totalSize"], list(page["records"])
    while not page["done"]:
        page = api.get(page["nextRecordsUrl"], headers={"Sforce-Query-Options": "batchSize=200"}).json()
        found += page["records"]
    assert len({each["Id"] for each in found}) == total > 0
