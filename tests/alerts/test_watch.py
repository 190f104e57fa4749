"""Incidents and alerts on a real Postgres: told once, tried again, never lost, and never told by two processes at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from orchestration.alerts.channels import DeliveryError
from orchestration.alerts.incidents import Sighting
from orchestration.alerts.ledger import open_incidents
from orchestration.alerts.messages import Message
from orchestration.alerts.observing import observe
from orchestration.alerts.watch import Telling, watch
from orchestration.postgres.archive import archive_org
from orchestration.postgres.connection import Database
from orchestration.postgres.locks import held_alone
from orchestration.postgres.retention import LEDGERS, prune
from orchestration.status.facts import DagsterFacts, Expectations
from orchestration.sync.coverage import MissingParents

FAILED = Sighting("runs.sync_salesforce_job", "setup", "It failed.")
STALE = Sighting("data", "stale", "Data is old.")
EXPECTED = Expectations(timedelta(minutes=1), 0.8, ("opportunity",))


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
insert into fluint_app.document (document_id, opportunity_id, title) values (md5('a')::uuid, '006', 'x');
insert into fluint_app.document_version (document_id, version_number, file_name, content_type, byte_size, sha256, content, generated_at)
values (md5('a')::uuid, 1, 'x', 'x', 1, 'x', 'x', now());
insert into fluint_sync.upload (document_id, version_number, state, outlook, reason, opportunity_id)
values (md5('a')::uuid, 1, 'given_up', 'given_up', '{}', '006000000000001AAA')
"""
_WAITS = "insert into fluint_sync.pending (object, id, reason, since) values ('opportunity', '1', '{}', now() - interval '1 hour')"
_CHECKED = (
    "insert into fluint_sync.setup values ('organization', '{}', array['other_environment'], now(), now())"
)
_FOUND = "insert into fluint_sync.setup values ('{}', 'wrong or missing data', array['{}'], now(), now())"
_LICENSED = "insert into fluint_app.app_user (email, is_licensed) values ('a@acme.example', {})"
_FAILED = """
insert into fluint_sync.run (run_id, mode, started_at, ended_at, state, error)
values ('1', '{}', now() - interval '3 hours', now() - interval '3 hours', 'failed', 'contact: It is hidden.')
"""
_DIES = "update fluint_sync.connection set state = 'needs_reconnect', reason = 'It was revoked.'"
_HIDDEN = "insert into fluint_sync.unavailable_object (object, seen_at) values ('opportunity', now())"
_AGES = "update fluint_sync.cursor set position = now() - interval '{} minutes'"


@pytest.mark.parametrize(
    ("statement", "keys"),
    [
        ("select 1", []),
        (_DIES, [("connection", "needs_reconnect")]),
        ("update fluint_sync.connection set refreshed_at = now() - interval '25 days'", [("connection", "idle")]),
        (_AGES.format(14), []),
        (_AGES.format(16), [("data", "stale")]),
        (f"{_DIES}; {_AGES.format(16)}", [("connection", "needs_reconnect"), ("data", "stale")]),
        ("delete from fluint_sync.cursor", [("data", "stale")]),
        (_WAITS.format("changed"), [("data", "stale")]),
        (_WAITS.format("not_visible"), []),
        ("update fluint_sync.connection set state = 'disconnected'; delete from fluint_sync.cursor", []),
        ("delete from fluint_sync.connection; delete from fluint_sync.cursor", []),
        (_GIVEN_UP.format("too_large"), [("uploads", "given_up")]),
        (_GIVEN_UP.format("deal_deleted"), []),
        (_CHECKED.format("ok"), []),
        (_CHECKED.format("wrong or missing data"), [("setup.organization", "data")]),
        (_CHECKED.format("advice"), []),
        (_FOUND.format("objects_are_read", "never_read: opportunity', 'stale: contact', 'object_switched_off: task"), []),
        (_FOUND.format("objects_are_read", "stale: contact', 'object_needs_other: contact"), [("setup.objects_are_read", "data")]),
        (f"update fluint_sync.connection set state = 'disconnected'; {_FOUND.format('connection', 'not_connected')}", []),
        (f"{_DIES}; {_FOUND.format('connection', 'grant_ended')}", [("connection", "needs_reconnect")]),
        (_FOUND.format("connection", "grant_ended"), []),
        (_FOUND.format("connection", "other_org"), [("setup.connection", "data")]),
        (_FOUND.format("api_headroom", "allowance_used"), []),
        (_FOUND.format("deals_arrive", "owners_not_listed"), []),
        (_FOUND.format("deals_arrive", "deals_missing"), [("setup.deals_arrive", "data")]),
        (_FOUND.format("file_limits", "publications_used"), []),
        (_FOUND.format("file_limits", "publications_used', 'storage_full"), [("setup.file_limits", "data")]),
        (f"{_GIVEN_UP.format('too_large')}; {_FOUND.format('uploads', 'upload_refused: storage_full')}", [("uploads", "given_up")]),
        (_FOUND.format("uploads", "upload_not_sent: setup', 'upload_given_up: empty_file"), []),
        (_FOUND.format("uploads", "upload_not_sent: setup', 'upload_not_sent: checksum_differs"), []),
        (f"{_HIDDEN}; {_FOUND.format('opportunity', 'deals_not_readable: Opportunity')}", [("data.opportunity", "not_readable")]),
        (_FOUND.format("account", "object_not_readable: Account"), [("setup.account", "data")]),
        (_FOUND.format("organization", "a_code_of_another_version"), [("setup.organization", "data")]),
        (_FOUND.format("user_list", "nobody_licensed"), [("setup.user_list", "data")]),
        (f"{_LICENSED.format(False)}; {_FOUND.format('user_list', 'nobody_licensed')}", [("setup.user_list", "data")]),
        (f"{_LICENSED.format(True)}; {_FOUND.format('user_list', 'nobody_licensed')}", []),
        (f"{_LICENSED.format(True)}; {_FOUND.format('user_list', 'users_unmatched')}", [("setup.user_list", "data")]),
        ("insert into fluint_sync.raw_column (object, column_name, field, type, need, is_read, cause)"
         " values ('opportunity', 'title', 'Title', 'text', 'required', false, 'hidden')", [("columns.opportunity", "not_read")]),
    ],
)  # fmt: skip
def test_what_a_person_should_know_of_is_seen_in_the_ledger(
    database: Database, statement: str, keys: list[tuple[str, str]]
) -> None:
    """A query that looks at the wrong column is found the day that it was for."""
    seen, _ = _seen(database, statement)
    assert [sighting.key for sighting in seen] == keys
    assert all("None" not in sighting.text for sighting in seen)


def _seen(database: Database, statement: str, *, failed: bool = False) -> tuple[list[Sighting], int]:
    """What is seen after a statement, and how often Dagster was asked."""
    asked: list[int] = []

    def ask() -> DagsterFacts | None:
        asked.append(1)
        return None

    with database.transaction() as connection:
        connection.execute(CONNECTED + " on conflict do nothing")
        connection.execute(
            "insert into fluint_sync.cursor (object, position) values ('opportunity', now()) on conflict do nothing"
        )
        connection.execute(statement.encode())
    return observe(database, EXPECTED, ask, lambda: failed), len(asked)


def test_dagster_is_asked_where_something_is_not_well_or_a_run_failed_and_until_that_is_over(
    database: Database,
) -> None:
    """Dozens of queries twice a minute, all year long, to learn that all is well; or a failed night that ends by being old."""
    assert _seen(database, "select 1") == ([], 0)
    assert _seen(database, "select 1", failed=True)[1] == 1
    assert _seen(database, _GIVEN_UP.format("too_large"))[1] == 0
    assert _seen(database, _AGES.format(16))[1] == 1
    _pass(database, FAILED, channels=())
    assert _seen(database, _AGES.format(0))[1] == 1


def test_a_look_counts_nothing_that_grows_with_the_deals_while_no_run_failed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would cost a second, and then a minute, twice a minute. No view of the models is there to be read here."""
    asked: list[str] = []

    def missing(*_: object) -> MissingParents:
        asked.append("missing")
        return MissingParents(0, 0, ())

    monkeypatch.setattr("orchestration.status.reading.missing_parents", missing)
    assert [each.key for each in _seen(database, _AGES.format(16))[0]] == [("data", "stale")]
    assert asked == []
    with pytest.raises(psycopg.errors.UndefinedTable, match="scope_owners"):
        _seen(database, _FAILED.format("history"))
    assert asked == ["missing"]


def test_a_dead_connection_with_old_data_and_failed_runs_is_one_alert(database: Database) -> None:
    """Twelve alerts for one revoked grant; the one that matters is among them."""
    channel = Recorder()
    for minutes in (20, 45):
        seen, _ = _seen(database, f"{_DIES}; {_AGES.format(minutes)}")
        _pass(database, *seen, channels=(channel,))
    assert [m.subject for m in channel.sent] == [
        "[Fluint production] The connection to Salesforce no longer works"
    ]


def test_old_data_is_one_incident_while_its_age_and_its_cause_change(database: Database) -> None:
    """A text that says how old it is would be news every minute."""
    channel = Recorder()
    for statement in (_AGES.format(20), _AGES.format(45), _FAILED.format("columns")):
        seen, _ = _seen(database, statement)
        _pass(database, *seen, channels=(channel,))
    assert len(channel.sent) == 1
    with database.transaction() as connection:
        (incident, *_) = open_incidents(connection)
    assert incident.subject == "data"
    assert "45 min ago" in incident.text


def test_an_incident_that_is_renewed_is_told_again_and_its_end_is_not(database: Database) -> None:
    """'Resolved' over a file that nobody sent."""
    channel = Recorder()
    (seen,), _ = _seen(database, _GIVEN_UP.format("too_large"))
    _pass(database, seen, channels=(channel,))
    _later(database, hours=25)
    (seen,), _ = _seen(database, "update fluint_sync.upload set updated_at = now()")
    for _ in range(2):
        _pass(database, seen, channels=(channel,))
    assert [m.subject for m in channel.sent] == [
        "[Fluint production] 1 document version given up: 1 too_large"
    ] * 2


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
