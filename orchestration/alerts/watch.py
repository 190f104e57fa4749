"""One pass: what is so now becomes incidents, and what is due is sent. By one process at a time; never in the way of a sync.

Asked by the sensor every half minute and by `fluint alerts --send`, so that a daemon that died is noticed by a timer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestration.alerts import ledger
from orchestration.alerts.channels import Channel, DeliveryError
from orchestration.alerts.incidents import Incident, Sighting, decide
from orchestration.alerts.ledger import Undelivered
from orchestration.alerts.messages import message
from orchestration.errors import SetupError
from orchestration.postgres.connection import Database
from orchestration.postgres.locks import held_alone


@dataclass(frozen=True)
class Telling:
    """How a workspace tells people: which one it is, and over which channels (none: incidents are only kept)."""

    environment: str | None
    channels: tuple[Channel, ...] = ()


@dataclass(frozen=True)
class Standing:
    """How things stand after a pass: what is open, what was sent by it, what has not arrived."""

    incidents: tuple[Incident, ...]
    sent: int
    undelivered: tuple[Undelivered, ...]

    def __str__(self) -> str:
        """The same in a line, for a sensor's tick."""
        parts = [f"open incidents: {len(self.incidents)}" if self.incidents else "nothing is wrong"]
        parts += [f"alerts sent: {self.sent}"] if self.sent else []
        parts += [
            f"alerts that did not arrive over {each.channel}: {each.alerts} ({each.error}; tried again after {each.retry_at:%H:%M} UTC)"
            for each in self.undelivered
        ]
        text = "; ".join(parts)
        return f"{text[0].upper()}{text[1:]}."


def watch(database: Database, sightings: Sequence[Sighting], telling: Telling) -> Standing:
    """Opens and closes incidents by what is so now, and sends what is due. While another process does so, only looks."""
    sent = 0
    with held_alone(database, "fluint alerts") as hold:
        if hold is not None:
            with database.transaction() as connection:
                decision = decide(ledger.open_incidents(connection), sightings, ledger.now(connection))
                ledger.keep(connection, decision, [channel.name for channel in telling.channels])
            sent = sum(_deliver(database, channel, telling.environment) for channel in telling.channels)
    return standing(database, sent)


def standing(database: Database, sent: int = 0) -> Standing:
    """How things stand, without looking anew."""
    with database.transaction() as connection:
        return Standing(tuple(ledger.open_incidents(connection)), sent, tuple(ledger.undelivered(connection)))


def _deliver(database: Database, channel: Channel, environment: str | None) -> int:
    """Sends what is due over a channel as one message; the number of alerts that arrived. A failure is written, never raised."""
    with database.transaction() as connection:
        alerts = ledger.take_due(connection, channel.name)
        workspace = ledger.workspace_id(connection)
    if not alerts:
        return 0
    error = None
    try:
        channel.send(message(alerts, environment, workspace))
    except (DeliveryError, SetupError) as failed:
        error = str(failed)
    with database.transaction() as connection:
        ledger.mark(connection, channel.name, alerts, error)
    return 0 if error else len(alerts)
