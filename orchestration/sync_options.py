"""Settings turned into the numbers, objects and fields of the sync. No I/O but dbt's manifest."""

from __future__ import annotations

from datetime import timedelta

from orchestration.modelling.project import marts_with_extra_fields, read_manifest
from orchestration.settings import Settings
from orchestration.sync.objects import BY_TABLE
from orchestration.sync.options import ExtraField, SyncOptions
from orchestration.sync.wanted import refuse_columns


def sync_options(settings: Settings) -> SyncOptions:
    """The numbers, objects and fields of the sync; SetupError for an object that there is not, or columns that there cannot be."""
    tables = settings.enabled_tables(BY_TABLE)
    extra = {
        table: tuple(ExtraField(path, said.mart_column) for path, said in of.fields.items())
        for table, of in settings.objects.items()
        if of.fields
    }
    refuse_columns(extra, marts_with_extra_fields(read_manifest()))
    return SyncOptions(
        overlap=timedelta(minutes=settings.overlap_minutes),
        bulk_threshold=settings.bulk_threshold,
        tables=tables,
        extra_fields=extra,
    )
