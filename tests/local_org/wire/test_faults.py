"""Each fault on demand, as a plain HTTP client sees it; and whom faults hit, by count, by what is asked, by seeded chance."""

from __future__ import annotations

import contextlib
import csv
import gzip
import http.client
import io
import ssl
import time
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import pytest
import requests

from local_org.faults.plan import KINDS
from local_org.server import OrgServer
from tests.local_org.wire.conftest import Person, Web
from tests.local_org.wire.jobs import created, finished, reached

V = "/services/data/v66.0"
LIMITS = f"{V}/limits"
DEALS = "SELECT Id, Name FROM Opportunity ORDER BY Id"
BROKEN = (requests.exceptions.ChunkedEncodingError, requests.exceptions.ConnectionError)


def query(api: Web, soql: str = DEALS, **headers: str) -> requests.Response:
    """Asks for the first page."""
    return api.get(f"{V}/query", params={"q": soql}, headers=headers)


def rows(answer: requests.Response) -> list[list[str]]:
    """The rows of a CSV page, its header line left out."""
    return list(csv.reader(io.StringIO(answer.text, newline="")))[1:]


def raw(api: Web, path: str) -> tuple[http.client.HTTPResponse, bytes]:
    """Asks without a library that unpacks."""
    address = urlsplit(api.server.registration.base_url)
    context = ssl.create_default_context(cafile=api.server.registration.ca_file)
    connection = http.client.HTTPSConnection(str(address.hostname), address.port, context=context, timeout=30)
    with contextlib.closing(connection):
        connection.request("GET", path, headers={"Authorization": str(api.headers["Authorization"])})
        answer = connection.getresponse()
        return answer, answer.read()


@pytest.mark.parametrize(
    ("kind", "status", "content_type", "begins"),
    [
        ("unavailable_json", 503, "application/json", '[{"message"'),
        ("unavailable_html", 503, "text/html", "<html>"),
        ("unavailable_empty", 503, None, ""),
        ("too_many_requests", 429, None, ""),
    ],
)
def test_an_edge_server_answers_in_the_orgs_place(
    api: Web, kind: str, status: int, content_type: str | None, begins: str
) -> None:
    """API sheet 2.5: 503 as JSON, as HTML and empty; 429 without a hint when to come again."""
    api.fault(kind=kind, path=".*/limits")
    answer = api.get(LIMITS)
    assert (answer.status_code, answer.headers.get("content-type")) == (status, content_type)
    assert answer.text[: len(begins) or 1] == begins
    assert "Retry-After" not in answer.headers
    assert "Sforce-Limit-Info" not in answer.headers
    assert api.get(LIMITS).status_code == 200


def test_a_reset_connection_ends_in_the_middle_of_the_body(api: Web) -> None:
    """What came before the reset must not be taken for an answer."""
    api.fault(kind="reset", path=".*/sobjects", after_bytes=100)
    with pytest.raises(BROKEN):
        api.get(f"{V}/sobjects")
    assert api.get(f"{V}/sobjects").ok


def test_a_truncated_compression_is_a_whole_answer_to_http(api: Web) -> None:
    """Only who minds the end of the compressed stream can tell."""
    api.fault(kind="truncated_gzip", path=".*/limits")
    answer, body = raw(api, LIMITS)
    assert (answer.status, answer.headers["content-encoding"]) == (200, "gzip")
    assert int(answer.headers["content-length"]) == len(body)
    with pytest.raises(EOFError):
        gzip.decompress(body)


def test_a_drip_takes_longer_than_its_pieces(api: Web) -> None:
    """Each byte comes in time and the answer never."""
    path = f"{V}/sobjects/Opportunity"
    whole = api.get(path).content
    api.fault(kind="drip", path=".*/sobjects/Opportunity", seconds=0.1)
    began = time.monotonic()
    assert api.get(path, headers={"Accept-Encoding": "identity"}).content == whole
    assert time.monotonic() - began > 0.1 * (len(whole) // 512)


def test_a_late_commit_happens_when_the_client_has_given_up(api: Web) -> None:
    """Looked for at once it is not there; sent again it is there twice."""
    named = {"Name": "Late", "StageName": "Prospecting", "CloseDate": "2027-01-31"}
    soql = "SELECT COUNT() FROM Opportunity WHERE Name = 'Late'"
    api.fault(kind="late_commit", method="POST", path=".*/sobjects/Opportunity")
    with pytest.raises(requests.exceptions.ReadTimeout):
        api.post(f"{V}/sobjects/Opportunity", json=named, timeout=0.3)
    assert query(api, soql).json()["totalSize"] == 0
    assert api.post("/__local_org__/faults/release").json() == {"carried_out": 1}
    assert query(api, soql).json()["totalSize"] == 1


def test_a_late_commit_answers_whoever_still_waits(api: Web) -> None:
    """A slow org is no lost answer."""
    api.fault(kind="late_commit", path=".*/limits", seconds=0.05)
    assert "DailyApiRequests" in api.get(LIMITS).json()


def test_a_repeated_answer_is_that_of_the_request_before(api: Web) -> None:
    """A page that a cache on the way serves again: its rows come twice and the next ones never."""
    api.fault(kind="repeat", path=".*/query.*")
    first = query(api, "SELECT Id FROM User").json()
    assert query(api, DEALS).json() == first
    assert query(api, DEALS).json()["totalSize"] > 0
    assert query(api, DEALS).json() != first


def test_a_hidden_row_is_missing_from_pages_and_not_from_counts(api: Web) -> None:
    """The shortfall that only a comparison with Salesforce's own count finds (R9)."""
    hidden = query(api).json()["records"][1]["Id"]
    job = finished(api, "SELECT Id FROM Opportunity")
    api.fault(kind="hide_row", record_id=hidden)
    page = query(api).json()
    assert hidden not in [record["Id"] for record in page["records"]]
    assert len(page["records"]) == page["totalSize"] - 1
    assert query(api, "SELECT COUNT() FROM Opportunity").json()["totalSize"] == page["totalSize"]
    asked = {"ids": [hidden], "fields": ["Name"]}
    assert api.post(f"{V}/composite/sobjects/Opportunity", json=asked).json() == [None]
    results = api.get(f"{V}/jobs/query/{job}/results")
    assert hidden not in [row[0] for row in rows(results)]
    assert int(results.headers["Sforce-NumberOfRecords"]) == len(rows(results)) == page["totalSize"] - 1
    assert api.get(f"{V}/jobs/query/{job}").json()["numberRecordsProcessed"] == page["totalSize"]


def test_a_short_csv_announces_all_of_its_rows(api: Web) -> None:
    """airbyte#19014: a result that ends early and says nothing."""
    job = finished(api, DEALS)
    whole = rows(api.get(f"{V}/jobs/query/{job}/results"))
    api.fault(kind="short_csv", rows=3)
    short = api.get(f"{V}/jobs/query/{job}/results")
    assert rows(short) == whole[:-3]
    assert int(short.headers["Sforce-NumberOfRecords"]) == len(whole)


def test_a_whole_csv_may_be_announced_too_short(api: Web) -> None:
    """Which of the two numbers is wrong nobody can tell, so that nothing of it counts."""
    job = finished(api, DEALS)
    api.fault(kind="short_count", path=".*/results", rows=2)
    api.fault(kind="short_count", path=f".*/jobs/query/{job}", rows=2)
    answer = api.get(f"{V}/jobs/query/{job}/results")
    assert int(answer.headers["Sforce-NumberOfRecords"]) == len(rows(answer)) - 2
    assert api.get(f"{V}/jobs/query/{job}").json()["numberRecordsProcessed"] == len(rows(answer)) - 2


def test_a_changed_type_shows_in_describe_rows_and_csv(api: Web) -> None:
    """An admin who makes text of a number; the column of ours is numeric."""
    api.fault(kind="changed_type", sobject="Opportunity", field="Amount", type="string", value="12 EUR")
    described = api.get(f"{V}/sobjects/Opportunity/describe").json()["fields"]
    assert [field["type"] for field in described if field["name"] == "Amount"] == ["string"]
    (record,) = query(api, "SELECT Amount FROM Opportunity LIMIT 1").json()["records"]
    assert record["Amount"] == "12 EUR"
    job = finished(api, "SELECT Id, Amount FROM Opportunity LIMIT 2")
    assert [row[1] for row in rows(api.get(f"{V}/jobs/query/{job}/results"))] == ["12 EUR"] * 2


def test_a_skewed_date_is_not_the_orgs_time(api: Web) -> None:
    """A proxy whose clock is off dates the answers; stamps stay what they are."""
    api.fault(kind="skewed_date", seconds=-7200)
    said = parsedate_to_datetime(api.get(LIMITS).headers["Date"])
    assert 7_100 < (api.server.org.clock.now() - said).total_seconds() < 7_300


def test_a_token_expires_in_mid_run_and_the_grant_lives_on(person: Person) -> None:
    """tap-salesforce PR#222: a session that dies between two pages."""
    tokens = person.connect()
    api = Web(person.server, tokens["access_token"])
    api.fault(kind="expired_token", skip=1)
    assert [api.get(LIMITS).status_code for _ in range(2)] == [200, 401]
    assert person.refresh(tokens["refresh_token"]).ok


def test_others_use_up_the_quota_until_the_faults_end(api: Web) -> None:
    """The allowance is the org's: another application can empty it between two of our calls."""
    api.fault(kind="quota_used_up", skip=1)
    assert api.get(LIMITS).ok
    refused = api.get(LIMITS)
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (403, "REQUEST_LIMIT_EXCEEDED")
    api.delete("/__local_org__/faults")
    assert api.get(LIMITS).ok


def test_a_dead_locator_is_refused_in_the_orgs_own_words(api: Web) -> None:
    """forcedotcom/cli#2968: for a query and for a job whose results are gone."""
    first = query(api, "SELECT Id FROM EmailMessage", **{"Sforce-Query-Options": "batchSize=200"})
    following = first.json().get("nextRecordsUrl") or f"{V}/query/0r8000000000000AAA-200"
    api.fault(kind="dead_locator", times=2)
    refused = api.get(following)
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (400, "INVALID_QUERY_LOCATOR")
    gone = api.get(f"{V}/jobs/query/{finished(api, DEALS)}/results")
    assert (gone.status_code, gone.json()[0]["errorCode"]) == (404, "NOT_FOUND")


def test_a_stuck_job_stays_in_progress_until_it_is_aborted(api: Web) -> None:
    """airbyte#17148: whoever waits for it without a limit waits for ever."""
    api.switch(bulk_queued_seconds=0.0)
    api.fault(kind="stuck_job")
    job = created(api, DEALS).json()["id"]
    finished(api, DEALS)
    reached(api, job, "InProgress")
    finished(api, DEALS)
    reached(api, job, "InProgress")
    assert api.patch(f"{V}/jobs/query/{job}", json={"state": "Aborted"}).json()["state"] == "Aborted"
    assert api.delete(f"{V}/jobs/query/{job}").status_code == 204


def test_a_failed_job_says_why_and_the_next_one_works(api: Web) -> None:
    """The guide's own end after more than 15 retries."""
    api.switch(bulk_queued_seconds=0.0)
    api.fault(kind="failed_job", body="Timeout : the query ran too long")
    job = created(api, DEALS).json()["id"]
    finished(api, DEALS)
    document = reached(api, job, "Failed")
    assert (document["state"], document["errorMessage"]) == ("Failed", "Timeout : the query ran too long")
    assert api.get(f"{V}/jobs/query/{job}/results").status_code == 400


def test_a_field_is_taken_away_in_mid_run_and_given_back(api: Web, served: OrgServer) -> None:
    """Field-level security is an admin's click away; its records say so too."""
    amount = "SELECT Amount FROM Opportunity LIMIT 1"
    api.fault(kind="hidden_field", sobject="Opportunity", field="Amount", path=".*/query", skip=1)
    assert query(api, amount).ok
    refused = query(api, amount)
    assert refused.json()[0]["errorCode"] == "INVALID_FIELD"
    described = api.get(f"{V}/sobjects/Opportunity/describe").json()["fields"]
    assert "Amount" not in {field["name"] for field in described}
    assert served.org.store.find_ids("FieldPermissions", Field="Opportunity.Amount", PermissionsRead=1) == []
    api.delete("/__local_org__/faults")
    assert query(api, amount).ok


def test_a_fault_can_be_about_what_a_composite_asks(api: Web) -> None:
    """All objects travel in one request body: a fault of one of them must find it there."""
    api.fault(kind="unavailable_json", path=".*/composite", about="FROM Contact\\b")
    body = {
        "compositeRequest": [{"method": "GET", "url": f"{V}/query?q=SELECT+Id+FROM+User", "referenceId": "u"}]
    }
    assert api.post(f"{V}/composite", json=body).status_code == 200
    body["compositeRequest"][0]["url"] = f"{V}/query?q=SELECT%20Id%20FROM%20Contact"
    assert api.post(f"{V}/composite", json=body).status_code == 503
    assert api.post(f"{V}/composite", json=body).json()["compositeResponse"][0]["httpStatusCode"] == 200


def test_chance_with_the_same_seed_hits_the_same_requests(api: Web) -> None:
    """A random failure that nobody can bring back is no test."""
    chance = {
        "kind": "chance", "one_in": 3, "seed": 7, "path": ".*/limits",
        "choice": [{"kind": "unavailable_html"}, {"kind": "too_many_requests"}],
    }  # fmt: skip

    def outcomes(**changes: object) -> list[int]:
        api.fault(**{**chance, **changes})
        seen = [api.get(LIMITS).status_code for _ in range(30)]
        hits = api.get("/__local_org__/faults/hits").json()
        assert len(hits) == 30 - seen.count(200)
        api.delete("/__local_org__/faults")
        return seen

    once = outcomes()
    assert set(once) == {200, 429, 503}
    assert outcomes() == once
    assert outcomes(seed=8) != once


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "reset", "path": "("},
        {"kind": "reset", "colour": "red"},
        {"kind": "chance"},
        {"kind": "chance", "choice": [{"kind": "nothing"}]},
        {"kind": "chance", "choice": [{"kind": "reset"}], "one_in": 0},
    ],
)
def test_a_fault_that_cannot_be_meant_is_refused(api: Web, wrong: dict[str, object]) -> None:
    """A fault that never strikes makes a test prove nothing."""
    assert api.post("/__local_org__/faults", json=wrong).status_code == 400
    assert api.get("/__local_org__/faults").json() == []


def test_every_kind_of_fault_is_committed_by_something() -> None:
    """A kind in the list that the middleware does not know would end in a 500 of the org."""
    from local_org.faults.content import CONTENT
    from local_org.faults.state import STATE
    from local_org.faults.wire import WIRE

    assert {*WIRE, *STATE, *CONTENT, "repeat", "skewed_date", "chance"} == set(KINDS)
