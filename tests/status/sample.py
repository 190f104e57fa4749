"""A sync in good order, as facts; a test changes what it is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestration.postgres.connection_ledger import ConnectionFacts
from orchestration.status.facts import (
    Automation,
    Calls,
    DagsterFacts,
    Expectations,
    Facts,
    JobRuns,
    Missing,
    ObjectFacts,
    Uploads,
)
from orchestration.status.judgement import Judgement
from orchestration.status.judging import judge

NOW = datetime(2026, 5, 5, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TEXT = "Contact.LastName is hidden."


def ago(minutes: float) -> datetime:
    """So many minutes before now."""
    return NOW - minutes * MINUTE


def connection(**changes: Any) -> ConnectionFacts:
    """A connection that works."""
    made = ConnectionFacts(
        "00D000000000001AAA",
        "005000000000001AAA",
        "https://acme.example",
        "https://acme.example",
        "sandbox",
        "connected",
        None,
        ago(5000),
        ago(60),
        has_refresh_token=True,
    )
    return replace(made, **changes)


def deals(minutes: float = 1, **changes: Any) -> ObjectFacts:
    """The deals, read up to so many minutes ago."""
    at = ago(minutes)
    made = ObjectFacts(
        "opportunity", MINUTE, cursor=at, moved_at=at, data_as_of=at, rows=10, parents=3, parents_covered=3
    )
    return replace(made, **changes)


def sensor(**changes: Any) -> Automation:
    """The sensor that looks for changes, on and looking."""
    made = Automation(
        "salesforce_changes_sensor", "sensor", "changes", MINUTE, True, "SKIPPED", ago(0.5), ago(-0.5)
    )
    return replace(made, **changes)


def dagster(*jobs: JobRuns, looks: Automation | None = None, **changes: Any) -> DagsterFacts:
    """An instance with a living daemon, the sensor and these jobs."""
    made = DagsterFacts(ago(0.2), (looks or sensor(),), jobs)
    return replace(made, **changes)


def run(role: Any = "changes", **changes: Any) -> JobRuns:
    """The runs of a job, the last of which ended well."""
    made = JobRuns(f"{role}_job", role, "run-1", "SUCCESS", ago(31), ago(30))
    return replace(made, **changes)


def failed(role: Any = "changes", failures: int = 1, minutes: float = 10) -> JobRuns:
    """The runs of a job that fails since so many minutes ago."""
    return run(
        role,
        status="FAILURE",
        failures=failures,
        failing_since=ago(minutes),
        ended_at=ago(minutes),
        error=TEXT,
    )


def facts(**changes: Any) -> Facts:
    """All in good order but for the changes."""
    made = Facts(
        NOW,
        Expectations(MINUTE, 0.8, ("opportunity",)),
        connection(),
        (deals(),),
        Missing(owners_in_scope=3),
        calls=Calls({"keys": 40, "fetch": 2}, 100, 15_000, ago(1)),
        uploads=Uploads(uploaded=4),
        dagster=dagster(run()),
    )
    return replace(made, **changes)


def judged(given: Facts, subject: str) -> list[Judgement]:
    """The judgements of one part."""
    return [
        each for each in judge(given) if each.subject == subject or each.subject.startswith(f"{subject}.")
    ]


def outcomes(judgements: Sequence[Judgement]) -> list[tuple[str, str]]:
    """(level, cause) of each."""
    return [(each.level.value, each.cause) for each in judgements]
