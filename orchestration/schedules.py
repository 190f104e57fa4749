"""Schedules: what happens at its times (UTC), whatever changed. What follows changes is a sensor."""

from __future__ import annotations

import dagster as dg

from orchestration.assets.months import months_until
from orchestration.jobs import (
    BACKFILL_SALESFORCE,
    CHECK_DOCUMENTS,
    CHECK_MODELS,
    CHECK_SETUP,
    CHECK_STATUS,
    PRUNE_LEDGERS,
    RECONCILE_SALESFORCE,
    REREAD_COLUMNS,
    SNAPSHOT_DEALS,
)

# Deals change most in their first weeks: what a fault of ours or of Salesforce's left out of them is healed within a day.
REREAD_MONTHS = 2


@dg.schedule(
    name="reread_recent_months_schedule",
    job_name=BACKFILL_SALESFORCE,
    cron_schedule="30 3 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Reads the deals of the last two months again, with their contacts and mail, as partitions.",
)
def reread_recent_months_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """One run over the range; what is right already is not written again."""
    return dg.RunRequest(tags=months_until(context.scheduled_execution_time, REREAD_MONTHS))


# Job, cron (UTC) and what for: the snapshot shortly before midnight, so that it holds the day; the comparison with Salesforce
# before everything is tested; the set-up before people begin to work.
_REGULAR = (
    (SNAPSHOT_DEALS, "50 23 * * *", "Keeps the day's last state of every deal."),
    (
        RECONCILE_SALESFORCE,
        "30 1 * * *",
        "Compares what is held with Salesforce's own counts, before everything is tested.",
    ),
    (CHECK_MODELS, "30 2 * * *", "Runs every test of the models and Great Expectations."),
    (
        REREAD_COLUMNS,
        "0 4 * * *",
        "Reads fields again whose values change without a stamp: calculated ones and those of parents.",
    ),
    (
        CHECK_DOCUMENTS,
        "30 4 * * *",
        "Looks in Salesforce for documents that are there twice, were deleted, or that people do not see.",
    ),
    (PRUNE_LEDGERS, "15 5 * * *", "Removes runs and rows that are older than they are kept."),
    (CHECK_SETUP, "0 5 * * *", "Tests how Salesforce is set up, before people begin to work."),
    # Cheap: it reads the ledgers alone. Data is old after a quarter of an hour at the earliest.
    (CHECK_STATUS, "*/10 * * * *", "Says how the sync stands, so that what stands still turns red."),
)


def schedules() -> list[dg.ScheduleDefinition]:
    """The re-read of recent months and everything that a job does at its times."""
    return [reread_recent_months_schedule, *(_regular(*each) for each in _REGULAR)]


def _regular(job: str, cron: str, what_for: str) -> dg.ScheduleDefinition:
    return dg.ScheduleDefinition(
        name=f"{job.removesuffix('_job')}_schedule",
        job_name=job,
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=what_for,
    )
