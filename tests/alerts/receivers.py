"""Receivers of alerts on this machine: an HTTPS server that takes webhooks, a mail server with TLS and a login. Both keep what came."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, Literal, cast

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

from tests.ports import free_port

PATH = "/services/T000/a-secret-path"
USER, PASSWORD = "fluint", "a-mail-password"


@dataclass
class Webhooks:
    """What a webhook receiver got: bodies and headers. `answers` are the status codes of the next requests, then 200."""

    url: str = ""
    bodies: list[Any] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)


@contextmanager
def webhook_receiver(authority: trustme.CA) -> Iterator[Webhooks]:
    """A receiver over HTTPS on loopback while the block runs."""
    got = Webhooks()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.bodies.append(json.loads(body))
            got.headers.append({"path": self.path, **dict(self.headers.items())})
            code = got.answers.pop(0) if got.answers else 200
            self.send_response(code)
            if code in (301, 307):
                self.send_header("Location", got.url)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.socket = _context(authority).wrap_socket(server.socket, server_side=True)
    got.url = f"https://127.0.0.1:{server.server_port}{PATH}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Mailbox:
    """What a mail server took; `refuse` is its answer to the next mails in place of taking them."""

    port: int = 0
    mails: list[tuple[Envelope, EmailMessage]] = field(default_factory=list)
    refuse: str | None = None

    async def handle_DATA(self, server: object, session: object, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        """Keeps a mail."""
        if not cast(Any, session).authenticated:
            return "530 log in first"
        if self.refuse:
            return self.refuse
        parsed = message_from_bytes(cast(bytes, envelope.content), policy=policy.default)
        self.mails.append((envelope, cast(EmailMessage, parsed)))
        return "250 OK"


@contextmanager
def mail_server(authority: trustme.CA, security: Literal["starttls", "tls"]) -> Iterator[Mailbox]:
    """A mail server on loopback that takes mail from whoever logs in, over TLS only."""
    box, context = Mailbox(), _context(authority)

    def authenticate(
        _server: object, _session: object, _envelope: object, _how: str, given: object
    ) -> AuthResult:
        ok = isinstance(given, LoginPassword) and (given.login, given.password) == (
            USER.encode(),
            PASSWORD.encode(),
        )
        return AuthResult(success=ok, handled=False)

    options: dict[str, Any] = {"authenticator": authenticate}
    if security == "tls":
        options |= {
            "ssl_context": context,
            "auth_require_tls": False,
        }  # it does not count TLS from the first byte
    else:
        options |= {"tls_context": context, "require_starttls": True}
    # With port 0 the controller cannot ask itself whether it is up, so a free one is chosen here.
    controller = Controller(box, ready_timeout=60, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    box.port = controller.port
    try:
        yield box
    finally:
        controller.stop()


def _context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def ca_file(authority: trustme.CA, directory: Path) -> Path:
    """The authority as the file that a setting names."""
    path = directory / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path
