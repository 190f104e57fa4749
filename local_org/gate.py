"""The gate that every HTTP request of the org passes: its time, its size, who asks, whether they may, how many calls are left.

Belongs here: the ASGI middleware around all routes. Does not: what a call may see (security.py), what it answers (the routes).
An API call is a request under /services/data/vNN.N/; it is authenticated, counted once whatever it contains, and logged.
"""

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from email.utils import format_datetime
from urllib.parse import unquote_plus

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from local_org.access_log import CURRENT, AccessLog, Entry, calls_in_last_day
from local_org.connected_app import APP_NAME
from local_org.errors import ApiError
from local_org.hosts import Host, host_of
from local_org.org import Org
from local_org.rest.discovery import check_version
from local_org.shapes import CsvShape
from local_org.tokens import Tokens

_API_CALL = re.compile(r"/services/data/v")
_TOKEN = "/services/oauth2/token"
_GRANT_TYPE = re.compile(rb"(?:^|&)grant_type=([^&]*)")
_JSON = "application/json;charset=UTF-8"
_SLASHES = re.compile(r"/{2,}")


def _token_request(receive: Receive, entry: Entry) -> Receive:
    """Notes by which flow tokens are asked for, and nothing else of a request that is full of secrets."""

    async def watching() -> Message:
        message = await receive()
        found = _GRANT_TYPE.search(message.get("body", b""))
        if found is not None:
            entry.detail["grant_type"] = unquote_plus(found[1].decode(errors="replace"))[:100]
        return message

    return watching


def _user_of(answer: bytes) -> str | None:
    """Returns whose tokens an answer of the token endpoint holds: the end of its identity URL."""
    try:
        return str(json.loads(answer)["id"]).rpartition("/")[2]
    except (ValueError, KeyError, TypeError):
        return None


class Gate:
    """Middleware: sets `request.state.user_id` for API calls, or refuses them as Salesforce does."""

    def __init__(
        self,
        app: ASGIApp,
        org: Org,
        tokens: Tokens,
        log: AccessLog,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """Stands in front of `app`; `seconds` measures how long calls last, in real time."""
        self._seconds = seconds
        self._running: dict[int, float] = {}
        self._app = app
        self._org = org
        self._tokens = tokens
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request; requests of the admin endpoints pass with nothing but the date."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # The CLI puts a path after an instance URL that ends in a slash; Salesforce reads the two as one.
        scope["path"] = _SLASHES.sub("/", scope["path"])
        if scope["path"].startswith("/__local_org__"):
            await self._app(scope, receive, self._dated(send))
            return
        entry = Entry(self._org.clock.now(), scope["method"], scope["path"])
        if "fault" in scope.get("state", {}):
            entry.detail["fault"] = scope["state"]["fault"]
        if options := Headers(scope=scope).get("sforce-call-options"):
            entry.detail["client"] = options
        current = CURRENT.set(entry)
        try:
            watched = _token_request(receive, entry) if scope["path"] == _TOKEN else receive
            await self._serve(scope, watched, self._dated(self._logging(send, entry)), entry)
        finally:
            CURRENT.reset(current)
            if not entry.is_complete:
                await run_in_threadpool(self._log.write, entry)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, entry: Entry) -> None:
        is_call = _API_CALL.match(scope["path"]) is not None
        try:
            self._refuse_long(scope)
            if is_call:
                used = await run_in_threadpool(self._admit, scope, entry)
                send = self._with_limit(send, used)
        except ApiError as refusal:
            answer = JSONResponse(refusal.body(), status_code=refusal.status, headers={"content-type": _JSON})
            await answer(scope, receive, send)
            return
        with self._lasting(scope) if is_call else nullcontext():
            await self._app(scope, receive, send)

    @contextmanager
    def _lasting(self, scope: Scope) -> Iterator[None]:
        """Holds the time at which a call began while it runs."""
        key = id(scope)
        self._running[key] = self._seconds()
        try:
            yield
        finally:
            del self._running[key]

    def _admit(self, scope: Scope, entry: Entry) -> int:
        """Gives the calls used, this one included. Raises ApiError when the caller may not come in."""
        headers = Headers(scope=scope)
        scheme, _, token = headers.get("authorization", "").partition(" ")
        known = token.strip() if scheme.lower() in {"bearer", "oauth"} else ""
        if host_of(self._org, headers.get("host", "")) is not Host.MY_DOMAIN:
            known = ""  # Sessions are good at the org's own address alone.
        user_id = self._tokens.authenticate(known)
        if not self._org.user(user_id)["IsActive"]:
            raise ApiError(401, "INVALID_SESSION_ID", "Session expired or invalid")
        check_version(scope["path"].split("/")[3][1:], self._org.switches.newest_api_version)
        entry.user_id = user_id
        scope.setdefault("state", {})["user_id"] = user_id
        if not self._org.security.of(user_id).has("ApiEnabled"):
            raise ApiError(403, "API_CURRENTLY_DISABLED", "API is disabled for this User")
        if not self._org.switches.api_enabled_for_org:
            raise ApiError(403, "API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization.")
        used = calls_in_last_day(self._org)
        if used >= self._org.switches.daily_api_limit:
            raise ApiError(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        self._refuse_beside_long_calls()
        self._log.count_call()
        entry.api_calls = 1
        return used + 1

    def _refuse_beside_long_calls(self) -> None:
        """Refuses a call while as many as allowed have lasted 20 s (API sheet 2.1: 25 in production, 5 in a Developer org)."""
        switches, now = self._org.switches, self._seconds()
        long = sum(now - began >= switches.long_call_seconds for began in list(self._running.values()))
        if long >= switches.concurrent_long_calls:
            raise ApiError(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded")

    def _refuse_long(self, scope: Scope) -> None:
        """Refuses more than 16,384 bytes of URI and headers (the request line and the header lines as sent)."""
        uri = len(scope.get("raw_path") or scope["path"].encode()) + len(scope["query_string"]) + 1
        headers = sum(len(name) + len(value) + 4 for name, value in scope["headers"])
        limit = self._org.switches.uri_limit_bytes
        if uri > limit:
            raise _too_long(self._org.switches.uri_too_long_status)
        if uri + headers > limit:
            raise _too_long(431)

    def _logging(self, send: Send, entry: Entry) -> Send:
        """Notes status and size of the answer; `is_complete` stays false for an answer that broke off.

        The entry is written before the last bytes leave: whoever has the answer finds the call in the log.
        """

        csv: CsvShape | None = None
        told = b""

        async def logging(message: Message) -> None:
            nonlocal csv, told
            if message["type"] == "http.response.start":
                entry.status = message["status"]
                if Headers(raw=message["headers"]).get("content-type", "").startswith("text/csv"):
                    csv = CsvShape(with_ids=self._org.switches.log_bulk_ids)
            elif message["type"] == "http.response.body":
                body = message.get("body", b"")
                entry.bytes += len(body)
                if csv is not None:
                    csv.feed(body)
                elif entry.path == _TOKEN:
                    told += body
                if not message.get("more_body"):
                    entry.is_complete = True
                    if csv is not None and entry.sobject is not None:
                        entry.returned.append(csv.shape(entry.sobject, entry.rows or 0))
                    entry.user_id = entry.user_id or _user_of(told)
                    await run_in_threadpool(self._log.write, entry)
            await send(message)

        return logging

    def _dated(self, send: Send) -> Send:
        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Date"] = format_datetime(self._org.clock.now(), usegmt=True)
            await send(message)

        return dated

    def _with_limit(self, send: Send, used: int) -> Send:
        value = f"api-usage={used}/{self._org.switches.daily_api_limit}"
        if self._org.switches.per_app_api_limit:
            value += f"; per-app-api-usage={used}/{self._org.switches.per_app_api_limit}(appName={APP_NAME})"

        async def limited(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Sforce-Limit-Info"] = value
            await send(message)

        return limited


def _too_long(status: int) -> ApiError:
    code, text = {414: ("URI_TOO_LONG", "URI Too Long")}.get(
        status, ("REQUEST_HEADER_FIELDS_TOO_LARGE", "Request Header Fields Too Large")
    )
    return ApiError(status, code, text)
