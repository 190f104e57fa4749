"""What every API call meets before its answer: who asks, whether they may, how many calls are left, the org's time; and the log of it."""

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest
import requests

from local_org.server import OrgServer
from tests.local_org.wire.conftest import Person, Web

LIMITS = "/services/data/v66.0/limits"
VERSIONS = "/services/data"


def integration_user(served: OrgServer) -> str:
    """Gives the id of the user that the application connects as."""
    user = served.org.user_by_username(served.registration.username)
    assert user is not None
    return str(user["Id"])


def test_every_authenticated_call_says_how_many_calls_are_used(api: Web) -> None:
    """The client stops at 80 % of the day's calls; a header that lags or is missing lets it run into the wall."""
    used = [api.get(LIMITS).headers["Sforce-Limit-Info"] for _ in range(2)]
    counts = [int(text.removeprefix("api-usage=").removesuffix("/15000")) for text in used]
    assert counts[1] == counts[0] + 1
    assert "Sforce-Limit-Info" not in api.get(VERSIONS).headers


def test_the_day_s_last_call_is_served_and_the_next_refused(api: Web) -> None:
    """One call more or less at the limit is the difference between deferred and failed."""
    used = api.get("/__local_org__/usage").json()["api_calls"]
    api.switch(daily_api_limit=used + 1)
    assert api.get(LIMITS).headers["Sforce-Limit-Info"] == f"api-usage={used + 1}/{used + 1}"
    refused = api.get(LIMITS)
    body = [{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]
    assert (refused.status_code, refused.json()) == (403, body)
    assert api.get("/__local_org__/usage").json()["api_calls"] == used + 1


def test_calls_of_other_applications_and_of_a_day_ago_count_as_they_should(api: Web) -> None:
    """The limit belongs to the org, not to us, and it is a rolling day."""
    api.get(LIMITS)
    used = api.get("/__local_org__/usage").json()["api_calls"]
    api.switch(api_calls_used_by_others=14_000)
    assert api.get("/__local_org__/usage").json()["api_calls"] == used + 14_000
    api.switch(api_calls_used_by_others=0)
    api.post("/__local_org__/clock", json={"seconds": 25 * 3600})
    later = api.get("/__local_org__/usage").json()["api_calls"]
    api.post("/__local_org__/clock", json={"seconds": -25 * 3600})
    assert (used > 0, later) == (True, 0)


def test_a_user_without_api_enabled_is_refused_with_that_word(api: Web, served: OrgServer) -> None:
    """The set-up check must tell this 403 from the one of the call limit."""
    store, user_id = served.org.store, integration_user(served)
    sets = [
        str(row[0])
        for row in store.select(
            "select Id from PermissionSet where PermissionsApiEnabled = 1 and (Id in"
            " (select PermissionSetId from PermissionSetAssignment where AssigneeId = ?1)"
            " or ProfileId = (select ProfileId from User where Id = ?1))",
            (user_id,),
        )
    ]
    assert sets
    for record_id in sets:
        store.update("PermissionSet", record_id, {"PermissionsApiEnabled": False}, by=user_id)
    refused = api.get(LIMITS)
    for record_id in sets:
        store.update("PermissionSet", record_id, {"PermissionsApiEnabled": True}, by=user_id)
    body = [{"message": "API is disabled for this User", "errorCode": "API_CURRENTLY_DISABLED"}]
    assert (refused.status_code, refused.json()) == (403, body)


def test_the_date_header_is_the_time_of_the_org(api: Web) -> None:
    """The client takes its horizon from this header, so a skewed clock must show in it."""
    api.post("/__local_org__/clock", json={"seconds": 86_400})
    there = parsedate_to_datetime(api.get(VERSIONS).headers["Date"])
    api.post("/__local_org__/clock", json={"seconds": -86_400})
    here = parsedate_to_datetime(api.get(VERSIONS).headers["Date"])
    assert timedelta(hours=23) < there - here < timedelta(hours=25)


@pytest.mark.parametrize(
    ("length", "switch", "status"), [(15_000, 414, {200, 400}), (16_500, 431, {431}), (16_500, 414, {414})]
)
def test_a_uri_longer_than_16_kb_is_refused(api: Web, length: int, switch: int, status: set[int]) -> None:
    """API sheet 2.2, URI and headers: a client that builds IN lists without counting bytes fails in production; 414 or 431 [M]."""
    api.switch(uri_too_long_status=switch)
    assert api.get("/services/data/v66.0/query", params={"q": "x" * length}).status_code in status


def test_headers_that_push_a_short_uri_over_16_kb_are_refused(api: Web) -> None:
    """API sheet 2.2: the limit holds for URI and headers together."""
    assert api.get(LIMITS, headers={"X-Padding": "x" * 16_400}).status_code == 431


def test_the_log_says_who_asked_what_and_never_what_came_back(api: Web, served: OrgServer) -> None:
    """Tests of the client read its behaviour here; content in it would be one more copy of personal data."""
    api.delete("/__local_org__/log")
    soql = "SELECT Id, Name FROM Opportunity LIMIT 3"
    answer = api.get("/services/data/v66.0/query", params={"q": soql})
    entry = api.log()[-1]
    assert entry["user_id"] == integration_user(served)
    assert (entry["method"], entry["path"], entry["soql"]) == ("GET", "/services/data/v66.0/query", [soql])
    assert (entry["status"], entry["rows"], entry["api_calls"]) == (200, 3, 1)
    assert (entry["is_complete"], entry["bytes"]) == (True, len(answer.content))
    assert datetime.fromisoformat(str(entry["at"])).utcoffset() == timedelta(0)
    assert answer.json()["records"][0]["Name"] not in str(entry)


def test_a_composite_of_queries_counts_as_one_call_and_is_logged_with_all_of_them(api: Web) -> None:
    """One composite per quiet interval is what makes an interval of a minute affordable."""
    queries = ["SELECT Id FROM Opportunity LIMIT 2", "SELECT Id FROM Contact LIMIT 3"]
    parts = [
        {
            "method": "GET",
            "url": f"/services/data/v66.0/query?q={query.replace(' ', '+')}",
            "referenceId": f"q{place}",
        }
        for place, query in enumerate(queries)
    ]
    before = api.get("/__local_org__/usage").json()["api_calls"]
    answer = api.post("/services/data/v66.0/composite", json={"compositeRequest": parts})
    assert answer.status_code == 200, answer.text
    assert api.get("/__local_org__/usage").json()["api_calls"] == before + 1
    entry = api.log()[-1]
    assert (entry["soql"], entry["rows"]) == (queries, 5)


def test_admin_endpoints_are_neither_counted_nor_logged(api: Web) -> None:
    """A test's own questions must not change what it measures."""
    api.delete("/__local_org__/log")
    before = api.get("/__local_org__/usage").json()
    assert api.get("/__local_org__/usage").json() == before
    assert api.log() == []


def test_an_unknown_switch_or_a_wrong_type_changes_nothing(api: Web) -> None:
    """A misspelt switch that is silently ignored makes a test prove nothing."""
    before = api.get("/__local_org__/switches").json()
    for wrong in (
        {"daily_api_limt": 5},
        {"daily_api_limit": "5"},
        {"daily_api_limit": 5, "rotate_refresh_tokens": 1},
    ):
        assert api.patch("/__local_org__/switches", json=wrong).status_code == 400
    assert api.get("/__local_org__/switches").json() == before


def test_an_unknown_path_and_a_wrong_method_are_refused_in_salesforces_words(api: Web) -> None:
    """The client tells a wrong path from a hidden row by nothing but this."""
    missing = api.get("/services/data/v66.0/nowhere/at/all")
    assert missing.status_code == 404
    assert missing.json() == [{"message": "The requested resource does not exist", "errorCode": "NOT_FOUND"}]
    wrong = api.delete("/services/data/v66.0/jobs/query")
    assert (wrong.status_code, wrong.json()[0]["errorCode"]) == (405, "METHOD_NOT_ALLOWED")
    assert wrong.json()[0]["message"] == "HTTP Method 'DELETE' not allowed. Allowed are HEAD,GET,POST"


def test_a_fault_answers_in_place_of_the_org_as_often_as_asked(api: Web) -> None:
    """503 and 429 without a hint are what the retry of the client is for."""
    api.fault(kind="answer", path=".*/limits", status=503, body="<html>busy</html>", times=2)
    answers = [api.get(LIMITS) for _ in range(2)]
    assert [(answer.status_code, answer.text) for answer in answers] == [(503, "<html>busy</html>")] * 2
    assert "Date" in answers[0].headers
    assert api.get(LIMITS).status_code != 503
    assert api.get("/__local_org__/faults").json() == []


def test_a_dropped_connection_breaks_off_in_the_middle_of_the_body(api: Web) -> None:
    """A short body with a good status must not be taken for an answer."""
    api.fault(kind="drop", path=".*/sobjects", after_bytes=100)
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.exceptions.ConnectionError)):
        api.get("/services/data/v66.0/sobjects")
    assert api.get("/services/data/v66.0/sobjects").status_code == 200


def test_a_lost_answer_leaves_the_change_behind(api: Web, person: Person) -> None:
    """The request was carried out and nobody was told: what the client does next must not do it twice."""
    tokens = person.connect()
    api.fault(kind="lose_answer", method="POST", path="/services/oauth2/token")
    with pytest.raises(requests.exceptions.ConnectionError):
        person.refresh(tokens["refresh_token"])
    assert person.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_delayed_answer_outlasts_the_patience_of_the_client(api: Web) -> None:
    """A time-out of the client must end the wait, not the sync."""
    api.fault(kind="delay", path=".*/limits", seconds=1.0)
    with pytest.raises(requests.exceptions.ReadTimeout):
        api.get(LIMITS, timeout=0.2)


def test_a_fault_with_an_unknown_kind_is_refused_with_the_known_ones(api: Web) -> None:
    """A fault that never strikes makes a test prove nothing."""
    answer = api.post("/__local_org__/faults", json={"kind": "explode"})
    assert (answer.status_code, "lose_answer" in answer.json()["error"]) == (400, True)
