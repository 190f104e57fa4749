"""Alerts over real TLS: a webhook's receiver and a mail server on this machine, what they get, and what a failure says."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Literal

import pytest
import trustme

from orchestration.alerts.channels import DeliveryError, Email, Webhook
from orchestration.alerts.messages import Message
from orchestration.errors import SetupError
from tests.alerts.receivers import PASSWORD, PATH, USER, Webhooks, mail_server

SAID = Message("[Fluint production] Data is old", "Data is old. Über 30 Minuten.", "0123abcd")


def _email(port: int, security: Literal["starttls", "tls"], ca: Path | None, **given: Any) -> Email:
    options: dict[str, Any] = {"username": USER, "password": PASSWORD} | given
    return Email(
        "127.0.0.1",
        port,
        security,
        "fluint@acme.example",
        ("a@acme.example", "b@acme.example"),
        ca_file=ca,
        **options,
    )


def test_a_webhook_gets_the_text_and_a_key_to_tell_a_repeat_by(
    webhooks: Webhooks, authority_file: Path
) -> None:
    """A body with more in it than `text` is refused by some receivers, and the alert is never told."""
    Webhook(webhooks.url, authority_file).send(SAID)
    assert webhooks.bodies == [{"text": SAID.text}]
    (headers,) = webhooks.headers
    assert headers["path"] == PATH
    assert headers["Idempotency-Key"] == SAID.key


@pytest.mark.parametrize(
    ("code", "says"), [(500, "HTTP 500"), (404, "HTTP 404"), (307, "HTTP 307"), (301, "HTTP 301")]
)
def test_an_answer_that_is_no_success_is_a_failure_and_a_redirect_is_not_followed(
    webhooks: Webhooks, authority_file: Path, code: int, says: str
) -> None:
    """An alert that is marked as told and was thrown away; or one that goes to an address that nobody configured."""
    webhooks.answers = [code]
    with pytest.raises(DeliveryError, match=says):
        Webhook(webhooks.url, authority_file).send(SAID)
    assert len(webhooks.bodies) == 1


def test_a_receiver_that_cannot_prove_who_it_is_gets_nothing(webhooks: Webhooks) -> None:
    """The address is a secret: whoever answers in the receiver's place would have it."""
    with pytest.raises(DeliveryError, match="SSLCertVerificationError"):
        Webhook(webhooks.url).send(SAID)
    assert webhooks.bodies == []
    with pytest.raises(SetupError, match=r"alerts\.ca_file"):
        Webhook(webhooks.url, Path("nowhere.pem")).send(SAID)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_mail_goes_over_tls_with_a_login_to_everybody(
    authority: trustme.CA, authority_file: Path, security: Literal["starttls", "tls"]
) -> None:
    """A mail server that nobody can be read on, and a mail that an autoresponder answers."""
    with mail_server(authority, security) as box:
        _email(box.port, security, authority_file).send(SAID)
        ((envelope, mail),) = box.mails
        assert envelope.rcpt_tos == ["a@acme.example", "b@acme.example"]
        assert (mail["Subject"], mail["From"]) == (SAID.subject, "fluint@acme.example")
        assert mail["Message-ID"] == "<0123abcd@acme.example>"
        assert mail["Auto-Submitted"] == "auto-generated"
        assert mail.get_content().strip() == SAID.text


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_mail_server_that_refuses_is_told_by_its_code_and_without_a_secret(
    authority: trustme.CA, authority_file: Path, security: Literal["starttls", "tls"]
) -> None:
    """A server's answer may repeat what it was sent; our error stands in a table that people read."""
    with mail_server(authority, security) as box:
        with pytest.raises(DeliveryError, match="answered 535"):
            _email(box.port, security, authority_file, password="another").send(SAID)
        box.refuse = f"554 spam, said {PASSWORD}"
        with pytest.raises(DeliveryError, match="answered 554") as refused:
            _email(box.port, security, authority_file).send(SAID)
        assert PASSWORD not in str(refused.value)
        with pytest.raises(DeliveryError, match="SSLCertVerificationError"):
            _email(box.port, security, None).send(SAID)
    with pytest.raises(DeliveryError, match="ConnectionRefusedError"):
        _email(box.port, security, authority_file).send(SAID)


def test_at_debug_neither_address_nor_password_is_written_anywhere(
    webhooks: Webhooks,
    authority: trustme.CA,
    authority_file: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Whoever has the address can write in the channel; many HTTP libraries log it whole at DEBUG."""
    caplog.set_level(logging.DEBUG)
    hook = Webhook(webhooks.url, authority_file)
    hook.send(SAID)
    webhooks.answers = [500]
    said = [repr(hook), repr(_email(1, "tls", None))]
    with mail_server(authority, "starttls") as box:
        email = _email(box.port, "starttls", authority_file)
        email.send(SAID)
        box.refuse = "554 no"
        for channel in (
            hook,
            email,
            Webhook(f"https://127.0.0.1:1{PATH}"),
        ):
            with pytest.raises(DeliveryError) as failed:
                channel.send(SAID)
            said.append(str(failed.value))
    written = "\n".join([*said, caplog.text, *capfd.readouterr()])
    assert "HTTP 500" in written
    assert not [secret for secret in (PATH, "a-secret-path", PASSWORD) if secret in written]
