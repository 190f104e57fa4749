"""The raw tables of Salesforce as assets: one per object, the same asset in both of its modes.

A run without a partition follows changes or lists what lacks coverage (tag `fluint/mode`); a run with a range of months
reads those months again. What is read, and in which order, is decided in `orchestration.sync`, not here.
"""

from collections.abc import Iterator, Sequence

import dagster as dg

from orchestration.assets.modes import Mode, keys_were_read, mode_of
from orchestration.assets.months import FIRST_MONTH, MONTHS, created_range, report_covered_months
from orchestration.assets.reports import COLUMNS, IS_CURRENT, TRIED_AGAIN, events, raw_key, told_as_failure
from orchestration.modelling import Dbt
from orchestration.postgres.connection import Database
from orchestration.postgres.locks import views_lock
from orchestration.salesforce.client import Salesforce
from orchestration.sync.coverage import covered_months
from orchestration.sync.objects import BY_TABLE, Need, SObject, field
from orchestration.sync.options import Collaborators, ExtraField, ObjectReport, SyncOptions
from orchestration.sync.run import list_missing, reread, reread_columns, sync_changes

GROUP = "salesforce"
# Bounds how many steps of any kind call Salesforce at once; the limit is in dagster.yaml.
POOL = "salesforce"
_OF_MONTHS = (
    f"\n\nPartitions are months of the deal's CreatedDate (UTC), named by their first day; {FIRST_MONTH} holds everything before, too."
    " A green month is held for every licensed owner; backfilling one reads it again."
)
_MEANINGS = {
    Need.REQUIRED: "",
    Need.SPECIAL: "; left out where the integration user may not see it",
    Need.OURS: "; left out where the integration user may not see it",
    Need.EXTRA: "; fluint.yaml names it",
}
Events = Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]


def salesforce_asset(options: SyncOptions) -> dg.AssetsDefinition:
    """The assets of the raw tables that `options` names, made by one step.

    One step, because one keys phase and one order serve all objects, and because an object that fails must not stop the
    others: a failed step would. Deals and what belongs to them are partitioned and have no edge among themselves, because
    an edge between two of them would stop every run that has no partition.
    """
    sobjects = [BY_TABLE[table] for table in options.tables]
    whole = [raw_key(sobject.table_name) for sobject in sobjects if sobject.is_whole]

    @dg.multi_asset(
        name="salesforce",
        specs=[
            _spec(s, options, () if s.is_whole else whole, None if s.is_whole else MONTHS) for s in sobjects
        ],
        check_specs=[check for s in sobjects for check in (_is_current(s), _columns(s))],
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=POOL,
        retry_policy=TRIED_AGAIN,
    )
    def salesforce(
        context: dg.AssetExecutionContext,
        database: dg.ResourceParam[Database],
        salesforce: dg.ResourceParam[Salesforce],
        dbt: dg.ResourceParam[Dbt],
    ) -> Events:
        """Reads the selected objects in the order in which they depend on each other."""
        sync = Collaborators(database, salesforce, context.run.run_id, options)
        # Entitlement is read from views, which `fluint upgrade` must not take away meanwhile.
        with told_as_failure(), views_lock(database, shared=True):
            dbt.check_deployed_views()
            yield from _read(context, sync)

    return salesforce


def _read(context: dg.AssetExecutionContext, sync: Collaborators) -> Events:
    """Reads by months if the run has some, else by its mode."""
    tables = _selected(context)
    if context.has_partition_key or context.has_partition_key_range:
        start, end = created_range(context.partition_time_window)
        return events(lambda: reread(sync, tables, start, end), "months", of_months=True)
    mode = mode_of(context.run.tags)
    if mode is Mode.HISTORY:
        return events(lambda: _list_missing(context.instance, sync, tables), mode.value, of_months=False)
    if mode is Mode.COLUMNS:
        return events(lambda: reread_columns(sync, tables), mode.value, of_months=False)
    keys_done = keys_were_read(context.run.tags)
    return events(lambda: sync_changes(sync, tables, keys_done=keys_done), mode.value, of_months=False)


def _list_missing(
    instance: dg.DagsterInstance, sync: Collaborators, tables: Sequence[str]
) -> list[ObjectReport]:
    """Lists what is missing, and shows what became covered on the partition bar."""
    reports = list_missing(sync, tables)
    by_month = [table for table in tables if not BY_TABLE[table].is_whole]
    report_covered_months(instance, by_month, covered_months(sync.database, FIRST_MONTH))
    return reports


def _selected(context: dg.AssetExecutionContext) -> list[str]:
    selected = {key.path[-1] for key in context.selected_asset_keys}
    return [table for table in BY_TABLE if table in selected]


def _spec(
    sobject: SObject,
    options: SyncOptions,
    upstream: Sequence[dg.AssetKey],
    months: dg.PartitionsDefinition[str] | None,
) -> dg.AssetSpec:
    return dg.AssetSpec(
        raw_key(sobject.table_name),
        deps=upstream,
        partitions_def=months,
        description=f"{sobject.description}{_OF_MONTHS if months else ''}",
        group_name=GROUP,
        kinds={"salesforce", "postgres"},
        owners=["team:data"],
        skippable=True,
        metadata={
            "sobject": sobject.name,
            "dagster/relation_identifier": f"raw_salesforce.{sobject.table_name}",
            "dagster/column_schema": _schema(sobject, options.extra_fields.get(sobject.table_name, ())),
        },
    )


def _schema(sobject: SObject, extra: Sequence[ExtraField]) -> dg.TableSchema:
    """The columns of the raw table with the fields that fill them; of which type an org's own field is, only its describe tells."""
    columns = [
        dg.TableColumn(
            each.column,
            each.type,
            f"{sobject.name}.{each.path}{_MEANINGS[each.need]}",
            dg.TableColumnConstraints(nullable=each.path != "Id", unique=each.path == "Id"),
        )
        for each in sobject.fields
    ]
    columns += [
        dg.TableColumn(field(each.path).column, "?", f"{sobject.name}.{each.path}{_MEANINGS[Need.EXTRA]}")
        for each in extra
    ]
    return dg.TableSchema(columns)


def _is_current(sobject: SObject) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        IS_CURRENT,
        asset=raw_key(sobject.table_name),
        description="The last run read all that it set out to read. A warning: the API allowance deferred the rest.",
    )


def _columns(sobject: SObject) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        COLUMNS,
        asset=raw_key(sobject.table_name),
        description="Every wanted field is visible and of the type that its column has, and every row's value was read. A warning names"
        " the permission that is missing. Changes of the org's fields within a week are in the metadata.",
    )
