"""What is so now that people should know of: the status' judgements that are told, and what the status does not judge.

That is drift of the set-up (what of it is told is checked.py's), and columns that are no longer read. Queries of a few rows, so that it
can be asked every half minute; Salesforce is asked nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from orchestration.alerts.checked import DRIFT, told
from orchestration.alerts.incidents import Sighting
from orchestration.alerts.judged import needs_dagster, sightings
from orchestration.alerts.ledger import open_incidents
from orchestration.postgres.connection import Connection, Database
from orchestration.setup.items import ITEMS
from orchestration.setup.outcome import Outcome
from orchestration.status.facts import DagsterFacts, Expectations, Facts
from orchestration.status.judging import judge
from orchestration.status.reading import read_facts
from orchestration.sync.column_states import states_of
from orchestration.sync.objects import BY_TABLE

# On a first day the check comes before the user list. The status does not judge that nobody is licensed, and it ends in our own table: the
# alert is not to stay until the next check.
_NOBODY = ("nobody_licensed",)
_MOST_NAMED = 5


def observe(
    database: Database,
    expected: Expectations,
    ask_dagster: Callable[[], DagsterFacts | None],
    has_failed_runs: Callable[[], bool],
) -> list[Sighting]:
    """Everything that a person should know of.

    `ask_dagster` is a few dozen queries; it is called where something is not well, or `has_failed_runs` says that a run failed of late.
    What was not well is asked about until it is. Raises SetupError where the database is not at this installation's version.
    """
    facts = read_facts(database, expected, for_alerts=True)
    if needs_dagster(judge(facts)) or _is_about_runs(database) or has_failed_runs():
        facts = read_facts(database, expected, ask_dagster(), for_alerts=True)
    return [*sightings(judge(facts)), *_not_judged(database, facts)]


def _is_about_runs(database: Database) -> bool:
    """Whether an incident of failed runs is open: however long ago they failed, it ends when they succeed."""
    with database.transaction() as connection:
        return any(each.subject.startswith("runs.") for each in open_incidents(connection))


def _not_judged(database: Database, facts: Facts) -> Iterator[Sighting]:
    held = facts.connection
    with database.transaction() as connection:
        yield from _setup(connection)
        if held is not None and held.state != "disconnected":
            for table in facts.expected.tables:
                yield from _columns(connection, table)


def _setup(connection: Connection) -> Iterator[Sighting]:
    titles = {item.key: item.title for item in ITEMS}
    rows = connection.execute(
        "select item, outcome, since, findings from fluint_sync.setup where outcome = any (%s) order by item",
        [[outcome.value for outcome in DRIFT]],
    ).fetchall()
    for item, outcome, since, findings in rows:
        if item in titles and _is_so(connection, told(findings)):
            yield Sighting(
                f"setup.{item}",
                Outcome(outcome).name.lower(),
                f"The set-up in Salesforce or here is not as it has to be: {titles[item]} ({outcome}, seen since"
                f" {since:%Y-%m-%d %H:%M} UTC). `fluint check` says what is wrong, what people notice, who mends it and where.",
            )


def _is_so(connection: Connection, codes: Sequence[str]) -> bool:
    """Whether something of what the last check found and people are told is so now, as far as our own tables say."""
    if tuple(codes) != _NOBODY:
        return bool(codes)
    row = connection.execute("select exists (select from fluint_app.app_user where is_licensed)").fetchone()
    return row is not None and not row[0]


def _columns(connection: Connection, table: str) -> Iterator[Sighting]:
    """Fields that were read and are not any more: hidden, removed, of another type."""
    lost = [state for state in states_of(connection, table) if state.is_wrong and state.cause is not None]
    if lost:
        name = BY_TABLE[table].name
        more = f" And {len(lost) - _MOST_NAMED} more." if len(lost) > _MOST_NAMED else ""
        texts = " ".join(state.text(name) for state in lost[:_MOST_NAMED])
        yield Sighting(f"columns.{table}", "not_read", f"Fields are no longer read. {texts}{more}")
