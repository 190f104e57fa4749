"""Incidents and alerts on a real Postgres: told once, tried again, never lost, and never told by two processes at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from orchestration.alerts.channels import DeliveryError
from orchestration.alerts.incidents import Sighting
from orchestration.alerts.messages import Message
from orchestration.alerts.observing import observe
from orchestration.alerts.watch import Telling, watch
from orchestration.postgres.archive import archive_org
from orchestration.postgres.connection import Database
from orchestration.postgres.locks import held_alone
from orchestration.postgres.retention import LEDGERS, prune

FAILED = Sighting("runs.sync_salesforce_job", "setup", "It failed.")
STALE = Sighting("data", "stale", "Data is old.")


@dataclass
class Recorder:
    """A channel that keeps what it is given; `fails` are the errors of the next sendings."""

    name: str = "webhook"
    sent: list[Message] = field(default_factory=list)
    fails: list[BaseException] = field(default_factory=list)

    def send(self, message: Message) -> None:
        """Fails as it was told, or keeps the message."""
        if self.fails:
            raise self.fails.pop(0)
        self.sent.append(message)


def _pass(database: Database, *sightings: Sighting, channels: tuple[Recorder, ...]) -> str:
    return str(watch(database, sightings, Telling("production", channels)))


def _later(database: Database, **interval: int) -> None:
    """Moves everything that is kept into the past."""
    shift = timedelta(**interval)
    with database.transaction() as connection:
        connection.execute(
            "update fluint_sync.incident set seen_at = seen_at - %s, opened_at = opened_at - %s",
            [shift, shift],
        )
        connection.execute("update fluint_sync.alert set retry_at = retry_at - %s", [shift])


def _ask(database: Database, query: str) -> list[tuple[Any, ...]]:
    with database.transaction() as connection:
        return connection.execute(query.encode()).fetchall()


def test_what_lasts_is_told_once_over_each_channel_and_its_end_once(database: Database) -> None:
    """Two messages a minute for a night; or an end that nobody hears of, so that somebody gets up for nothing."""
    channels = (Recorder("webhook"), Recorder("email"))
    for _ in range(3):
        said = _pass(database, FAILED, channels=channels)
    assert said == "Open incidents: 1."
    assert [len(channel.sent) for channel in channels] == [1, 1]
    _later(database, minutes=6)
    assert _pass(database, channels=channels) == "Nothing is wrong; alerts sent: 2."
    _pass(database, channels=channels)
    assert [[m.subject for m in channel.sent] for channel in channels] == [
        ["[Fluint production] It failed", "[Fluint production] Resolved: It failed"]
    ] * 2
    _pass(database, FAILED, channels=channels)
    assert [len(channel.sent) for channel in channels] == [3, 3], (
        "the same fault another day is another incident"
    )


def test_a_channel_that_fails_is_tried_again_and_holds_up_no_other(database: Database) -> None:
    """An alert that is lost because a receiver was away for a minute, when things go wrong together."""
    broken, whole = Recorder("webhook", fails=[DeliveryError("HTTP 500")] * 2), Recorder("email")
    said = _pass(database, FAILED, channels=(broken, whole))
    assert "did not arrive over webhook: 1 (HTTP 500; tried again after" in said
    assert (len(broken.sent), len(whole.sent)) == (0, 1)
    _pass(database, FAILED, channels=(broken, whole))
    assert len(broken.fails) == 1, "it rests before it is tried again"
    for pause in (1, 2):
        _later(database, minutes=pause)
        said = _pass(database, FAILED, STALE, channels=(broken, whole))
    assert [m.subject for m in broken.sent] == ["[Fluint production] Incidents: 2 new"]
    assert said == "Open incidents: 2; alerts sent: 2."
    assert _ask(
        database,
        "select count(*) from fluint_sync.alert where delivered_at is null or last_error is not null",
    ) == [(0,)]


def test_a_kill_between_sending_and_writing_it_down_repeats_the_message_under_the_same_key(
    database: Database,
) -> None:
    """The answer is lost with the process: told twice is better than never, if the second can be told from a new one."""
    channel = Recorder(fails=[KeyboardInterrupt()])
    with pytest.raises(KeyboardInterrupt):
        _pass(database, FAILED, channels=(channel,))
    _pass(database, FAILED, channels=(channel,))
    assert channel.sent == [], (
        "it was marked as tried before it was sent, so a crash does not send it at every start"
    )
    _later(database, minutes=1)
    _pass(database, FAILED, channels=(channel,))
    _pass(database, FAILED, channels=(channel,))
    assert len(channel.sent) == 1


def test_an_incident_that_came_and_went_while_nobody_could_be_told_is_told_in_one_message(
    database: Database,
) -> None:
    """A night's outage of the mail server would hide the night's incidents, or tell in the morning that they are going on."""
    channel = Recorder(fails=[DeliveryError("away")])
    _pass(database, FAILED, channels=(channel,))
    _later(database, minutes=10)
    _pass(database, channels=(channel,))
    (only,) = channel.sent
    assert only.subject == "[Fluint production] Incidents: 1 new, 1 resolved"
    assert "over by now" in only.text


def test_a_channel_that_is_set_up_later_hears_of_what_is_open_and_not_of_what_is_over(
    database: Database,
) -> None:
    """Alerts that were set up because something is wrong, and say nothing of it."""
    _pass(database, FAILED, STALE, channels=())
    _later(database, minutes=6)
    _pass(database, STALE, channels=())
    late = Recorder()
    _pass(database, STALE, channels=(late,))
    assert [m.subject for m in late.sent] == ["[Fluint production] Data is old"]


def test_while_one_process_tells_another_only_looks(database: Database) -> None:
    """The sensor and the timer at the same second: everything twice."""
    channel = Recorder()
    with held_alone(database, "fluint alerts"):
        assert _pass(database, FAILED, channels=(channel,)) == "Nothing is wrong."
    assert channel.sent == []


CONNECTED = """
insert into fluint_sync.connection (org_id, user_id, instance_url, identity_url, scope, state, reason, refresh_token,
    connected_at, refreshed_at)
values ('00D000000000001AAA', '005000000000001AAA', 'https://a', 'https://a', 's', 'connected', null, 'x', now() - interval '1 hour', now())
"""
_GIVEN_UP = """
insert into fluint_sync.upload (document_id, version_number, state, reason, opportunity_id, updated_at)
values (gen_random_uuid(), 1, 'given_up', 'deal_deleted', '006000000000001AAA', now() - interval '{hours} hours')
"""


_WAITS = "insert into fluint_sync.pending (object, id, reason, since) values ('user', '1', '{}', now() - interval '1 hour')"
_CHECKED = "insert into fluint_sync.setup values ('organization', '{}', '{{}}', now(), now())"


@pytest.mark.parametrize(
    ("statement", "key"),
    [
        ("select 1", None),
        ("update fluint_sync.connection set state = 'needs_reconnect', reason = 'It was revoked.'", ("connection", "needs_reconnect")),
        ("update fluint_sync.connection set refreshed_at = now() - interval '25 days'", ("connection", "idle")),
        ("update fluint_sync.cursor set position = now() - interval '31 minutes' where object = 'user'", ("data", "stale")),
        ("delete from fluint_sync.cursor where object = 'user'", ("data", "stale")),
        (_WAITS.format("changed"), ("data", "stale")),
        (_WAITS.format("not_visible"), None),
        ("update fluint_sync.connection set state = 'disconnected'; delete from fluint_sync.cursor", None),
        ("delete from fluint_sync.connection; delete from fluint_sync.cursor", None),
        (_GIVEN_UP.format(hours=1), ("uploads", "given_up_deal_deleted")),
        (_GIVEN_UP.format(hours=25), None),
        (_CHECKED.format("ok"), None),
        (_CHECKED.format("wrong or missing data"), ("setup.organization", "data")),
        (_CHECKED.format("advice"), None),
        ("insert into fluint_sync.raw_column (object, column_name, field, type, need, is_read, cause)"
         " values ('user', 'title', 'Title', 'text', 'required', false, 'hidden')", ("columns.user", "not_read")),
    ],
)  # fmt: skip
def test_what_a_person_should_know_of_is_seen_in_the_ledger(
    database: Database, statement: str, key: tuple[str, str] | None
) -> None:
    """A query that looks at the wrong column is found the day that it was for."""
    with database.transaction() as connection:
        connection.execute(CONNECTED)
        connection.execute("insert into fluint_sync.cursor (object, position) values ('user', now())")
        connection.execute(statement.encode())
    seen = observe(database, ["user"], timedelta(minutes=30))
    assert [sighting.key for sighting in seen] == ([key] if key else [])
    assert all("None" not in sighting.text for sighting in seen)


def test_what_is_too_old_goes_and_what_decides_something_stays(database: Database) -> None:
    """Ledgers that grow for ever; or an open incident that is forgotten and told anew."""
    with database.transaction() as connection:
        for age in ("401 days", "91 days", "1 day"):
            connection.execute(
                f"""
                insert into fluint_sync.run (run_id, mode, started_at) values ('{age}', 'changes', now() - interval '{age}');
                insert into fluint_sync.api_call (purpose, calls, at) values ('keys', 1, now() - interval '{age}');
                insert into fluint_sync.uncovered_deal (object, opportunity_id, at) values ('x', '{age}', now() - interval '{age}');
                insert into fluint_sync.field_change (object, field, kind, seen_at)
                values ('x', '{age}', 'added', now() - interval '{age}');
                insert into fluint_sync.incident (subject, cause, error, opened_at, closed_at)
                values ('data', 'stale', 'old', now() - interval '{age}', now() - interval '{age}');
                """.encode()
            )
        connection.execute(
            "insert into fluint_sync.incident (subject, cause, error, opened_at) values ('data', 'open', 'old', now() - interval '9 years')"
        )
        connection.execute(
            "insert into fluint_sync.alert (incident_id, event, channel)"
            " select incident_id, 'opened', 'x' from fluint_sync.incident"
        )
    assert prune(database) == {
        "fluint_sync.run": 2, "fluint_sync.api_call": 2, "fluint_sync.uncovered_deal": 2, "fluint_sync.field_change": 1,
        "fluint_sync.incident": 1,
    }  # fmt: skip
    assert _ask(database, "select count(*) from fluint_sync.alert") == [(3,)]
    assert sum(prune(database).values()) == 0
    assert len(LEDGERS) == 5


def test_an_org_that_is_replaced_takes_its_incidents_along_and_leaves_the_workspace(
    database: Database,
) -> None:
    """A workspace without its id and environment could be taken for another one; incidents of the old org would never end."""
    _pass(database, FAILED, channels=(Recorder(),))
    before = _ask(database, "select workspace_id from fluint_sync.workspace")
    with database.transaction() as connection:
        archive_org(connection, "00D000000000001AAA")
    assert _ask(database, "select workspace_id from fluint_sync.workspace") == before
    assert _ask(database, "select count(*) from fluint_sync.incident") == [(0,)]
