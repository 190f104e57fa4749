"""The dbt models as assets. What they are is `modelling.specs`; how dbt runs within a step is `modelling.assets`."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from orchestration.assets.reports import TRIED_AGAIN, told_as_failure
from orchestration.modelling import Dbt, specs
from orchestration.postgres.connection import Database
from orchestration.postgres.locks import views_lock


def models_asset(manifest: Mapping[str, Any]) -> dg.AssetsDefinition:
    """All models of the dbt project in one step; a run builds the tables of its selection and tests what it names."""

    @dg.multi_asset(
        name="models",
        specs=specs.asset_specs(manifest),
        check_specs=specs.check_specs(manifest),
        can_subset=True,
        retry_policy=TRIED_AGAIN,
    )
    def models(
        context: dg.AssetExecutionContext, database: dg.ResourceParam[Database], dbt: dg.ResourceParam[Dbt]
    ) -> Iterator[Any]:
        # Two seconds to import, which only a run that builds should take.
        from orchestration.modelling.assets import build_assets

        with told_as_failure(), views_lock(database, shared=True):
            dbt.check_deployed_views()
            yield from build_assets(dbt, context)

    return models


def data_tests(
    models: dg.AssetsDefinition, manifest: Mapping[str, Any], tag: str | None = None
) -> dg.AssetSelection:
    """The dbt tests of the models as checks; only those that carry `tag`, if one is given."""
    chosen = [
        spec.key
        for spec in models.check_specs
        if tag is None or tag in manifest["nodes"][spec.metadata[specs.UNIQUE_ID]]["tags"]
    ]
    return dg.AssetSelection.checks(*chosen)


def report_views(instance: dg.DagsterInstance, manifest: Mapping[str, Any]) -> None:
    """Says in Dagster that the views are there: no run builds them, and they would look as if nobody ever had."""
    for node in manifest["nodes"].values():
        key = specs.asset_key(node)
        if specs.is_view(node) and instance.get_latest_materialization_event(key) is None:
            deployed = "Deployed by `fluint upgrade`; it shows what its inputs hold now."
            instance.report_runless_asset_event(dg.AssetMaterialization(key, description=deployed))
