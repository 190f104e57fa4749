"""Schedules: what happens at a time of day (UTC), whatever changed. What follows changes is a sensor."""

from __future__ import annotations

import dagster as dg

from orchestration.jobs import CHECK_MODELS, SNAPSHOT_DEALS


def schedules() -> list[dg.ScheduleDefinition]:
    """The daily snapshot shortly before midnight, so that it holds the day; all tests in the night after it."""
    return [
        dg.ScheduleDefinition(
            name="deal_daily_snapshot_schedule",
            job_name=SNAPSHOT_DEALS,
            cron_schedule="50 23 * * *",
            execution_timezone="UTC",
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="Keeps the day's last state of every deal.",
        ),
        dg.ScheduleDefinition(
            name="check_models_schedule",
            job_name=CHECK_MODELS,
            cron_schedule="30 2 * * *",
            execution_timezone="UTC",
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="Runs every test of the models and Great Expectations.",
        ),
    ]
