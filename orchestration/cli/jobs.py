"""Launches a Dagster job from a command and says how it went. Which job, and what it does, is the Dagster layer's."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from orchestration.errors import SetupError
from orchestration.settings import Settings, export

if TYPE_CHECKING:
    import dagster as dg

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class JobOutcome:
    """How one run ended; `texts` are the descriptions of its failures, our own on top."""

    run_id: str
    success: bool
    texts: tuple[str, ...]


def run_job(
    settings: Settings, name: str, *, tags: Mapping[str, str] | None = None, run_id: str | None = None
) -> JobOutcome:
    """Runs a job in this process to its end, recorded in the workspace's Dagster instance like any other run.

    It needs no daemon. Raises SetupError when Dagster's own database is not set.
    """
    settings.require("dagster_database_url")
    export(settings)
    import dagster as dg

    from orchestration.definitions import build_definitions

    run_id = run_id or str(uuid4())
    # What a run says goes to the instance. Without a handler here, libraries would make one that prints it a second time.
    logging.getLogger().addHandler(logging.NullHandler())
    job = build_definitions(settings).resolve_job_def(name)
    with dg.DagsterInstance.get() as instance:
        result = job.execute_in_process(
            instance=instance, run_id=run_id, tags=dict(tags or {}), raise_on_error=False, run_config=_QUIET
        )
    return JobOutcome(run_id, result.success, tuple(_failures(result)))


def _failures(result: dg.ExecuteInProcessResult) -> list[str]:
    texts = []
    for event in result.filter_events(lambda event: event.is_step_failure):
        data = event.step_failure_data
        texts.append(
            (data.user_failure_data and data.user_failure_data.description)
            or (data.error and data.error.message)
            or ""
        )
    return texts


def insist(outcome: JobOutcome) -> JobOutcome:
    """Raises SetupError with the run's own texts when it did not end well."""
    if outcome.success:
        return outcome
    text = "\n".join(text.strip() for text in outcome.texts if text) or "It says nothing more."
    raise SetupError(f"Run {outcome.run_id} failed. {text}")
