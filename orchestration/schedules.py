"""Schedules: what happens at a time of day (UTC), whatever changed. What follows changes is a sensor."""

from __future__ import annotations

import dagster as dg

from orchestration.assets.months import months_until
from orchestration.jobs import (
    BACKFILL_SALESFORCE,
    CHECK_DOCUMENTS,
    CHECK_MODELS,
    CHECK_SETUP,
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


def schedules() -> list[dg.ScheduleDefinition]:
    """The daily snapshot shortly before midnight, so that it holds the day; all tests, the re-read and the set-up in the night after it."""
    return [
        reread_recent_months_schedule,
        dg.ScheduleDefinition(
            name="reread_columns_schedule",
            job_name=REREAD_COLUMNS,
            cron_schedule="30 4 * * *",
            execution_timezone="UTC",
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="Reads fields again whose values change without a stamp: calculated ones and those of parents.",
        ),
        dg.ScheduleDefinition(
            name="deal_daily_snapshot_schedule",
            job_name=SNAPSHOT_DEALS,
            cron_schedule="50 23 * * *",
            execution_timezone="UTC",
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="Keeps the day's last state of every deal.",
        ),
        dg.ScheduleDefinition(
            name="check_documents_schedule",
            job_name=CHECK_DOCUMENTS,
            cron_schedule="30 4 * * *",
            execution_timezone="UTC",
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="Looks in Salesforce for documents that are there twice, were deleted, or that people do not see.",
        ),
        dg.ScheduleDefinition(
            name="reconcile_salesforce_schedule",
            job_name=RECONCILE_SALESFORCE,
            cron_schedule="30 1 * * *",
            execution_timezone="UTC",
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="Compares what is held with Salesforce's own counts, before everything is tested.",
        ),
        dg.ScheduleDefinition(
            name="check_models_schedule",
            job_name=CHECK_MODELS,
            cron_schedule="30 2 * * *",
            execution_timezone="UTC",
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="Runs every test of the models and Great Expectations.",
        ),
        dg.ScheduleDefinition(
            name="check_setup_schedule",
            job_name=CHECK_SETUP,
            cron_schedule="0 5 * * *",
            execution_timezone="UTC",
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="Tests how Salesforce is set up, before people begin to work.",
        ),
    ]
