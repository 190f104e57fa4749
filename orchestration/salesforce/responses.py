"""The one interpreter of Salesforce's answers: every refusal becomes one error of the tree, with a text for the person who reads it.

Pure. What each code means, and what is said of it, is data: `api_meanings` for REST and Bulk, `sign_in_meanings` for OAuth. Salesforce's
message is kept (at most 300 characters, without the echoed query), its code and request id always.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from orchestration.errors import (
    FluintError,
    QuotaReachedError,
    RejectedRequestError,
    TransientSalesforceError,
)
from orchestration.salesforce import api_meanings as api
from orchestration.salesforce import sign_in_meanings as sign_in
from orchestration.salesforce.governed import reading_step
from orchestration.salesforce.meaning import Meaning, find
from orchestration.salesforce.quota import PAUSE, until_text

Kind = Literal["query", "page", "describe", "deleted", "bulk", "results", "upload", "org"]

_WHAT: Mapping[Kind, str] = {
    "query": "the query of {}",
    "page": "the next page of {}",
    "describe": "the description of {}",
    "deleted": "the list of deleted {}",
    "bulk": "the Bulk job for {}",
    "results": "the Bulk results of {}",
    "upload": "the upload of a {}",
    "org": "the request about {}",
}


@dataclass(frozen=True)
class Ask:
    """What was asked, for texts and for codes whose meaning depends on it."""

    kind: Kind
    sobject: str
    user_id: str = ""

    @property
    def what(self) -> str:
        """The request as words in a sentence: `the query of Opportunity`."""
        return _WHAT[self.kind].format(self.sobject)

    @property
    def user(self) -> str:
        """The integration user by id, which Dagster's log may hold; names are the command line's business."""
        return user_words(self.user_id)


def user_words(user_id: str) -> str:
    """Returns the integration user as words in a sentence, with the id where it is known."""
    return f"the integration user ({user_id})" if user_id else "the integration user"


@dataclass(frozen=True)
class Refusal:
    """A refusal as Salesforce worded it; `code` is empty where the answer was no JSON error (an edge server's page)."""

    status: int
    code: str
    message: str
    fields: tuple[str, ...] = ()
    request_id: str | None = None

    @property
    def said(self) -> str:
        """Salesforce's own words for the end of a text."""
        words = ": ".join(filter(None, (self.code, self.message)))
        return f" (Salesforce said, HTTP {self.status}{f', {words}' if words else ''}.)"


class DeadSessionError(TransientSalesforceError):
    """The access token is not valid any more: the transport renews it and repeats that one call."""


def read_refusal(status: int, body: bytes | object, headers: Mapping[str, str]) -> Refusal:
    """Returns the first error of an answer's body, given as bytes or (in a composite) as parsed JSON."""
    given = request_id(headers)
    parsed = _parsed(body) if isinstance(body, bytes) else body
    first = parsed[0] if isinstance(parsed, list) and parsed else parsed
    if not isinstance(first, Mapping):
        plain = first.strip()[:40] if isinstance(first, str) and "<" not in first else ""
        return Refusal(status, "", plain, request_id=given)
    code = first.get("errorCode") or first.get("exceptionCode") or first.get("error") or ""
    message = first.get("message") or first.get("exceptionMessage") or first.get("error_description") or ""
    fields = tuple(map(str, first.get("fields") or ()))
    return Refusal(status, str(code), _short(str(message)), fields, given)


def request_id(headers: Mapping[str, str]) -> str | None:
    """Returns the id by which Salesforce's support finds a request, where the answer carries one."""
    return headers.get("X-SFDC-Request-Id") or headers.get("X-Request-Id")


def error_for(refusal: Refusal, ask: Ask, now: datetime) -> FluintError:
    """Returns the error that says what the caller can do about a refusal of an API; `now` is aware and in UTC."""
    meaning = meaning_of(refusal, ask.kind)
    places = {"what": ask.what, "user": ask.user, "sobject": ask.sobject, "until": until_text(now + PAUSE),
              "reading_step": reading_step(ask.sobject)}  # fmt: skip
    text = _filled(meaning, places | _column(refusal)) + refusal.said
    support = {"code": refusal.code or None, "request_id": refusal.request_id}
    if meaning is api.SESSION_ENDED:
        return DeadSessionError(text, code=refusal.code or None, request_id=refusal.request_id)
    if issubclass(meaning.error, QuotaReachedError):
        return meaning.error(text, until=now + PAUSE, **support)
    if issubclass(meaning.error, RejectedRequestError):
        return meaning.error(
            text, status=refusal.status, fields=refusal.fields, remedy=meaning.own_remedy, **support
        )
    return meaning.error(text, remedy=meaning.own_remedy, **support)


def meaning_of(refusal: Refusal, kind: Kind) -> Meaning:
    """Returns what a refusal of an API means, by its code and message, else by its HTTP status."""
    if refusal.status == 401:
        return api.SESSION_ENDED
    # A Bulk job that met an outage is asked for again; that the Bulk API does not take it is said with a 4xx.
    known = (entry for entry in api.API if not (entry is api.NO_BULK and refusal.status >= 500))
    return find(known, refusal.code, refusal.message, kind) or _by_status(refusal, kind)


def sign_in_error(
    error: str, description: str, host: str, *, user_id: str = "", request_id: str | None = None
) -> FluintError:
    """Returns the error for what an OAuth endpoint answered; `invalid_grant` is a `NeedsReconnectError`, which ends all further tries.

    A rate that was exceeded says nothing about the grant: it is a `TransientSalesforceError`.
    """
    meaning = find(sign_in.SIGN_IN, error, description) or sign_in.UNKNOWN
    said = f" (Salesforce {host} said: {error}{f', {_short(description)}' if description else ''}.)"
    text = _filled(meaning, {"user": user_words(user_id), "host": host}) + said
    return meaning.error(text, code=error, request_id=request_id, remedy=meaning.own_remedy)


def app_not_installed() -> str:
    """Returns what is said of the refusal that no program sees: Salesforce's own page says OAUTH_APPROVAL_ERROR_GENERIC, and stays."""
    meaning = find(sign_in.SIGN_IN, "OAUTH_APPROVAL_ERROR_GENERIC", "")
    assert meaning is not None  # the catalogue has it
    return _filled(meaning, {"user": user_words(""), "host": ""})


def parse_json(body: bytes, ask: Ask) -> Any:
    """Returns a whole JSON body; bytes that are not UTF-8 are replaced, for they are cleaned and counted where rows are loaded.

    Raises `TransientSalesforceError`: a body cut off inside a compressed stream shows only here.
    """
    try:
        return json.loads(body.decode("utf-8", errors="replace"))
    except ValueError:
        raise no_answer(ask) from None


def no_answer(ask: Ask) -> TransientSalesforceError:
    """Returns the error for an answer of success that is not what the API promises."""
    return TransientSalesforceError(
        f"The answer to {ask.what} was cut off or is no answer of Salesforce's API. Nothing of it counts; it is asked again."
    )


def _by_status(refusal: Refusal, kind: Kind) -> Meaning:
    # Edge servers answer 406, 420 and 429 with a page or nothing while the org is fine; other connectors met each of them in practice.
    if refusal.status >= 500 or (refusal.status in (406, 408, 420, 429) and not refusal.code):
        return api.UNAVAILABLE
    if refusal.status == 404:
        return find(api.API, "NOT_FOUND", "", kind) or api.REFUSED
    if refusal.status == 410:
        return api.RETIRED_VERSION
    return api.MOVED if 300 <= refusal.status < 400 else api.REFUSED


def _column(refusal: Refusal) -> dict[str, str]:
    """The field that a query named and the org did not find, with its object, as Salesforce's sentence names them."""
    found = re.search(r"No such column '([\w.]+)' on (?:entity|sobject of type) '?(\w+)'?", refusal.message)
    return {"field": found[1], "sobject": found[2]} if found else {"field": "…"}


def _filled(meaning: Meaning, places: Mapping[str, str]) -> str:
    """The entry's text with its places filled, as a sentence."""
    filled = meaning.text.format_map(places)
    return f"{filled[:1].upper()}{filled[1:]}."


def _parsed(body: bytes) -> Any:
    text = body.decode("utf-8", errors="replace")
    try:
        return json.loads(text)
    except ValueError:
        return text


# Salesforce repeats values in some messages; contents of records go into no log (STRING_TOO_LONG, INVALID_EMAIL_ADDRESS, DUPLICATE_VALUE).
_VALUES = re.compile(
    r"(?<=data value too large: ).*(?= \(max length)|[^\s<>'\":;,]+@[^\s<>'\":;,]+", re.DOTALL
)


def _short(message: str) -> str:
    # A refused query is echoed with a caret line before "ERROR at Row:…"; the sentence after it is what helps.
    echo = re.search(r"ERROR at Row:\d+:Column:\d+\s*", message)
    said = _VALUES.sub("…", message[echo.end() if echo else 0 :])
    return " ".join(said.split())[:300].rstrip(".")
