"""The command `fluint alerts`: what is open, what did not arrive, a test of the channels; and a look from outside of Dagster."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli.console import console, done, table
from orchestration.cli.workspace import Workspace
from orchestration.errors import SetupError

if TYPE_CHECKING:
    from orchestration.alerts.watch import Standing, Telling


def alerts(
    send: Annotated[
        bool,
        typer.Option(
            "--send",
            help="Look now and send what is due: for a timer that also works while Dagster does not.",
        ),
    ] = False,
    test: Annotated[bool, typer.Option("--test", help="Send a test over every channel.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print it for programs.")] = False,
) -> None:
    """Say which incidents are open and which alerts did not arrive.

    Ends with 0 when nothing is open and everything was delivered, with 2 when not, and with 1 when that could not be told. Asks
    Salesforce nothing.
    """
    if send and test:
        raise SetupError("--send and --test are two things: choose one.")
    workspace = Workspace.here()
    if test:
        _test(workspace)
        return
    standing = _look(workspace) if send else _standing(workspace)
    if as_json:
        console.out(json.dumps(_as_dict(standing), indent=2))
    else:
        _show(standing)
    if standing.incidents or standing.undelivered:
        raise typer.Exit(2)


def telling(workspace: Workspace) -> Telling:
    """The channels of the settings."""
    from orchestration.alerts.watch import Telling
    from orchestration.resources.alerts import channels

    settings = workspace.settings
    url, password = settings.alert_webhook_url, settings.alert_smtp_password
    return Telling(
        settings.environment,
        channels(
            url.get_secret_value() if url else None,
            settings.alerts.email,
            password.get_secret_value() if password else None,
            settings.alerts.ca_file,
        ),
    )


def _standing(workspace: Workspace) -> Standing:
    from orchestration.alerts.watch import standing

    return standing(workspace.database)


def _look(workspace: Workspace) -> Standing:
    from orchestration.alerts.observing import observe
    from orchestration.alerts.watch import watch
    from orchestration.cli.status import ask_dagster, expectations

    database = workspace.database
    # From outside, Dagster is always asked: that it answers, or not, is what this look is for.
    seen = observe(
        database, expectations(workspace), lambda: ask_dagster(workspace)[0], has_failed_runs=lambda: True
    )
    return watch(database, seen, telling(workspace))


def _test(workspace: Workspace) -> None:
    from orchestration.alerts.channels import DeliveryError
    from orchestration.alerts.messages import trial
    from orchestration.privacy.restored import mark_of

    told = telling(workspace)
    if not told.channels:
        raise SetupError(
            "No channel is set up, so nobody is told of anything. Whoever runs Fluint sets FLUINT_ALERT_WEBHOOK_URL, or alerts.email in"
            " fluint.yaml; docs/operating.md shows both."
        )
    failed = []
    for channel in told.channels:
        try:
            channel.send(trial(told.environment, mark_of(workspace.database).workspace_id))
            done(f"The test was taken over {channel.name}.")
        except DeliveryError as error:
            failed.append(f"{channel.name}: {error}")
    if failed:
        raise SetupError(
            f"The test did not arrive over {'; '.join(failed)}. Real alerts would be kept and tried again. Whoever runs Fluint corrects the"
            " address, the password or the way there, and runs this again."
        )


def _show(standing: Standing) -> None:
    if standing.sent:
        done(f"Alerts sent: {standing.sent}.")
    if not standing.incidents:
        done("Nothing is wrong that anybody would be told of.")
    for incident in standing.incidents:
        console.print(
            f"✗ since {incident.opened_at:%Y-%m-%d %H:%M} UTC: {incident.text}", soft_wrap=True, markup=False
        )
    if standing.undelivered:
        rows = [
            (each.channel, each.alerts, f"{each.since:%Y-%m-%d %H:%M}", each.attempts, each.error)
            for each in standing.undelivered
        ]
        console.print(
            table("Alerts that did not arrive yet", ["over", "alerts", "since (UTC)", "tries", "why"], rows)
        )


def _as_dict(standing: Standing) -> dict[str, object]:
    return {
        "incidents": [
            {
                "id": each.incident_id,
                "subject": each.subject,
                "cause": each.cause,
                "text": each.text,
                "opened_at": each.opened_at.isoformat(),
            }
            for each in standing.incidents
        ],
        "undelivered": [
            {
                "channel": each.channel,
                "alerts": each.alerts,
                "since": each.since.isoformat(),
                "tries": each.attempts,
                "error": each.error,
            }
            for each in standing.undelivered
        ],
        "sent": standing.sent,
    }
