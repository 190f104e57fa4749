"""Commands that run the sync."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated

import typer

from orchestration.cli.console import console, done, working
from orchestration.cli.jobs import insist, run_job
from orchestration.cli.status import objects_table, read_ledger
from orchestration.cli.workspace import Workspace
from orchestration.errors import SetupError

_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


def sync() -> None:
    """Read what changed, list what is missing, and model both: Dagster runs, recorded in the workspace's instance."""
    from orchestration.jobs import LIST_MISSING, SYNC_SALESFORCE
    from orchestration.sync.coverage import missing_parents
    from orchestration.sync.objects import BY_TABLE

    workspace = Workspace.here()
    _launch(workspace, SYNC_SALESFORCE, {}, "Following what changed, and modelling it")
    if missing_parents(workspace.database, workspace.settings.enabled_tables(BY_TABLE)).count:
        _launch(workspace, LIST_MISSING, {}, "Listing what is missing, and modelling it")
    console.print(objects_table(read_ledger(workspace)))


def backfill(
    from_month: Annotated[str, typer.Option("--from", help="First month of CreatedDate, YYYY-MM (UTC).")],
    to_month: Annotated[str, typer.Option("--to", help="Last month, included.")],
) -> None:
    """Read the deals of a range of months again, with their contacts and mail, and model them: one Dagster run."""
    from orchestration.assets.months import FIRST_MONTH, months_range
    from orchestration.jobs import BACKFILL_SALESFORCE

    first, last = _month(from_month), _month(to_month)
    if last < first:
        raise SetupError(f"The range ends ({to_month}) before it begins ({from_month}). Nothing was started.")
    if first > (today := datetime.now(UTC).date()):
        raise SetupError(f"{from_month} lies ahead: no deal was created in it. Nothing was started.")
    # Deals that are older than the first partition belong to it.
    tags = months_range(max(first, FIRST_MONTH), min(last, today))
    workspace = Workspace.here()
    _launch(
        workspace, BACKFILL_SALESFORCE, tags, f"Reading deals created from {from_month} to {to_month} again"
    )


def _month(text: str) -> date:
    """The first day of a month as it is written; SetupError for what is none."""
    if not _MONTH.fullmatch(text):
        raise SetupError(f"{text} is not a month. Months are written YYYY-MM, for example 2026-01.")
    return date.fromisoformat(f"{text}-01")


def _launch(workspace: Workspace, job: str, tags: dict[str, str], text: str) -> None:
    with working(text):
        outcome = insist(run_job(workspace, job, tags=tags))
    done(f"Run {outcome.run_id} of {job} is complete.")
