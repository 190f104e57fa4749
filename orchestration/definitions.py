"""The code location: settings turned into resources, and the parts of the Dagster layer put together. No I/O, no logic.

`build_definitions` makes a fresh set, with substitutes where a test wants them; `defs` is what Dagster loads.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import dagster as dg

from orchestration import jobs
from orchestration.assets.documents import uploaded_documents
from orchestration.assets.models import data_tests, models_asset
from orchestration.assets.reconciling import completeness_asset
from orchestration.assets.retention import retention
from orchestration.assets.salesforce import salesforce_asset
from orchestration.assets.setup import setup_asset
from orchestration.assets.status import status_asset
from orchestration.checks.coverage import every_month_is_covered
from orchestration.checks.documents import (
    every_version_is_in_salesforce_once,
    every_version_is_in_salesforce_or_has_a_reason,
)
from orchestration.checks.expectations import plausibility
from orchestration.modelling.project import read_manifest
from orchestration.modelling.specs import source_specs
from orchestration.resources.from_settings import resources
from orchestration.schedules import schedules
from orchestration.sensors import sensors
from orchestration.settings import Settings, load_settings
from orchestration.setup.seen import Numbers
from orchestration.status.facts import Expectations
from orchestration.sync_options import sync_options


def build_definitions(settings: Settings, overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """The whole code location for these settings; `overrides` replaces resources by name.

    Secrets are named, not read: a process needs `settings.variables()` as its environment when it runs something.
    """
    options, manifest = sync_options(settings), read_manifest()
    models = models_asset(manifest)
    all_jobs = jobs.all_jobs(
        options.tables, data_tests(models, manifest, "interval"), data_tests(models, manifest)
    )
    expected = Expectations(
        timedelta(seconds=settings.interval_seconds), settings.quota_share, options.tables
    )
    all_sensors = sensors(expected, options, all_jobs)
    made = [
        salesforce_asset(options),
        completeness_asset(options),
        models,
        uploaded_documents,
        retention,
        setup_asset(options.tables, Numbers(settings.interval_seconds, settings.quota_share)),
        status_asset(expected, all_sensors),
    ]
    base = dg.Definitions(
        assets=[*made, *source_specs(manifest, {key for assets in made for key in assets.keys})],
        asset_checks=[
            every_month_is_covered,
            every_version_is_in_salesforce_once,
            every_version_is_in_salesforce_or_has_a_reason,
            plausibility(settings.data_docs),
        ],
        jobs=all_jobs,
        schedules=schedules(),
        sensors=all_sensors,
        resources=resources(settings) | dict(overrides or {}),
        executor=dg.in_process_executor,
    )
    return dg.Definitions.merge(base, dg.Definitions(jobs=[jobs.sync_now_job(base.resolve_job_def)]))


defs = build_definitions(load_settings())
