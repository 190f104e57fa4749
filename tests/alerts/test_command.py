"""`fluint alerts`: what is open and what did not arrive, for a person and a monitor; a test of the channels; a look without the daemon."""

from __future__ import annotations

import json
from pathlib import Path

import trustme

from tests.alerts.receivers import PASSWORD, PATH, USER, Webhooks, mail_server
from tests.alerts.test_watch import CONNECTED
from tests.cli.shell import Shell


def test_a_test_says_of_each_channel_whether_it_arrived(
    line: Shell, webhooks: Webhooks, authority: trustme.CA, authority_file: Path
) -> None:
    """The first real alert is the wrong moment to learn that the address was mistyped."""
    assert "No channel is set up" in line("alerts", "--test").line
    with mail_server(authority, "starttls") as box:
        email = {
            "host": "127.0.0.1",
            "port": box.port,
            "username": USER,
            "sender": "f@acme.example",
            "to": ["o@acme.example"],
        }
        given = {
            "FLUINT_ALERTS": json.dumps({"ca_file": str(authority_file), "email": email}),
            "FLUINT_ALERT_WEBHOOK_URL": webhooks.url,
        }
        assert "FLUINT_ALERT_SMTP_PASSWORD is not set" in line("alerts", "--test", **given).line
        given["FLUINT_ALERT_SMTP_PASSWORD"] = PASSWORD
        said = line("alerts", "--test", **given)
        assert (said.exit_code, said.line.count("The test was taken")) == (0, 2), said.text
        assert len(box.mails) == len(webhooks.bodies) == 1
        webhooks.answers = [403]
        failed = line("alerts", "--test", **given)
    assert (failed.exit_code, "webhook: the receiver answered HTTP 403" in failed.line) == (1, True)
    assert PATH not in said.text + failed.text


def test_a_look_from_outside_of_dagster_tells_and_ends_with_what_a_monitor_needs(
    line: Shell, webhooks: Webhooks, authority_file: Path
) -> None:
    """A daemon that died tells nobody that it did; the timer does."""
    given = {
        "FLUINT_ALERTS": json.dumps({"ca_file": str(authority_file)}),
        "FLUINT_ALERT_WEBHOOK_URL": webhooks.url,
    }
    with line.database.transaction() as connection:
        connection.execute(CONNECTED)
    said = line("alerts", "--send", "--json", **given)
    told = json.loads(said.text)
    assert [(each["subject"], each["cause"]) for each in told["incidents"]] == [("data", "stale")]
    assert (said.exit_code, told["sent"]) == (2, 1)
    assert "Salesforce data is old: " in webhooks.bodies[0]["text"]
    assert "Dagster's daemon, which starts every sync, does not run." in webhooks.bodies[0]["text"]
    assert "was never read" in line("alerts").line
    with line.database.transaction() as connection:
        connection.execute("delete from fluint_sync.incident")
    assert line("alerts").exit_code == 0
