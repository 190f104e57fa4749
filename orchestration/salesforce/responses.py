"""The one interpreter of Salesforce's answers: every refusal becomes one error of the tree, with a text for the person who reads it.

Pure. Codes are those of the REST API Developer Guide, "Status Codes and Error Responses", and the Bulk API 2.0 Guide; the texts
are ours. Salesforce's message is kept (at most 300 characters, without the echoed query), its code and request id always.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from orchestration.errors import (
    BulkUnavailableError,
    FluintError,
    IncompleteReadError,
    MissingFieldError,
    ObjectUnavailableError,
    QuotaReachedError,
    RejectedRequestError,
    SetupError,
    TooMuchAskedError,
    TransientSalesforceError,
)
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
        return f"the integration user ({self.user_id})" if self.user_id else "the integration user"


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
    request_id = headers.get("X-SFDC-Request-Id") or headers.get("X-Request-Id")
    parsed = _parsed(body) if isinstance(body, bytes) else body
    first = parsed[0] if isinstance(parsed, list) and parsed else parsed
    if not isinstance(first, Mapping):
        plain = first.strip()[:40] if isinstance(first, str) and "<" not in first else ""
        return Refusal(status, "", plain, request_id=request_id)
    code = first.get("errorCode") or first.get("exceptionCode") or first.get("error") or ""
    message = first.get("message") or first.get("exceptionMessage") or first.get("error_description") or ""
    fields = tuple(map(str, first.get("fields") or ()))
    return Refusal(status, str(code), _short(str(message)), fields, request_id)


def error_for(refusal: Refusal, ask: Ask, now: datetime) -> FluintError:
    """Returns the error that says what the caller can do about a refusal; `now` is aware and in UTC."""
    error = _session(refusal) or _quota(refusal, ask, now) or _bulk(refusal, ask) or _by_code(refusal, ask)
    return error or _by_status(refusal, ask)


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


def _session(refusal: Refusal) -> FluintError | None:
    if refusal.status == 401 or refusal.code == "INVALID_SESSION_ID" or refusal.message == "Bad_OAuth_Token":
        text = "The Salesforce session has ended and is renewed; if this text stays, an admin connects Fluint again."
        return DeadSessionError(text + refusal.said, code=refusal.code, request_id=refusal.request_id)
    return None


def _quota(refusal: Refusal, ask: Ask, now: datetime) -> FluintError | None:
    if refusal.code != "REQUEST_LIMIT_EXCEEDED":
        return None
    if "concurrent" in refusal.message.lower():
        return _transient(refusal, ask, "too many long requests run in the org at once")
    return QuotaReachedError(
        f"The org has used up its API calls of the last 24 hours, so {ask.what} was refused. What was read stays. The sync goes on by"
        f" itself after {until_text(now + PAUSE)}; a Salesforce admin sees who uses them under Setup › System Overview.{refusal.said}",
        until=now + PAUSE,
        code=refusal.code,
    )


_BULK_CODES = frozenset(
    {"LIMIT_EXCEEDED", "EXCEEDEDQUOTA", "INVALIDENTITY", "FEATURENOTENABLED", "API_ERROR"}
)
_BULK_WORDS = (
    "bulk",
    "does not support query",
    "async api not enabled",
    "implementation restriction",
    "cannot serialize",
)


def _bulk(refusal: Refusal, ask: Ask) -> FluintError | None:
    if ask.kind != "bulk" or refusal.status >= 500:
        return None
    known = refusal.code.upper() in _BULK_CODES or any(
        words in refusal.message.lower() for words in _BULK_WORDS
    )
    if not known:
        return None
    return BulkUnavailableError(
        f"The Bulk API does not take {ask.sobject} now; it is read by REST instead, within the calls that are left.{refusal.said}",
        code=refusal.code,
        request_id=refusal.request_id,
    )


def _by_code(refusal: Refusal, ask: Ask) -> FluintError | None:
    if refusal.code in _SETUP:
        return _setup(refusal, ask, SetupError, _SETUP[refusal.code])
    if refusal.code in _TRANSIENT:
        return _transient(refusal, ask, _TRANSIENT[refusal.code])
    handler = _HANDLERS.get(refusal.code)
    return handler(refusal, ask) if handler else None


_SETUP: Mapping[str, str] = {
    "API_DISABLED_FOR_ORG": "{what} was refused because the org, or {user}, has no REST API for it. A Salesforce admin checks that the"
    " edition includes API access and gives the user 'API Enabled' and 'View Setup and Configuration' in a permission set.",
    "API_CURRENTLY_DISABLED": "{what} was refused because {user} lacks 'API Enabled'. Nothing can be read until a Salesforce admin adds it"
    " under Setup › Permission Sets › System Permissions.",
    "TXN_SECURITY_NO_ACCESS": "{what} was stopped by a transaction security policy. A Salesforce admin exempts {user} from it under Setup ›"
    " Transaction Security Policies, or with the permission 'Exempt from Transaction Security'.",
    "TXN_SECURITY_METERING_ERROR": "{what} was stopped by the metering of transaction security policies. A Salesforce admin exempts {user}"
    " with the permission 'Exempt from Transaction Security'.",
    "INVALID_OPERATION_WITH_EXPIRED_PASSWORD": "{what} was refused because the password of {user} has expired. A Salesforce admin resets it"
    " and gives the user 'Password Never Expires'.",
    "UNSUPPORTED_API_VERSION": "{what} was refused because this org does not serve the API version that Fluint asks for. Whoever runs"
    " Fluint sets api_version to one that the org lists at /services/data.",
}

_TRANSIENT: Mapping[str, str] = {
    "SERVER_UNAVAILABLE": "Salesforce is unavailable",
    "UNKNOWN_EXCEPTION": "Salesforce had an internal error",
    "UNABLE_TO_LOCK_ROW": "another process in the org held the records",
    "TOO_MANY_LOCK_FAILURE": "another process in the org held the records",
    "INTERNAL_SERVER_ERROR": "Salesforce had an internal error",
}


def _missing_field(refusal: Refusal, ask: Ask) -> FluintError:
    match = re.search(r"No such column '([\w.]+)' on (?:entity|sobject of type) '?(\w+)'?", refusal.message)
    if match is None:
        return _rejected(
            refusal,
            ask,
            "{what} names a field in a way that the org does not allow. This is for Fluint's support to mend",
        )
    field, sobject = match.groups()
    text = (
        f"{sobject}.{field} is not there for {ask.user}, so {ask.what} was refused. A Salesforce admin grants Read on {sobject}.{field}"
        f" under Setup › Permission Sets › Object Settings › {sobject}; if the org does not have the field, remove it from fluint.yaml."
    )
    return MissingFieldError(text + refusal.said, code=refusal.code, request_id=refusal.request_id)


def _missing_object(refusal: Refusal, ask: Ask) -> FluintError:
    text = (
        "{what} was refused because {user} cannot read {sobject}, or the org does not have it. The other objects go on. A Salesforce admin"
        " grants Read and View All on {sobject} under Setup › Permission Sets › Object Settings."
    )
    return _setup(refusal, ask, ObjectUnavailableError, text)


def _lost_locator(refusal: Refusal, ask: Ask) -> FluintError:
    return IncompleteReadError(
        f"Salesforce no longer holds {ask.what}, so this read does not count. Nothing was lost: the window is read again.{refusal.said}",
        code=refusal.code,
        request_id=refusal.request_id,
    )


def _not_found(refusal: Refusal, ask: Ask) -> FluintError:
    if ask.kind == "describe":
        return _missing_object(refusal, ask)
    if ask.kind in ("page", "results"):
        return _lost_locator(refusal, ask)
    return _rejected(refusal, ask, "{what} names something that is not there, or that {user} cannot see")


def _too_big(refusal: Refusal, ask: Ask) -> FluintError:
    text = "{what} asks for more than Salesforce gives in one answer; it has to be asked for in smaller parts"
    return _rejected(refusal, ask, text, TooMuchAskedError)


def _no_write_access(refusal: Refusal, ask: Ask) -> FluintError:
    text = (
        "{what} was refused because {user} may not add files to this record. A Salesforce admin shares the record with the user"
        " (Read/Write), or grants Edit and Modify All on its object"
    )
    return _rejected(refusal, ask, text)


def _no_storage(refusal: Refusal, ask: Ask) -> FluintError:
    text = "{what} was refused because the org's file storage is full. A Salesforce admin frees space under Setup › Storage Usage"
    return _rejected(refusal, ask, text)


_HANDLERS: Mapping[str, Callable[[Refusal, Ask], FluintError]] = {
    "INVALID_FIELD": _missing_field,
    "INVALID_TYPE": _missing_object,
    "INVALID_QUERY_LOCATOR": _lost_locator,
    "NOT_FOUND": _not_found,
    "QUERY_TIMEOUT": _too_big,
    "QUERY_TOO_COMPLICATED": _too_big,
    "OPERATION_TOO_LARGE": _too_big,
    "EXCEEDED_ID_LIMIT": _too_big,
    "INSUFFICIENT_ACCESS": _no_write_access,
    "INSUFFICIENT_ACCESS_OR_READONLY": _no_write_access,
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": _no_write_access,
    "STORAGE_LIMIT_EXCEEDED": _no_storage,
}


def _by_status(refusal: Refusal, ask: Ask) -> FluintError:
    # Edge servers answer 406, 420 and 429 with a page or nothing while the org is fine; other connectors met each of them in practice.
    if refusal.status >= 500 or (refusal.status in (406, 408, 420, 429) and not refusal.code):
        return _transient(refusal, ask, "Salesforce did not take it for the moment")
    if refusal.status == 404:
        return _not_found(refusal, ask)
    if refusal.status == 410:
        return _setup(refusal, ask, SetupError, _SETUP["UNSUPPORTED_API_VERSION"])
    if 300 <= refusal.status < 400:
        text = "{what} was sent to another address: the org's My Domain seems to have changed. A Salesforce admin connects Fluint again."
        return _setup(refusal, ask, SetupError, text)
    return _rejected(refusal, ask, "{what} was refused")


def _fill(text: str, ask: Ask) -> str:
    filled = text.format(what=ask.what, user=ask.user, sobject=ask.sobject)
    return filled[:1].upper() + filled[1:]


def _setup(refusal: Refusal, ask: Ask, error: type[SetupError], text: str) -> FluintError:
    return error(_fill(text, ask) + refusal.said, code=refusal.code or None, request_id=refusal.request_id)


def _transient(refusal: Refusal, ask: Ask, why: str) -> FluintError:
    text = _fill("{what} did not succeed: ", ask) + f"{why}. Nothing was changed; the next sync tries again."
    return TransientSalesforceError(
        text + refusal.said, code=refusal.code or None, request_id=refusal.request_id
    )


def _rejected(
    refusal: Refusal, ask: Ask, text: str, error: type[RejectedRequestError] = RejectedRequestError
) -> FluintError:
    return error(
        f"{_fill(text, ask)}.{refusal.said}",
        status=refusal.status,
        code=refusal.code or None,
        request_id=refusal.request_id,
        fields=refusal.fields,
    )


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
