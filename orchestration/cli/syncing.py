"""Commands that run the sync and say how it stands."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated

import typer

from orchestration.cli.console import console, done, table, working
from orchestration.cli.documents import say_reasons
from orchestration.cli.jobs import insist, run_job
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
    console.print(freshness_table(workspace))


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


def status() -> None:
    """Say how the sync stands: the connection, and per object up to when its data is right."""
    from orchestration.sync.status import read_status

    workspace = Workspace.here()
    seen = read_status(workspace.database)
    console.print(f"Environment: {workspace.settings.environment or 'not said'}")
    console.print(f"Connection: {seen.connection}")
    if warning := _idle(workspace):
        console.print(warning, style="yellow", soft_wrap=True, markup=False)
    console.print(freshness_table(workspace))
    console.print(
        f"Owners in scope: {seen.owners_in_scope}, of them not fully listed: {seen.owners_missing}."
    )
    console.print(f"Deals: {seen.deals} held, {seen.excluded} in Salesforce that stay out.")
    console.print(f"API calls: {seen.calls_today} by this sync in 24 hours; {seen.usage}.")
    console.print(f"Documents: {seen.uploads or 'none'}.")
    say_reasons(workspace)


def _idle(workspace: Workspace) -> str | None:
    """What a person reads before the connection dies because nobody used it."""
    from orchestration.postgres.connection_ledger import connection_facts
    from orchestration.salesforce.renewal import idle_warning

    facts = connection_facts(workspace.database)
    if facts is None or facts.state != "connected" or not facts.has_refresh_token:
        return None
    return idle_warning(facts.refreshed_at, datetime.now(UTC))


def freshness_table(workspace: Workspace) -> object:
    """Per object: rows, what waits, and up to when (UTC) the data is right."""
    from orchestration.sync.status import read_status

    rows = [
        (
            item.table,
            item.rows,
            item.pending,
            f"{item.data_as_of:%Y-%m-%d %H:%M:%S}" if item.data_as_of else "never read",
        )
        for item in read_status(workspace.database).objects
    ]
    return table("raw_salesforce", ["object", "rows", "waiting", "right up to (UTC)"], rows)
