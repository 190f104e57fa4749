"""Incidents and the outbox of alerts in SQL, inside the caller's transaction. What opens and closes is decided in incidents.py.

An incident and the alerts about it change in one transaction. An alert is marked before it is sent, so a kill between the two sends it
once more and not for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from orchestration.alerts.incidents import Decision, Incident
from orchestration.postgres.connection import Connection

# Minutes to the next try, by how many there were: 1, 2, 4 … 60.
_PAUSE = "least(60, power(2, least(attempts, 6))) * interval '1 minute'"
MOST_AT_ONCE = 50


@dataclass(frozen=True)
class Alert:
    """One thing to tell over one channel: an incident was `opened` or `resolved`. Times are aware and in UTC."""

    incident_id: int
    event: str
    subject: str
    cause: str
    text: str
    opened_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True)
class Undelivered:
    """What a channel has not got: how many alerts, since when, after how many tries, the last error, and when it is tried again."""

    channel: str
    alerts: int
    since: datetime
    attempts: int
    error: str | None
    retry_at: datetime


def now(connection: Connection) -> datetime:
    """The database's clock (UTC), which all times of incidents are by."""
    row = connection.execute("select clock_timestamp()").fetchone()
    assert row is not None  # a select without a table has a row
    at: datetime = row[0]
    return at


def open_incidents(connection: Connection) -> list[Incident]:
    """Those that have not ended, the oldest first."""
    rows = connection.execute(
        "select incident_id, subject, cause, error, opened_at, seen_at from fluint_sync.incident"
        " where closed_at is null order by opened_at, incident_id"
    ).fetchall()
    return [Incident(*row) for row in rows]


def keep(connection: Connection, decision: Decision, channels: Sequence[str]) -> None:
    """Writes what was decided, and an alert for each channel about what opened or ended.

    An incident that is open and was never told over a channel (it was set up later) is told now.
    """
    cursor = connection.cursor()
    connection.execute(
        "update fluint_sync.incident set closed_at = clock_timestamp() where incident_id = any (%s)",
        [list(decision.renewed)],
    )
    cursor.executemany(
        "insert into fluint_sync.incident (subject, cause, error) values (%s, %s, %s)",
        [(each.subject, each.cause, each.text) for each in decision.opened],
    )
    cursor.executemany(
        "update fluint_sync.incident set seen_at = clock_timestamp(), error = %s"
        " where subject = %s and cause = %s and closed_at is null",
        [(each.text, each.subject, each.cause) for each in decision.seen],
    )
    connection.execute(
        """
        insert into fluint_sync.alert (incident_id, event, channel)
        select incident_id, 'opened', channel from fluint_sync.incident cross join unnest(%s::text[]) as channel
        where closed_at is null on conflict do nothing
        """,
        [list(channels)],
    )
    connection.execute(
        """
        with ended as (
            update fluint_sync.incident set closed_at = clock_timestamp()
            where incident_id = any (%s) and closed_at is null returning incident_id)
        insert into fluint_sync.alert (incident_id, event, channel)
        select incident_id, 'resolved', channel from ended join fluint_sync.alert using (incident_id)
        where event = 'opened' on conflict do nothing
        """,
        [list(decision.closed)],
    )


def take_due(connection: Connection, channel: str) -> list[Alert]:
    """The alerts that are to be sent over a channel now, each marked as tried once more, with the time of its next try."""
    rows = connection.execute(
        f"""
        with due as (
            select incident_id, event, channel from fluint_sync.alert
            where channel = %s and delivered_at is null and retry_at <= clock_timestamp()
            order by made_at, incident_id, event limit {MOST_AT_ONCE} for update),
        tried as (
            update fluint_sync.alert as a set retry_at = clock_timestamp() + {_PAUSE}, attempts = attempts + 1
            from due where (a.incident_id, a.event, a.channel) = (due.incident_id, due.event, due.channel)
            returning a.incident_id, a.event, a.made_at)
        select incident_id, event, subject, cause, error, opened_at, closed_at
        from tried join fluint_sync.incident using (incident_id) order by made_at, incident_id, event
        """,  # noqa: S608 - constants of ours
        [channel],
    ).fetchall()
    return [Alert(*row) for row in rows]


def mark(connection: Connection, channel: str, alerts: Sequence[Alert], error: str | None) -> None:
    """Writes how the sending went: delivered, or the `error` that held it up."""
    connection.cursor().executemany(
        """
        update fluint_sync.alert
        set last_error = %(error)s, delivered_at = case when %(error)s::text is null then clock_timestamp() end
        where incident_id = %(incident)s and event = %(event)s and channel = %(channel)s and delivered_at is null
        """,
        [
            {"error": error, "incident": alert.incident_id, "event": alert.event, "channel": channel}
            for alert in alerts
        ],
    )


def undelivered(connection: Connection) -> list[Undelivered]:
    """What was tried and has not arrived, by channel."""
    rows = connection.execute(
        """
        select channel, count(*)::int, min(made_at), max(attempts), (array_agg(last_error order by retry_at desc))[1], min(retry_at)
        from fluint_sync.alert where delivered_at is null and attempts > 0 group by channel order by channel
        """
    ).fetchall()
    return [Undelivered(*row) for row in rows]


def workspace_id(connection: Connection) -> str:
    """What tells alerts of this workspace from those of another."""
    row = connection.execute("select workspace_id::text from fluint_sync.workspace").fetchone()
    return str(row[0]) if row else ""
