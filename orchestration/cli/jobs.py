"""Launches a Dagster job from a command and says how it went. Which job, and what it does, is the Dagster layer's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestration.cli.workspace import Workspace
from orchestration.errors import SetupError
from orchestration.settings import export

if TYPE_CHECKING:
    import dagster as dg

_STATEMENT_TIMEOUT = 600_000  # milliseconds
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class JobOutcome:
    """How one run ended; `text` says why it failed."""

    run_id: str
    success: bool
    text: str


def run_job(
    workspace: Workspace,
    name: str,
    *,
    tags: Mapping[str, str] | None = None,
    tables: Sequence[str] | None = None,
) -> JobOutcome:
    """Runs a job in this process to its end, recorded in the workspace's Dagster instance like any other run.

    With `tables`, only these raw tables of it. It needs no daemon. Raises SetupError when Dagster's own database is not set.
    """
    from orchestration.assets.reports import raw_key
    from orchestration.jobs import why_failed

    with dagster_instance(workspace) as instance:
        job = workspace.definitions.resolve_job_def(name)
        result = job.execute_in_process(
            instance=instance,
            tags=dict(tags or {}),
            raise_on_error=False,
            run_config=_QUIET,
            asset_selection=[raw_key(table) for table in tables] if tables else None,
        )
    return JobOutcome(result.run_id, result.success, "" if result.success else why_failed(result))


@contextmanager
def dagster_instance(workspace: Workspace) -> Iterator[dg.DagsterInstance]:
    """The workspace's Dagster instance, whose tables it makes where they are missing; SetupError when its database is not set."""
    workspace.settings.require("dagster_database_url")
    export(workspace.settings)
    import dagster as dg

    with dg.DagsterInstance.get() as instance:
        # Otherwise every event is written on a connection of its own: 9 of the demo's 46 s went into connecting.
        instance.optimize_for_webserver(_STATEMENT_TIMEOUT, pool_recycle=3600, max_overflow=20)
        yield instance


def insist(outcome: JobOutcome) -> JobOutcome:
    """Raises SetupError with the run's own text when it did not end well."""
    if not outcome.success:
        raise SetupError(f"Run {outcome.run_id} failed. {outcome.text}")
    return outcome
