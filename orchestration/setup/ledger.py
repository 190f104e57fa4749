"""The last answer of each item, kept so that the next check tells first what changed. SQL only."""

from __future__ import annotations

from orchestration.postgres.connection import Connection
from orchestration.setup.outcome import Outcome
from orchestration.setup.report import Answer, Before, Report


def read_last(connection: Connection) -> dict[str, Before]:
    """Item → its last answer that was not `could not be tested`."""
    rows = connection.execute("select item, outcome, findings, checked_at from fluint_sync.setup").fetchall()
    return {item: Before(Outcome(outcome), tuple(findings), at) for item, outcome, findings, at in rows}


def keep(connection: Connection, report: Report) -> None:
    """Keeps what was answered; an item that could not be tested keeps its last answer, or an hour without Salesforce hid a change."""
    for answer in report.answers:
        if answer.outcome is Outcome.UNTESTED:
            continue
        _keep(connection, answer, report)


def _keep(connection: Connection, answer: Answer, report: Report) -> None:
    connection.execute(
        """
        insert into fluint_sync.setup as held (item, outcome, findings, since, checked_at)
        values (%(item)s, %(outcome)s, %(findings)s, %(at)s, %(at)s)
        on conflict (item) do update
        set outcome = excluded.outcome, findings = excluded.findings, checked_at = excluded.checked_at,
            since = case when held.outcome = excluded.outcome then held.since else excluded.since end
        """,
        {
            "item": answer.item,
            "outcome": answer.outcome.value,
            "findings": list(answer.keys),
            "at": report.checked_at,
        },
    )
