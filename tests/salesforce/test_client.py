"""What goes through simple-salesforce: describes, deletions, the org's own record. And that no secret is ever logged."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import pytest

from orchestration.errors import (
    FluintError,
    ObjectUnavailableError,
    RejectedRequestError,
    SetupError,
    TooMuchAskedError,
)
from orchestration.salesforce import oauth
from orchestration.salesforce.client import Salesforce
from orchestration.salesforce.describe import DescribedField, Identity, Organization
from tests.salesforce.scripted_org import (
    ORG_ID,
    TOKEN_PATH,
    USER_ID,
    Answer,
    MemoryStore,
    ScriptedOrg,
    page,
    record,
    refusal,
)

V = "/services/data/v66.0"


def test_a_describe_gives_the_fields_that_the_user_sees(org: ScriptedOrg, client: Salesforce) -> None:
    """A field hidden by field-level security is absent, and left out of queries."""
    field = {
        "name": "Amount",
        "type": "currency",
        "length": 0,
        "calculated": False,
        "filterable": True,
        "label": "Amount",
    }
    org.on(
        "GET", f"{V}/sobjects/Opportunity/describe", Answer(body={"name": "Opportunity", "fields": [field]})
    )
    described = client.describe("Opportunity")
    assert described.fields == {
        "Amount": DescribedField("Amount", "currency", 0, calculated=False, filterable=True)
    }
    assert org.requests[0].headers["Authorization"] == "Bearer access-old"
    assert "X-PrettyPrint" not in org.requests[0].headers


def test_an_object_that_is_not_described_is_unavailable_by_name(org: ScriptedOrg, client: Salesforce) -> None:
    """EmailMessage is missing in orgs without Enhanced Email; the deals go on."""
    org.on(
        "GET",
        f"{V}/sobjects/EmailMessage/describe",
        refusal(404, "NOT_FOUND", "The requested resource does not exist"),
    )
    with pytest.raises(ObjectUnavailableError, match="cannot read EmailMessage, or the org does not have it"):
        client.describe("EmailMessage")


def test_deletions_of_a_window_are_listed_with_their_times(org: ScriptedOrg, client: Salesforce) -> None:
    """Rows purged from the recycle bin are only here."""
    body = {
        "deletedRecords": [{"id": "006000000000001AAA", "deletedDate": "2026-05-04T09:00:00.000+0000"}],
        "earliestDateAvailable": "2026-04-19T00:00:00.000+0000",
        "latestDateCovered": "2026-05-04T09:59:00.000+0000",
    }
    org.on("GET", f"{V}/sobjects/Opportunity/deleted/", Answer(body=body))
    start, end = datetime(2026, 5, 4, 8, tzinfo=UTC), datetime(2026, 5, 4, 10, tzinfo=UTC)
    answer = client.deleted("Opportunity", start, end)
    assert [(one.id, one.deleted_at) for one in answer.records] == [
        ("006000000000001AAA", datetime(2026, 5, 4, 9, tzinfo=UTC))
    ]
    assert answer.latest_covered == datetime(2026, 5, 4, 9, 59, tzinfo=UTC)
    assert org.requests[0].query == {"start": "2026-05-04T08:00:00+00:00", "end": "2026-05-04T10:00:00+00:00"}


def test_the_org_and_the_user_are_told_apart_from_any_other(org: ScriptedOrg, client: Salesforce) -> None:
    """One database belongs to one org."""
    row = {"Id": ORG_ID, "IsSandbox": True, "OrganizationType": "Developer Edition"}
    org.on("GET", f"{V}/query/", page(row))
    assert client.organization() == Organization(
        ORG_ID, is_sandbox=True, organization_type="Developer Edition"
    )
    assert client.identity() == Identity(ORG_ID, USER_ID)


@pytest.mark.parametrize(
    ("status", "code", "kind", "words"),
    [
        (403, "API_CURRENTLY_DISABLED", SetupError, "lacks 'API Enabled'"),
        (403, "API_DISABLED_FOR_ORG", SetupError, "edition includes API access"),
        (403, "TXN_SECURITY_NO_ACCESS", SetupError, "Transaction Security Policies"),
        (410, "", SetupError, "api_version"),
        (400, "MALFORMED_QUERY", RejectedRequestError, "The query of Opportunity was not understood"),
        (400, "OPERATION_TOO_LARGE", TooMuchAskedError, "in smaller parts"),
        (414, "", RejectedRequestError, "HTTP 414"),
    ],
)
def test_each_refusal_becomes_the_error_that_tells_who_does_what(
    org: ScriptedOrg, client: Salesforce, status: int, code: str, kind: type[FluintError], words: str
) -> None:
    """The branch of the error tree decides whether the sync retries, waits, or asks a person."""
    org.on("GET", f"{V}/queryAll", refusal(status, code, **{"X-SFDC-Request-Id": "TID:9"}))
    with pytest.raises(kind, match=words) as caught:
        list(client.query("SELECT Id FROM Opportunity"))
    assert type(caught.value) is kind
    assert caught.value.request_id == "TID:9"


@pytest.mark.parametrize(
    ("code", "message", "told"),
    [
        (
            "STRING_TOO_LONG",
            "Title: data value too large: Offer\nfor Jo Doe (max length=255)",
            "too large: … (max length=255)",
        ),
        (
            "INVALID_EMAIL_ADDRESS",
            "Email: invalid email address: jo.doe@example.com",
            "invalid email address: …",
        ),
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "Only PDFs, please", "Only PDFs, please"),
    ],
)
def test_a_value_that_salesforce_repeats_in_a_message_is_left_out(
    org: ScriptedOrg, client: Salesforce, code: str, message: str, told: str
) -> None:
    """Errors end in Dagster's log, which cannot be edited when a person asks to be forgotten."""
    org.on("GET", f"{V}/queryAll", refusal(400, code, message))
    with pytest.raises(RejectedRequestError) as caught:
        list(client.query("SELECT Id FROM Opportunity"))
    assert told in str(caught.value)
    assert "Doe" not in str(caught.value)
    assert "doe@" not in str(caught.value)


def test_a_whole_life_of_a_grant_at_debug_logs_no_secret(
    org: ScriptedOrg, store: MemoryStore, client: Salesforce, caplog: pytest.LogCaptureFixture
) -> None:
    """Logs are shipped, kept and read by many."""
    caplog.set_level(logging.DEBUG)
    attempt = oauth.begin_login(org.app())
    org.on(
        "POST",
        TOKEN_PATH,
        org.token_answer(),
        Answer(400, {"error": "invalid_grant", "error_description": "gone"}),
    )
    org.on(
        "GET",
        f"{V}/queryAll",
        refusal(401, "INVALID_SESSION_ID"),
        page(record(1)),
        refusal(401, "INVALID_SESSION_ID"),
    )
    store.tokens = oauth.finish_login(
        org.app(), attempt, f"http://localhost/callback?code=the-code&state={attempt.state}"
    )
    with pytest.raises(FluintError) as caught:
        list(client.query("SELECT Id FROM Opportunity"))
    secrets = [
        "client-secret",
        "access-old",
        "refresh-old",
        "access-new",
        "refresh-new",
        "the-code",
        attempt.code_verifier,
    ]
    told = caplog.text + repr(caught.value) + str(caught.value)
    assert "127.0.0.1" in caplog.text
    assert not [secret for secret in secrets if secret in told]
