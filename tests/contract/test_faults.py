"""Every fault of the org against every operation of the client: a whole answer, or an error that says what happened; never a part."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests

from orchestration.errors import (
    BulkUnavailableError,
    IncompleteReadError,
    MissingFieldError,
    NeedsReconnectError,
    QuotaReachedError,
    TransientSalesforceError,
)
from orchestration.salesforce import soql
from orchestration.salesforce.client import Salesforce
from orchestration.salesforce.pages import Page
from orchestration.salesforce.transport import Timeouts
from tests.contract.running_org import RunningOrg
from tests.salesforce.scripted_org import MemoryStore

MAILS = soql.select(["Id"], "EmailMessage", [soql.equal("IsDeleted", False)])
Fault = dict[str, Any]


@pytest.fixture(scope="module")
def grant(running_org: RunningOrg) -> MemoryStore:
    """One grant for all of these tests."""
    return MemoryStore(running_org.connect())


@pytest.fixture
def reader(org: RunningOrg, grant: MemoryStore) -> Iterator[Salesforce]:
    """A client with that grant."""
    with requests.Session() as session:
        yield Salesforce(org.app(), grant, session=session, sleep=lambda _: None)


@pytest.fixture
def impatient(org: RunningOrg, grant: MemoryStore) -> Iterator[Salesforce]:
    """A client that waits for nothing."""
    with requests.Session() as session:
        timeout = Timeouts(connect=10, read=0.5, whole=2.0)
        yield Salesforce(org.app(), grant, session=session, sleep=lambda _: None, timeout=timeout)


def ids(pages: Any) -> list[str]:
    """The ids of all records of some pages."""
    return [record["Id"] for page in pages for record in page.records()]


def composite(client: Salesforce) -> list[list[str]]:
    """Reads two objects in one call."""
    answers = client.query_many([soql.select(["Id"], name) for name in ("User", "RecordType")])
    for answer in answers:
        if not isinstance(answer, Page):
            raise answer
    return [ids([answer]) for answer in answers]


def deleted(client: Salesforce) -> int:
    """Counts the deletions of a day."""
    now = client.server_time()
    return len(client.deleted("Opportunity", now - timedelta(days=1), now).records)


def bulk(client: Salesforce) -> int:
    """Counts the rows of a job as the sync does."""
    with client.bulk_query(MAILS) as job:
        count = sum(b"".join(page.chunks).count(b"\n") - 1 for page in job.pages())
        if count != job.record_count:
            raise IncompleteReadError(f"{job.record_count} announced, {count} came")
    return count


OPERATIONS: dict[str, tuple[str, Callable[[Salesforce], object]]] = {
    "query": (".*/queryAll", lambda client: ids(client.query(soql.select(["Id"], "User")))),
    "next page": (".*/query(All)?/0r8.*", lambda client: ids(client.query(MAILS))),
    "composite": (".*/composite", composite),
    "describe": (".*/describe", lambda client: sorted(client.describe("Contact").fields)),
    "deleted": (".*/deleted/?", deleted),
    "bulk create": (".*/jobs/query/?", bulk),
    "bulk poll": (r".*/jobs/query/750\w+", bulk),
    "organization": (".*/query/?", lambda client: client.organization().id),
}
OF_THE_MOMENT: list[Fault] = [
    {"kind": "unavailable_json", "times": 3},
    {"kind": "unavailable_html"},
    {"kind": "unavailable_empty"},
    {"kind": "too_many_requests"},
    {"kind": "drop", "after_bytes": 10},
    {"kind": "reset", "after_bytes": 10},
    {"kind": "lose_answer"},
    {"kind": "truncated_gzip"},
    {"kind": "expired_token"},
    {"kind": "answer", "status": 200, "body": "<html>Please log in to the network</html>"},
]


def named(value: object) -> str | None:
    """The kind of a fault, for the name of a test."""
    return str(value["kind"]) if isinstance(value, dict) and "kind" in value else None


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_goes_wrong_for_a_moment_is_not_noticed_by_the_caller(
    org: RunningOrg, reader: Salesforce, operation: str
) -> None:
    """One bad answer of thousands that fails a run of hours, or is taken for a short one."""
    path, ask = OPERATIONS[operation]
    whole = ask(reader)
    seen = []
    for fault in OF_THE_MOMENT:
        org.admin("DELETE", "/faults")
        org.admin("POST", "/faults", {**fault, "path": path})
        seen.append(ask(reader))
        assert org.admin("GET", "/faults/hits"), fault
    assert seen == [whole] * len(OF_THE_MOMENT)


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        ("query", "the query of User"),
        ("next page", "the next page of EmailMessage"),
        ("composite", "the query of User, RecordType"),
        ("describe", "the description of Contact"),
        ("deleted", "the list of deleted Opportunity"),
        ("bulk create", "the Bulk job for EmailMessage"),
        ("bulk poll", "the Bulk job for EmailMessage"),
        ("organization", "the request about the org"),
    ],
)
@pytest.mark.parametrize("kind", ["unavailable_html", "truncated_gzip", "too_many_requests"])
def test_what_stays_wrong_is_an_error_that_says_what_was_asked(
    org: RunningOrg, reader: Salesforce, operation: str, words: str, kind: str
) -> None:
    """'HTTP 503' alone sends its reader to the logs; four tries, then the next sync."""
    path, ask = OPERATIONS[operation]
    org.admin("POST", "/faults", {"kind": kind, "times": 99, "path": path})
    with pytest.raises(TransientSalesforceError, match=f"(?i){re.escape(words)}") as caught:
        ask(reader)
    assert len(org.admin("GET", "/faults/hits")) >= 4
    assert re.search(r"again", str(caught.value))
    assert "<" not in str(caught.value)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    "body",
    [
        "{}",
        *(pytest.param(body, marks=pytest.mark.slow) for body in ("[1]", '{"done": true, "records": null}')),
    ],
)
def test_a_success_of_another_shape_is_an_error_of_ours_and_no_traceback(
    org: RunningOrg, reader: Salesforce, operation: str, body: str
) -> None:
    """A proxy that answers 200 with JSON of its own: a KeyError in a run's log helps nobody, an empty answer less."""
    path, ask = OPERATIONS[operation]
    org.admin("POST", "/faults", {"kind": "answer", "status": 200, "body": body, "times": 99, "path": path})
    with pytest.raises(TransientSalesforceError, match="is no answer of Salesforce's API"):
        ask(reader)


@pytest.mark.parametrize("fault", [{"kind": "hide_row"}, {"kind": "short_count"}], ids=named)
@pytest.mark.parametrize("operation", ["query", "composite"])
def test_an_answer_with_another_number_of_records_than_it_says_is_none(
    org: RunningOrg, reader: Salesforce, operation: str, fault: Fault
) -> None:
    """On a single page too: whoever compares only at the last of several pages believes a short one."""
    path, _ = OPERATIONS[operation]
    org.admin("POST", "/faults", {**fault, "path": path, "times": 1})
    if operation == "composite":
        short, whole = reader.query_many(["SELECT Id FROM User", "SELECT COUNT() FROM Contact"])
        assert isinstance(short, IncompleteReadError)
        assert isinstance(whole, Page)
        return
    with pytest.raises(IncompleteReadError, match="announced"):
        list(reader.query("SELECT Id FROM User"))


def test_a_page_that_is_served_twice_makes_the_read_incomplete(org: RunningOrg, reader: Salesforce) -> None:
    """The same rows twice and others never, with a number of pages that looks right."""
    org.admin("POST", "/faults", {"kind": "repeat", "path": ".*/query(All)?/0r8.*"})
    pages = reader.query(soql.select(["Id", "TextBody"], "EmailMessage", [soql.equal("IsDeleted", False)]))
    with pytest.raises(IncompleteReadError, match="announced"):
        list(pages)


def test_a_locator_that_died_makes_the_read_incomplete(org: RunningOrg, reader: Salesforce) -> None:
    """The page asked for after the org forgot the query."""
    org.admin("POST", "/faults", {"kind": "dead_locator"})
    with pytest.raises(IncompleteReadError, match="the window is read again"):
        list(reader.query(MAILS))


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "stuck_job"}, BulkUnavailableError),
        ({"kind": "failed_job", "body": "Timeout : too long"}, BulkUnavailableError),
        ({"kind": "dead_locator"}, IncompleteReadError),
        ({"kind": "drop", "path": ".*/results", "after_bytes": 900}, TransientSalesforceError),
        ({"kind": "reset", "path": ".*/results", "after_bytes": 900}, TransientSalesforceError),
    ],
    ids=named,
)
def test_a_job_that_goes_wrong_leaves_no_job_behind(
    org: RunningOrg, reader: Salesforce, grant: MemoryStore, fault: Fault, error: type[Exception]
) -> None:
    """Jobs of a bad day would fill the org's list for seven days."""
    before = org.call(grant.tokens, "GET", "/jobs/query").json()["records"]
    org.admin("POST", "/faults", fault)
    deadline = timedelta(seconds=1) if fault["kind"] == "stuck_job" else timedelta(hours=1)
    with pytest.raises(error), reader.bulk_query(MAILS, deadline=deadline) as job:
        [b"".join(page.chunks) for page in job.pages()]
    org.admin("DELETE", "/faults")
    assert org.call(grant.tokens, "GET", "/jobs/query").json()["records"] == before


def test_an_answer_that_never_comes_is_left_after_the_read_time_out(
    org: RunningOrg, impatient: Salesforce
) -> None:
    """A request without an end holds a run, its pool slot and its database connection."""
    impatient.server_time()
    org.admin("POST", "/faults", {"kind": "late_commit", "times": 99, "path": ".*/queryAll"})
    with pytest.raises(TransientSalesforceError, match="did not answer"):
        list(impatient.query("SELECT Id FROM User"))
    org.admin("POST", "/faults/release")


def test_an_answer_that_drips_is_left_when_the_whole_takes_too_long(
    org: RunningOrg, impatient: Salesforce
) -> None:
    """Every byte comes in time, and the answer in an hour."""
    org.admin("POST", "/faults", {"kind": "drip", "seconds": 0.4, "times": 99, "path": ".*/describe"})
    with pytest.raises(TransientSalesforceError, match=r"took too long|did not answer|cut off"):
        impatient.describe("Opportunity")


def test_a_file_that_is_committed_after_our_time_out_is_there_once(
    org: RunningOrg, impatient: Salesforce, reader: Salesforce
) -> None:
    """Looked for at once it is not there yet; sent again by the client itself it would be there twice."""
    org.admin("POST", "/faults", {"kind": "late_commit", "path": ".*/sobjects/ContentVersion"})
    with pytest.raises(TransientSalesforceError):
        impatient.create_content_version(
            {"Title": "Late", "PathOnClient": "late.pdf"}, io.BytesIO(b"late"),
            file_name="late.pdf", content_type="application/pdf", size=4,
        )  # fmt: skip
    look = "SELECT Id FROM ContentVersion WHERE PathOnClient = 'late.pdf'"
    assert next(reader.query(look)).count == 0
    assert org.admin("POST", "/faults/release") == {"carried_out": 1}
    assert next(reader.query(look)).count == 1


def test_a_field_taken_away_in_mid_run_is_named_with_who_can_give_it_back(
    org: RunningOrg, reader: Salesforce
) -> None:
    """INVALID_FIELD looks like a mistake of ours; it is a right that somebody took."""
    asked = soql.select(["Id", "NextStep"], "Opportunity")
    assert next(reader.query(asked)).count
    org.admin("POST", "/faults", {"kind": "hidden_field", "sobject": "Opportunity", "field": "NextStep"})
    with pytest.raises(MissingFieldError, match=r"Opportunity\.NextStep.*admin grants Read"):
        list(reader.query(asked))
    assert "NextStep" not in reader.describe("Opportunity").fields
    org.admin("DELETE", "/faults")
    assert next(reader.query(asked)).count


def test_calls_that_others_used_up_end_the_read_with_a_time(org: RunningOrg, reader: Salesforce) -> None:
    """Between two pages of ours another application emptied the allowance."""
    pages = reader.query(MAILS)
    next(pages)
    org.admin("POST", "/faults", {"kind": "quota_used_up"})
    with pytest.raises(QuotaReachedError, match="used up") as caught:
        list(pages)
    assert caught.value.until is not None


@pytest.mark.parametrize(
    "fault",
    [{"kind": "unavailable_json"}, {"kind": "unavailable_html"}, {"kind": "unavailable_empty"}, {"kind": "too_many_requests"}],
    ids=named,
)  # fmt: skip
def test_a_token_endpoint_that_is_down_costs_no_grant(
    org: RunningOrg, reader: Salesforce, grant: MemoryStore, fault: Fault
) -> None:
    """An outage of minutes that makes an admin connect again."""
    list(reader.query("SELECT Id FROM User"))
    org.admin("DELETE", f"/tokens?token={grant.tokens.access_token}")
    org.admin("POST", "/faults", {**fault, "path": "/services/oauth2/token"})
    with pytest.raises(TransientSalesforceError):
        list(reader.query("SELECT Id FROM User"))
    assert next(reader.query("SELECT Id FROM User")).count


@pytest.mark.parametrize(
    "fault", [{"kind": "lose_answer"}, {"kind": "truncated_gzip"}, {"kind": "reset"}], ids=named
)
def test_a_token_answer_that_is_lost_ends_in_a_request_to_connect_again(
    org: RunningOrg, fault: Fault, client: Salesforce, store: MemoryStore
) -> None:
    """With rotation the old token is dead and the new one unknown: asking on and on with it would only look like an attack."""
    list(client.query("SELECT Id FROM User"))
    org.admin("DELETE", f"/tokens?token={store.tokens.access_token}")
    org.admin("POST", "/faults", {**fault, "path": "/services/oauth2/token"})
    with pytest.raises(TransientSalesforceError):
        list(client.query("SELECT Id FROM User"))
    with pytest.raises(NeedsReconnectError, match="connects Fluint again"):
        list(client.query("SELECT Id FROM User"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [3, 4])
def test_reads_under_random_faults_are_whole_or_an_error(
    org: RunningOrg, reader: Salesforce, seed: int
) -> None:
    """No list of faults is complete."""
    whole = {name: ask(reader) for name, (_, ask) in OPERATIONS.items()}
    choice = [
        *({"kind": fault["kind"]} for fault in OF_THE_MOMENT),
        {"kind": "hide_row"},
        {"kind": "short_count"},
    ]
    org.admin(
        "POST",
        "/faults",
        {"kind": "chance", "one_in": 3, "seed": seed, "path": ".*/v66.0/.*", "choice": choice},
    )
    outcomes = []
    for _ in range(3):
        for name, (_, ask) in OPERATIONS.items():
            try:
                assert ask(reader) == whole[name], name
                outcomes.append("whole")
            except (TransientSalesforceError, IncompleteReadError, BulkUnavailableError, QuotaReachedError):
                outcomes.append("error")
    assert outcomes.count("whole") > len(outcomes) / 3
    assert len(org.admin("GET", "/faults/hits")) > 5
