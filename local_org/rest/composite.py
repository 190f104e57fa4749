"""Several requests in one: composite, batch, and retrieving many records by id (API sheet 2.4; REST API Developer Guide, Composite)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from local_org import access_log
from local_org.errors import ApiError
from local_org.ids import to_18
from local_org.rest.describe import visible_object
from local_org.rest.dispatch import Answer, Call, resource, respond
from local_org.rest.records import records_by_id

MAX_REQUESTS = 25
_QUERY = re.compile(r"/(query|queryAll|composite/sobjects)(/|\?|$)", re.IGNORECASE)
_VERSIONED = re.compile(r"(?:/services/data/)?v(\d+\.\d)(/.*)?")
_REFERENCE = re.compile(r"@\{(\w+)((?:\.\w+|\[\d+\])*)\}")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
_BLOB = re.compile(r"/sobjects/\w+/\w+/(VersionData|Body)$", re.IGNORECASE)


class _HaltedError(Exception):
    """A subrequest failed and all or none was asked for."""


def _limit(message: str) -> Answer:
    # The whole request is refused inside the usual envelope, as recorded in a public log for the 26th operation.
    body = [{"errorCode": "LIMIT_EXCEEDED", "message": message}]
    return Answer(
        {"compositeResponse": [{"body": body, "httpHeaders": {}, "httpStatusCode": 400, "referenceId": None}]}
    )


def _requests(call: Call, key: str) -> list[dict[str, Any]]:
    body = call.json()
    found = body.get(key) if isinstance(body, dict) else None
    if (
        not isinstance(found, list)
        or not found
        or not all(isinstance(each, dict) and "method" in each and "url" in each for each in found)
    ):
        raise ApiError(
            400, "JSON_PARSER_ERROR", f"The request needs {key}: a list of objects with method and url"
        )
    return found


@resource("POST", "/composite")
def composite(call: Call) -> Answer:
    """Runs up to 25 subrequests, five of them queries or collections, in order; with allOrNone all or none of them count."""
    most = call.org.switches.composite_queries
    requests = _requests(call, "compositeRequest")
    if len(requests) > MAX_REQUESTS:
        return _limit(f"The request can\u2019t contain more than {MAX_REQUESTS} operations.")
    if sum(1 for each in requests if _QUERY.search(_path(str(each["url"])))) > most:
        return _limit(f"The request can\u2019t contain more than {most} Query operations.")
    return Answer({"compositeResponse": _Composite(call, bool(call.json().get("allOrNone"))).run(requests)})


def _path(url: str) -> str:
    return urlsplit(url).path


@dataclass
class _Composite:
    """One composite request while it runs."""

    call: Call
    all_or_none: bool

    def run(self, requests: Sequence[dict[str, Any]]) -> list[dict[str, object]]:
        """Returns the result of each subrequest, in order."""
        results: list[dict[str, object]] = []
        try:
            with self.call.org.store.savepoint() if self.all_or_none else nullcontext():
                self._run(requests, results)
        except _HaltedError:
            return _halted(requests, results)
        return results

    def _run(self, requests: Sequence[dict[str, Any]], results: list[dict[str, object]]) -> None:
        answers: dict[str, object] = {}
        for request in requests:
            answer = self._one(request, answers)
            reference = request.get("referenceId")
            if answer.status < 300 and reference is not None:
                answers[str(reference)] = answer.body
            results.append(
                {
                    "body": answer.body,
                    "httpHeaders": dict(answer.headers),
                    "httpStatusCode": answer.status,
                    "referenceId": reference,
                }
            )
            if answer.status >= 400 and self.all_or_none:
                raise _HaltedError

    def _one(self, request: Mapping[str, Any], answers: Mapping[str, object]) -> Answer:
        try:
            url = _resolved(request["url"], answers)
            body = _resolved(request.get("body"), answers)
        except KeyError as missing:
            message = f"Invalid reference specified. No value for {missing.args[0]} found"
            return Answer([{"errorCode": "PROCESSING_HALTED", "message": message}], 400)
        headers = {
            str(name).lower(): str(value) for name, value in (request.get("httpHeaders") or {}).items()
        }
        return _subrequest(self.call, str(request["method"]).upper(), str(url), body, headers)


def _halted(requests: Sequence[dict[str, Any]], results: list[dict[str, object]]) -> list[dict[str, object]]:
    """Returns the results of a composite that was undone: only the failure keeps its own text."""
    failed = results[-1]
    message = "The transaction was rolled back since another operation in the same transaction failed."
    body = [{"errorCode": "PROCESSING_HALTED", "message": message}]
    halted: list[dict[str, object]] = [
        {"body": body, "httpHeaders": {}, "httpStatusCode": 400, "referenceId": each.get("referenceId")}
        for each in requests
    ]
    halted[len(results) - 1] = failed
    return halted


def _subrequest(call: Call, method: str, url: str, body: object, headers: Mapping[str, str]) -> Answer:
    split = urlsplit(url)
    match = _VERSIONED.fullmatch(split.path)
    if match is None:
        return Answer([{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}], 404)
    if _BLOB.search(split.path):
        return Answer(
            [{"errorCode": "INVALID_REQUEST", "message": "Blob data cannot be read by a subrequest"}], 400
        )
    access_log.note(request=f"{method} {split.path}")
    query = dict(parse_qsl(split.query, keep_blank_values=True))
    inner = Call(call.org, call.user_id, match[1], method, unquote(match[2] or ""), query, headers, b"", body)
    return respond(inner)


def _resolved(value: Any, answers: Mapping[str, object]) -> Any:
    """Returns a subrequest's url or body with `@{referenceId.field}` replaced; raises KeyError naming one that is not there."""
    if isinstance(value, str):
        return _REFERENCE.sub(lambda match: str(_look_up(match, answers)), value)
    if isinstance(value, list):
        return [_resolved(each, answers) for each in value]
    if isinstance(value, dict):
        return {name: _resolved(each, answers) for name, each in value.items()}
    return value


def _look_up(match: re.Match[str], answers: Mapping[str, object]) -> object:
    found: Any = answers.get(match[1])
    for name, index in _STEP.findall(match[2]):
        try:
            found = found[int(index)] if index else found[name]
        except (KeyError, IndexError, TypeError):
            raise KeyError(match[0]) from None
    if found is None:
        raise KeyError(match[0])
    return found


@resource("POST", "/composite/batch")
def batch(call: Call) -> Answer:
    """Runs up to 25 independent subrequests."""
    requests = _requests(call, "batchRequests")
    if len(requests) > MAX_REQUESTS:
        raise ApiError(
            400, "LIMIT_EXCEEDED", f"The request can\u2019t contain more than {MAX_REQUESTS} operations."
        )
    halt = bool(call.json().get("haltOnError"))
    results: list[dict[str, object]] = []
    failed = False
    for each in requests:
        if failed and halt:
            skipped = [
                {
                    "errorCode": "BATCH_PROCESSING_HALTED",
                    "message": "Batch processing halted per request due to previous error",
                }
            ]
            results.append({"statusCode": 412, "result": skipped})
            continue
        answer = _subrequest(call, str(each["method"]).upper(), str(each["url"]), each.get("richInput"), {})
        failed = failed or answer.status >= 400
        results.append({"statusCode": answer.status, "result": answer.body})
    return Answer({"hasErrors": failed, "results": results})


@resource("POST", "/composite/sobjects/{sobject}")
def retrieve(call: Call, sobject: str) -> Answer:
    """Reads up to 2,000 records by id: a list in the order asked, null for what is missing, deleted or invisible."""
    body = call.json()
    if (
        not isinstance(body, dict)
        or not isinstance(body.get("ids"), list)
        or not isinstance(body.get("fields"), list)
    ):
        raise ApiError(400, "JSON_PARSER_ERROR", "The request needs ids and fields, both lists")
    return _retrieve(call, sobject, body["ids"], body["fields"])


@resource("GET", "/composite/sobjects/{sobject}")
def retrieve_by_get(call: Call, sobject: str) -> Answer:
    """Does the same with `ids` and `fields` in the address, which holds some 800 ids."""
    ids, fields = (call.query.get(name, "") for name in ("ids", "fields"))
    return _retrieve(
        call, sobject, [each for each in ids.split(",") if each], [each for each in fields.split(",") if each]
    )


def _retrieve(call: Call, sobject: str, ids: list[Any], fields: list[Any]) -> Answer:
    found = visible_object(call, sobject)
    if not ids or not fields:
        missing = "ids" if not ids else "fields"
        raise ApiError(400, "REQUIRED_FIELD_MISSING", f"The request needs {missing}")
    most = call.org.switches.retrieve_ids
    if len(ids) > most:
        raise ApiError(
            400,
            "EXCEEDED_ID_LIMIT",
            f"record limit reached. cannot retrieve more than {most} records into this call",
        )
    full = [to_18(each) if isinstance(each, str) else None for each in ids]
    if None in full:
        raise ApiError(400, "MALFORMED_ID", f"malformed id {ids[full.index(None)]}")
    records = records_by_id(call, found, [str(each) for each in full], [str(each) for each in fields])
    return Answer(
        records if call.org.switches.retrieve_answers_null else [each for each in records if each is not None]
    )
