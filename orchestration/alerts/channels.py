"""The two ways out: a webhook (JSON over HTTPS) and e-mail (SMTP over TLS). One message, sent once; retries are the outbox's.

The webhook's address and the mailbox's password are secrets: no error, log line or repr of this module holds them, nor what a server
answered beyond its code. That is why the standard library sends both: it writes no log, where others write the whole address at DEBUG.
The webhook's body is {"text": …} and nothing else, which Slack, Mattermost, Rocket.Chat and Google Chat take.
"""

from __future__ import annotations

import http.client
import json
import smtplib
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from orchestration.alerts.messages import Message
from orchestration.errors import SetupError, TransientError

TIMEOUT = 5.0
"""Seconds for each step of a delivery: a sensor's tick has sixty for all of it."""


class DeliveryError(TransientError):
    """An alert did not arrive now; it is tried again."""


class Channel(Protocol):
    """A way to tell people."""

    @property
    def name(self) -> str:
        """webhook or email: what the outbox calls it."""

    def send(self, message: Message) -> None:
        """Sends once, and returns when the receiver took it. Raises DeliveryError."""


@dataclass(frozen=True)
class Webhook:
    """Posts to an address that is a secret. `ca_file` names certificate authorities to trust besides the usual ones."""

    url: str = field(repr=False)
    ca_file: Path | None = None
    name: str = "webhook"

    def send(self, message: Message) -> None:
        """Posts the text; any answer but 2xx, a redirect included, is a failure."""
        request = urllib.request.Request(
            self.url,
            data=json.dumps({"text": message.text}).encode(),
            headers={
                "Content-Type": "application/json; charset=utf-8",
                "User-Agent": "fluint-salesforce-sync",
                "Idempotency-Key": message.key,
            },
            method="POST",
        )
        opener = urllib.request.build_opener(
            urllib.request.HTTPSHandler(context=_trusting(self.ca_file)), _NoRedirects()
        )
        try:
            with opener.open(request, timeout=TIMEOUT):
                return
        except urllib.error.HTTPError as error:
            error.close()
            raise DeliveryError(f"the receiver answered HTTP {error.code}") from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise DeliveryError(f"the receiver could not be reached ({_kind(error)})") from None


@dataclass(frozen=True)
class Email:
    """Sends through one mail server, over TLS from the first byte (`tls`) or before anything is said (`starttls`)."""

    host: str
    port: int
    security: Literal["starttls", "tls"]
    sender: str
    to: tuple[str, ...]
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    name: str = "email"

    def send(self, message: Message) -> None:
        """Sends to all recipients; one that the server refuses is a failure, though the others have it."""
        try:
            with self._server() as server:
                if self.username:
                    server.login(self.username, self.password or "")
                refused = server.send_message(self._mail(message))
        except smtplib.SMTPResponseException as error:
            raise DeliveryError(f"the mail server answered {error.smtp_code} ({_kind(error)})") from None
        except smtplib.SMTPException as error:
            raise DeliveryError(f"the mail server did not take it ({_kind(error)})") from None
        except (OSError, ValueError) as error:
            raise DeliveryError(f"the mail server could not be reached ({_kind(error)})") from None
        if refused:
            raise DeliveryError(f"the mail server refused {len(refused)} of {len(self.to)} recipients")

    def _server(self) -> smtplib.SMTP:
        context = _trusting(self.ca_file)
        if self.security == "tls":
            return smtplib.SMTP_SSL(self.host, self.port, timeout=TIMEOUT, context=context)
        server = smtplib.SMTP(self.host, self.port, timeout=TIMEOUT)
        try:
            server.starttls(context=context)
        except BaseException:
            server.close()
            raise
        return server

    def _mail(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        mail["Subject"] = message.subject
        mail["From"] = self.sender
        mail["To"] = ", ".join(self.to)
        mail["Date"] = format_datetime(datetime.now(UTC))
        mail["Message-ID"] = f"<{message.key}@{self.sender.rpartition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text)
        return mail


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the message to an address that nobody configured."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Never follows."""
        return None


def _trusting(ca_file: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ssl.SSLError):
            raise SetupError(
                f"The file of certificate authorities for alerts, {ca_file}, cannot be read. Alerts are kept until it can. Whoever runs"
                " Fluint corrects alerts.ca_file in fluint.yaml."
            ) from None
    return context


def _kind(error: BaseException) -> str:
    """The class of an error, and of the one inside it: its text may repeat an address or an answer."""
    inner = getattr(error, "reason", None)
    return type(inner).__name__ if isinstance(inner, BaseException) else type(error).__name__
