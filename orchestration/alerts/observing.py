"""What is so now, from our own tables: the connection, the age of the data, uploads that were given up, drift of the set-up.

Queries of a few rows, so that it can be asked every half minute; Salesforce is asked nothing. How runs ended is the Dagster layer's to
say (sensors/failed_runs.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from orchestration.alerts.incidents import NEEDS_RECONNECT, Sighting
from orchestration.alerts.ledger import now as database_time
from orchestration.postgres.connection import Connection, Database
from orchestration.postgres.connection_ledger import ConnectionFacts, connection_facts
from orchestration.salesforce.renewal import idle_warning
from orchestration.setup.items import ITEMS
from orchestration.setup.outcome import Outcome
from orchestration.sync import ledger
from orchestration.sync.column_states import states_of
from orchestration.sync.objects import BY_TABLE

_DRIFT = (Outcome.STOPS, Outcome.DATA, Outcome.FEATURE)
_MOST_NAMED = 5
# A version that was given up longer ago has been told of; one that is given up now is news again.
_GIVEN_UP = """
select coalesce(reason, 'unknown'), count(*)::int, count(*) filter (where updated_at > now() - interval '1 day')::int
from fluint_sync.upload where state = 'given_up' group by 1 order by 1
"""


def observe(database: Database, tables: Sequence[str], stale_after: timedelta) -> list[Sighting]:
    """Everything that a person should know of, but for runs; `tables` are the raw tables that are read."""
    facts = connection_facts(database)
    with database.transaction() as connection:
        now = database_time(connection)
        seen = [*_connection(facts, now), *_uploads(connection), *_setup(connection)]
        if facts is not None and facts.state != "disconnected":
            as_of = {table: ledger.data_as_of(connection, table) for table in _shown(connection, tables)}
            seen += stale(as_of, facts.connected_at, now, stale_after)
            seen += [each for table in tables for each in _columns(connection, table)]
    return seen


def stale(
    as_of: dict[str, datetime | None], connected_at: datetime, now: datetime, after: timedelta
) -> Iterator[Sighting]:
    """One sighting if data is older than `after`: of objects that were never read, as old as the connection. Pure."""
    ages = {table: now - (at or connected_at) for table, at in as_of.items()}
    late = sorted((table for table, age in ages.items() if age > after), key=lambda table: -ages[table])
    if not late:
        return
    named = ", ".join(
        f"{table} (right up to {at:%Y-%m-%d %H:%M} UTC)" if (at := as_of[table]) else f"{table} (never read)"
        for table in late[:_MOST_NAMED]
    )
    more = f" and {len(late) - _MOST_NAMED} more" if len(late) > _MOST_NAMED else ""
    yield Sighting(
        "data",
        "stale",
        f"Salesforce data is more than {after // timedelta(minutes=1)} minutes old: {named}{more}. What is held stays readable."
        " Whoever runs Fluint looks at `fluint status`, and whether Dagster's daemon and the code server run. It goes on where it stopped.",
    )


def _connection(facts: ConnectionFacts | None, now: datetime) -> Iterator[Sighting]:
    if facts is None:
        return
    if facts.state == "needs_reconnect":
        yield Sighting(
            *NEEDS_RECONNECT,
            f"The connection to Salesforce no longer works. {facts.reason or ''} What was imported stays readable; nothing new comes in,"
            " and no document is sent. A Salesforce admin connects again with `fluint connect`; the sync then goes on from where it was.",
        )
    elif facts.state == "connected" and facts.has_refresh_token:
        warning = idle_warning(facts.refreshed_at, now)
        yield from [Sighting("connection", "idle", warning)] if warning else []


def _uploads(connection: Connection) -> Iterator[Sighting]:
    for reason, all_, of_late in connection.execute(_GIVEN_UP).fetchall():
        if of_late:
            yield Sighting(
                "uploads",
                f"given_up_{reason}",
                f"{of_late} document versions were given up today ({reason}; {all_} in all): they are not in Salesforce and will"
                " not be sent by themselves. Everything else is sent. `fluint documents list` says who can do something; `fluint documents"
                " retry` sends again.",
            )


def _setup(connection: Connection) -> Iterator[Sighting]:
    titles = {item.key: item.title for item in ITEMS}
    rows = connection.execute(
        "select item, outcome, since from fluint_sync.setup where outcome = any (%s) order by item",
        [[outcome.value for outcome in _DRIFT]],
    ).fetchall()
    for item, outcome, since in rows:
        if item in titles:
            yield Sighting(
                f"setup.{item}",
                Outcome(outcome).name.lower(),
                f"The set-up in Salesforce or here is not as it has to be: {titles[item]} ({outcome}, seen since"
                f" {since:%Y-%m-%d %H:%M} UTC). `fluint check` says what is wrong, what people notice, who mends it and where.",
            )


def _columns(connection: Connection, table: str) -> Iterator[Sighting]:
    """Fields that were read and are not any more: hidden, removed, of another type."""
    lost = [state for state in states_of(connection, table) if state.is_wrong and state.cause is not None]
    if lost:
        name = BY_TABLE[table].name
        more = f" And {len(lost) - _MOST_NAMED} more." if len(lost) > _MOST_NAMED else ""
        texts = " ".join(state.text(name) for state in lost[:_MOST_NAMED])
        yield Sighting(f"columns.{table}", "not_read", f"Fields are no longer read. {texts}{more}")


def _shown(connection: Connection, tables: Sequence[str]) -> list[str]:
    """The tables whose objects the org shows."""
    rows = connection.execute("select object from fluint_sync.unavailable_object").fetchall()
    absent = {row[0] for row in rows}
    return [table for table in tables if table not in absent]
