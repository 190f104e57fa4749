"""The catalogue of refusals: every entry can be reached, says who does what, and is what docs/troubleshooting.md says."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import pytest
import typer

from orchestration.cli import app
from orchestration.errors import (
    BulkUnavailableError,
    FluintError,
    IncompleteReadError,
    NeedsReconnectError,
    ObjectUnavailableError,
    QuotaReachedError,
    RejectedRequestError,
    Remedy,
    SetupError,
    TransientSalesforceError,
)
from orchestration.salesforce.api_meanings import API
from orchestration.salesforce.governed import STEPS
from orchestration.salesforce.meaning import Meaning, find
from orchestration.salesforce.responses import Ask, Kind, error_for, read_refusal, sign_in_error
from orchestration.salesforce.sign_in_meanings import SIGN_IN
from orchestration.salesforce.troubleshooting import catalogue, written

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "troubleshooting.md"
NOW = datetime(2026, 5, 4, 10, tzinfo=UTC)
USER = "005000000000001AAA"


def error(
    status: int, code: str, message: str = "", kind: Kind = "query", sobject: str = "Opportunity"
) -> FluintError:
    """What the interpreter makes of a refusal."""
    body = f'[{{"errorCode": "{code}", "message": "{message}"}}]'.encode()
    refusal = read_refusal(status, body, {"X-SFDC-Request-Id": "TID:7"})
    return error_for(refusal, Ask(kind, sobject, USER), NOW)


@pytest.mark.parametrize(
    ("status", "code", "kind", "remedy", "error_class"),
    [
        (401, "INVALID_SESSION_ID", "query", Remedy.RETRY, TransientSalesforceError),
        (503, "SERVER_UNAVAILABLE", "query", Remedy.RETRY, TransientSalesforceError),
        (420, "", "query", Remedy.RETRY, TransientSalesforceError),
        (400, "UNABLE_TO_LOCK_ROW", "upload", Remedy.RETRY, TransientSalesforceError),
        (400, "INVALID_QUERY_LOCATOR", "page", Remedy.RETRY, IncompleteReadError),
        (404, "", "results", Remedy.RETRY, IncompleteReadError),
        (400, "QUERY_TIMEOUT", "query", Remedy.RETRY, RejectedRequestError),
        (400, "API_ERROR", "bulk", Remedy.RETRY, BulkUnavailableError),
        (503, "API_ERROR", "bulk", Remedy.RETRY, TransientSalesforceError),
        (403, "REQUEST_LIMIT_EXCEEDED", "query", Remedy.WAIT, QuotaReachedError),
        (403, "API_CURRENTLY_DISABLED", "query", Remedy.SETUP, SetupError),
        (400, "INVALID_TYPE", "query", Remedy.SETUP, SetupError),
        (404, "NOT_FOUND", "describe", Remedy.SETUP, SetupError),
        (400, "INSUFFICIENT_ACCESS_OR_READONLY", "upload", Remedy.SETUP, RejectedRequestError),
        (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "upload", Remedy.SETUP, RejectedRequestError),
        (400, "REQUIRED_FIELD_MISSING", "upload", Remedy.SETUP, RejectedRequestError),
        (400, "REQUIRED_FIELD_MISSING", "query", Remedy.BUG, RejectedRequestError),
        (302, "", "query", Remedy.RECONNECT, SetupError),
        (400, "MALFORMED_QUERY", "query", Remedy.BUG, RejectedRequestError),
        (400, "SOMETHING_OF_NEXT_YEAR", "query", Remedy.BUG, RejectedRequestError),
    ],
)
def test_each_answer_is_retry_wait_reconnect_set_up_or_bug(
    status: int, code: str, kind: Kind, remedy: Remedy, error_class: type[FluintError]
) -> None:
    """Retried, a missing permission wastes the night; shown to an admin, an outage wastes the admin."""
    told = error(status, code, kind=kind)
    assert (told.remedy, type(told).__mro__.count(error_class)) == (remedy, 1), told
    assert (told.code or "", told.request_id) == (code, "TID:7")
    assert str(told).endswith(f"HTTP {status}{f', {code}' if code else ''}.)")


def test_a_hidden_field_names_user_object_field_and_next_step() -> None:
    """'No such column' and a query of forty fields: which of them, for whom, and who gives it back?"""
    told = str(error(400, "INVALID_FIELD", "No such column 'NextStep' on entity 'Opportunity'."))
    for words in (USER, "Opportunity.NextStep", "A Salesforce admin grants Read", "Setup › Permission Sets"):
        assert words in told


@pytest.mark.parametrize(
    ("sobject", "step"),
    [
        ("EmailMessage", "switches on Enhanced Email if the org does not have it (Setup › Enhanced Email), and gives the user 'Access"),
        ("Task", "gives the user 'Access Activities'"),
        ("Event", "gives the user 'Access Activities'"),
        ("OpportunityContactRole", "grants Read and View All on Opportunity ("),
        ("User", "has the licence 'Salesforce'"),
        ("OpportunityStage", "has the licence 'Salesforce'"),
        ("ContentVersion", "Setup › Salesforce Files"),
        ("PermissionSet", "gives the user 'View Setup and Configuration'"),
        ("Account", "grants Read and View All on Account (Setup › Permission Sets"),
        ("Deal_Room__c", "grants Read and View All on Deal_Room__c ("),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("status", "code", "kind"), [(400, "INVALID_TYPE", "query"), (404, "NOT_FOUND", "describe")]
)
def test_an_object_without_a_permission_of_its_own_names_what_opens_it(
    sobject: str, step: str, status: int, code: str, kind: Kind
) -> None:
    """`Grant Read on Task` sends an admin to look for a row that no permission set has."""
    told = error(status, code, kind=kind, sobject=sobject)
    assert isinstance(told, ObjectUnavailableError)
    assert step in str(told)
    assert (f"Read and View All on {sobject} " in str(told)) is (sobject not in STEPS)


@pytest.mark.parametrize(
    "entry", catalogue(), ids=lambda entry: (*entry.codes, *entry.phrases, "by status")[0]
)
def test_every_entry_can_be_reached_and_says_who_does_what(entry: Meaning) -> None:
    """An entry behind another one is never shown; one without a next step leaves its reader where they were."""
    table = SIGN_IN if entry in SIGN_IN else API
    kinds = entry.kinds or ("query",)
    for code in entry.codes:
        assert find(table, code, entry.words, kinds[0]) is entry
    for phrase in entry.phrases:
        assert find(table, "", f"some {phrase.upper()} here", kinds[0]) is entry
    assert set(entry.kinds) <= set(get_args(Kind))
    if entry.remedy in (Remedy.SETUP, Remedy.RECONNECT):
        actor = r"admin|Whoever|Start again|Start the connection"
        assert re.search(actor, entry.text), entry.text
    if entry.remedy is Remedy.BUG:
        assert "Fluint's support" in entry.text
    assert "check your permissions" not in entry.text.casefold()


@pytest.mark.parametrize("entry", [entry for entry in SIGN_IN if "invalid_grant" in entry.codes])
def test_a_grant_that_is_refused_is_never_asked_for_again_by_itself(entry: Meaning) -> None:
    """1,600 token requests in 38 minutes, in another connector: whatever the reason given."""
    told = sign_in_error(
        "invalid_grant", entry.words or "expired", "https://acme", user_id=USER, request_id="R"
    )
    assert isinstance(told, NeedsReconnectError)
    assert (told.remedy, told.code, told.request_id) == (Remedy.RECONNECT, "invalid_grant", "R")


def test_the_document_says_what_the_program_says() -> None:
    """A help page of last year sends people to a page of Setup that is gone, or to a text that nobody sees."""
    text = DOCUMENT.read_text(encoding="utf-8")
    made = "python -m orchestration.salesforce.troubleshooting docs/troubleshooting.md"
    assert written(text) == text, f"the catalogue has changed; `{made}` writes its part of the document anew"


def test_the_guides_four_problems_come_first_and_name_only_what_there_is() -> None:
    """The four headings are those that people know; a command or code in them that is none is a dead end."""
    text = DOCUMENT.read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert [heading.partition(":")[0] for heading in headings[:4]] == [
        "Integration not syncing", "Permission errors", "Token expiration", "Documents not appearing in Salesforce",
    ]  # fmt: skip
    commands = {command[0] for command in re.findall(r"`fluint ([a-z-]+)( [a-z-]+)?", text)}
    assert commands <= set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    head = text.partition("## What Salesforce says")[0]
    codes = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", head)) - {"FLUINT_ENCRYPTION_KEY"}
    assert codes
    assert codes <= {code for entry in catalogue() for code in entry.codes}


def test_a_text_with_places_leaves_none_of_them_open() -> None:
    """A person reads '{user}', or the run ends in a KeyError about the text of its own error."""
    for entry in API:
        for code in entry.codes:
            told = str(error(400, code, entry.words, (entry.kinds or ("query",))[0]))  # type: ignore[arg-type]
            assert "{" not in told
    shown = [sign_in_error(code, e.words, "https://acme") for e in SIGN_IN for code in e.codes]
    assert shown
    assert not [told for told in shown if "{" in str(told)]
