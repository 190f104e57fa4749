"""What an alert says, as subject and text: several that are due at once are one message. Pure; how it is sent is channels.py's."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from orchestration.alerts.ledger import Alert

_MOST_TOLD = 10
_LONGEST = 700  # characters of one incident's text
_SENTENCE_ENDS = ". "


@dataclass(frozen=True)
class Message:
    """A message for people. `key` is the same whenever the same alerts are sent again, so that a receiver can tell."""

    subject: str
    text: str
    key: str


def message(alerts: Sequence[Alert], environment: str | None, workspace: str) -> Message:
    """One message for alerts that are due together (one at least)."""
    told = [_told(alert) for alert in alerts[:_MOST_TOLD]]
    if len(alerts) > _MOST_TOLD:
        told.append(f"… and {len(alerts) - _MOST_TOLD} more: `fluint alerts` lists them.")
    subject = f"[{sender_name(environment)}] {_headline(alerts)}"
    parts = [workspace, *(f"{alert.incident_id} {alert.event}" for alert in alerts)]
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
    return Message(_harmless(subject), _harmless("\n\n".join([subject, *told])), key)


def trial(environment: str | None, workspace: str) -> Message:
    """What `fluint alerts --test` sends."""
    subject = f"[{sender_name(environment)}] This is a test"
    text = (
        f"{subject}\n\nAlerts of this workspace arrive here. Nothing is wrong, and nobody has to do anything."
    )
    return Message(subject, text, hashlib.sha256(f"{workspace} test".encode()).hexdigest()[:32])


def sender_name(environment: str | None) -> str:
    """Which workspace speaks."""
    return f"Fluint {environment}" if environment else "Fluint"


def _headline(alerts: Sequence[Alert]) -> str:
    if len(alerts) == 1:
        first = alerts[0].text.split(_SENTENCE_ENDS)[0].split("\n")[0].rstrip(".")[:150]
        return first if alerts[0].event == "opened" else f"Resolved: {first}"
    opened = sum(alert.event == "opened" for alert in alerts)
    counts = [(opened, "new"), (len(alerts) - opened, "resolved")]
    return "Incidents: " + ", ".join(f"{count} {what}" for count, what in counts if count)


def _told(alert: Alert) -> str:
    text = alert.text if len(alert.text) <= _LONGEST else f"{alert.text[: _LONGEST - 1]}…"
    since = f"{alert.opened_at:%Y-%m-%d %H:%M} UTC"
    if alert.event == "opened" and alert.closed_at is None:
        return f"✗ Since {since}: {text}"
    if alert.event == "opened":
        return f"✗ From {since} on, and over by now: {text}"
    lasted = _length(alert.closed_at - alert.opened_at) if alert.closed_at else ""
    return f"✓ Resolved after {lasted} (since {since}). It was: {text}"


def _harmless(text: str) -> str:
    """A receiver that reads <…> as a mention or a link must find none."""
    return text.replace("<", "‹").replace(">", "›")


def _length(lasted: timedelta) -> str:
    minutes = max(1, round(lasted.total_seconds() / 60))
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [f"{days} d" if days else "", f"{hours} h" if hours else "", f"{rest} min" if rest else ""]
    return " ".join(part for part in parts if part)
