"""The dbt models as assets. What dbt is asked to do, and how it runs, is `orchestration.modelling`."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from dagster_dbt import dbt_assets

from orchestration.assets.reports import told_as_failure
from orchestration.modelling import Dbt
from orchestration.modelling.assets import build_assets, translator
from orchestration.postgres.connection import Database
from orchestration.postgres.locks import views_lock


def models_asset(manifest: Mapping[str, Any]) -> dg.AssetsDefinition:
    """All models of the dbt project in one step; a run builds the tables of its selection and tests what it names."""

    @dbt_assets(manifest=manifest, dagster_dbt_translator=translator(), name="models")
    def models(
        context: dg.AssetExecutionContext, database: dg.ResourceParam[Database], dbt: dg.ResourceParam[Dbt]
    ) -> Iterator[Any]:
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
        if tag is None or tag in manifest["nodes"][spec.metadata["dagster_dbt/unique_id"]]["tags"]
    ]
    return dg.AssetSelection.checks(*chosen)
