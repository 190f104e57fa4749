"""A small real HTTPS server that answers as it was told and remembers what it was asked; and a store for tokens in memory.

What an org would decide belongs to the local org; this one is for the answers that a good org would never give.
"""

from __future__ import annotations

import gzip
import json
import ssl
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import trustme

from orchestration.errors import NeedsReconnectError
from orchestration.salesforce.oauth import OAuthApp, Tokens

ORG_ID, USER_ID = "00D000000000001AAA", "005000000000001AAA"
DATE = "Mon, 04 May 2026 10:00:30 GMT"
TOKEN_PATH = "/services/oauth2/token"


@dataclass(frozen=True)
class Request:
    """What arrived: the path without its query, the query and a form as their last values."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        """The fields of a form-encoded body."""
        return {name: values[-1] for name, values in parse_qs(self.body.decode()).items()}

    def json(self) -> Any:
        """The JSON of the body."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """One response; `cut_after` ends the connection after so many bytes of the body, though all of it was announced."""

    status: int = 200
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)
    gzipped: bool = False
    cut_after: int | None = None
    cut_stream_after: int | None = None

    def payload(self) -> bytes:
        """The body as it goes over the wire; `cut_stream_after` cuts the gzip stream itself, with lengths that agree."""
        plain = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        sent = gzip.compress(plain) if self.gzipped else plain
        return sent[: self.cut_stream_after]


Told = Answer | Callable[[Request], Answer]


class ScriptedOrg:
    """Answers of each path in the order given; the last one stays."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.url = ""
        self.ca_file = ""
        self.usage = "api-usage=10/15000"
        self._told: dict[tuple[str, str], list[Told]] = defaultdict(list)
        self._lock = threading.Lock()

    def on(self, method: str, path: str, *answers: Told) -> None:
        """Tells what to answer to a method and path."""
        self._told[method, path] = list(answers)

    def asked(self, path: str) -> list[Request]:
        """Returns the requests of a path, oldest first."""
        return [request for request in self.requests if request.path == path]

    def answer(self, request: Request) -> Answer:
        """Returns what was told for this request."""
        with self._lock:
            self.requests.append(request)
            told = self._told.get((request.method, request.path))
            if not told:
                return Answer(
                    404, [{"errorCode": "NOT_FOUND", "message": f"not told: {request.method} {request.path}"}]
                )
            chosen = told.pop(0) if len(told) > 1 else told[0]
        return chosen if isinstance(chosen, Answer) else chosen(request)

    def token_answer(self, **changes: str) -> Answer:
        """Returns an answer of the token endpoint, with rotation unless told otherwise."""
        body = {
            "access_token": "access-new",
            "refresh_token": "refresh-new",
            "instance_url": self.url,
            "id": f"{self.url}/id/{ORG_ID}/{USER_ID}",
            "scope": "api refresh_token",
            "token_type": "Bearer",
            **changes,
        }
        return Answer(body=body)

    def app(self) -> OAuthApp:
        """Returns the connected app as this org knows it."""
        return OAuthApp(
            "client-id", "client-secret", self.url, "http://localhost:1717/callback", self.ca_file
        )

    def tokens(self) -> Tokens:
        """Returns a grant whose access token an org may call alive."""
        return Tokens("access-old", "refresh-old", self.url, f"{self.url}/id/{ORG_ID}/{USER_ID}", "api", 1)


class MemoryStore:
    """A token store for one process; counts what it was asked."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.reason: str | None = None
        self.saved = 0
        self.tries = 0
        self._lock = threading.Lock()

    def load(self) -> Tokens:
        """Returns the grant, unless it is marked."""
        if self.reason is not None:
            raise NeedsReconnectError(self.reason)
        return self.tokens

    @contextmanager
    def exclusive(self) -> Iterator[Tokens]:
        """Holds everyone else back."""
        with self._lock:
            yield self.load()

    def begin_refresh(self, tokens: Tokens) -> int:
        """Counts how often the token was presented without a known result; twice is the most."""
        if self.tries >= 2 and tokens.rotates:
            self.mark_needs_reconnect("interrupted twice", tokens)
            self.load()
        self.tries += 1
        return self.tries

    def end_refresh(self, tokens: Tokens, *, was_taken: bool | None) -> None:
        """Forgets tries whose end is known."""
        self.tries = self.tries if was_taken is None else 0

    def save(self, tokens: Tokens) -> Tokens:
        """Keeps the grant under the next generation."""
        self.saved += 1
        self.tries = 0
        self.tokens = replace(tokens, generation=self.tokens.generation + 1)
        return self.tokens

    def mark_needs_reconnect(self, reason: str, tokens: Tokens) -> None:
        """Remembers that the grant is dead."""
        self.reason = reason


@contextmanager
def serving(org: ScriptedOrg, ca_file: str) -> Iterator[ScriptedOrg]:
    """Serves the org on a free port of loopback with a certificate of an authority made for it."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(ca_file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    class Handler(_Handler):
        scripted = org

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64  # many at once are what some tests are about

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Says nothing: a client that leaves early is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    org.url, org.ca_file = f"https://127.0.0.1:{server.server_port}", ca_file
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield org
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    scripted: ScriptedOrg
    protocol_version = "HTTP/1.1"
    timeout = 10

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815 - the names that http.server looks for

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(self.command, parts.path, query, dict(self.headers.items()), body)
        answer = self.scripted.answer(request)
        payload = answer.payload()
        self.send_response_only(answer.status)
        for name, value in self._headers(answer, len(payload)).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(payload[: answer.cut_after])
        if answer.cut_after is not None:
            self.close_connection = True

    def _headers(self, answer: Answer, length: int) -> dict[str, str]:
        headers = {
            "Date": DATE,
            "Content-Length": str(length),
            "Content-Type": "application/json;charset=UTF-8",
        }
        if "Authorization" in self.headers:
            headers["Sforce-Limit-Info"] = self.scripted.usage
        if answer.gzipped:
            headers["Content-Encoding"] = "gzip"
        return {name: value for name, value in {**headers, **answer.headers}.items() if value}

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: pytest's output is for the tests."""


def refusal(status: int, code: str, message: str = "as the org says", **headers: str) -> Answer:
    """Returns a refusal in Salesforce's form."""
    return Answer(status, [{"errorCode": code, "message": message}], headers)


def page(*records: Any, next_url: str | None = None, total: int | None = None) -> Answer:
    """Returns a page of a query's answer."""
    body: dict[str, Any] = {"totalSize": len(records) if total is None else total, "done": next_url is None}
    if next_url:
        body["nextRecordsUrl"] = next_url
    return Answer(body=body | {"records": list(records)})


def record(number: int, sobject: str = "Opportunity") -> dict[str, Any]:
    """Returns a record as a query answers it, with nothing in it but its id."""
    return {"attributes": {"type": sobject}, "Id": f"006000000000{number:03d}AAA"}
