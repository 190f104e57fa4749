"""How a workspace tells people, as a resource: its channels, as far as they are set. Opens no connection."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from orchestration.alerts.channels import Channel, Email, Webhook
from orchestration.alerts.watch import Telling
from orchestration.settings import EmailSettings, missing


def channels(
    webhook_url: str | None, email: EmailSettings | None, smtp_password: str | None, ca_file: Path | None
) -> tuple[Channel, ...]:
    """The channels that are set up; `SetupError` names a password that is missing."""
    made: list[Channel] = []
    if webhook_url:
        made.append(Webhook(webhook_url, ca_file))
    if email is not None:
        if email.username and not smtp_password:
            raise missing("alert_smtp_password")
        made.append(
            Email(
                email.host,
                email.port,
                email.security,
                email.sender,
                email.to,
                username=email.username,
                password=smtp_password,
                ca_file=ca_file,
            )
        )
    return tuple(made)


class AlertsResource(dg.ConfigurableResource[Telling]):
    """Gives the channels; `email` is the part of the settings as JSON, because Dagster's own types cannot hold it."""

    environment: str | None = None
    webhook_url: str | None = None
    email: str | None = None
    smtp_password: str | None = None
    ca_file: str | None = None

    def create_resource(self, context: dg.InitResourceContext) -> Telling:
        """Makes the object; sends nothing."""
        email = EmailSettings.model_validate_json(self.email) if self.email else None
        ca_file = Path(self.ca_file) if self.ca_file else None
        return Telling(self.environment, channels(self.webhook_url, email, self.smtp_password, ca_file))
