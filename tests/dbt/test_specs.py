"""Our reading of the parsed project against dagster-dbt's own, which is right by definition and slow to import."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, dbt_assets

from orchestration.errors import BugError
from orchestration.modelling import prepare
from orchestration.modelling.project import read_manifest
from orchestration.modelling.specs import UNIQUE_ID, asset_specs, check_specs

SAME = ("description", "skippable", "code_version")


@pytest.fixture(scope="module")
def theirs() -> dg.AssetsDefinition:
    """The models as dagster-dbt reads them."""
    prepare()
    translator = DagsterDbtTranslator(DagsterDbtTranslatorSettings(enable_source_tests_as_checks=True))

    @dbt_assets(manifest=read_manifest(), dagster_dbt_translator=translator)
    def models(context: dg.AssetExecutionContext) -> Iterator[Any]:
        yield from ()

    return models


def test_every_asset_is_what_dagster_dbt_makes_of_the_model(theirs: dg.AssetsDefinition) -> None:
    """A dependency missed here would let a mart be built before what it reads, and dbt in a step would look up another node."""
    ours = {spec.key: spec for spec in asset_specs(read_manifest())}
    assert ours.keys() == theirs.keys
    for expected in theirs.specs:
        spec = ours[expected.key]
        assert {dep.asset_key for dep in spec.deps} == {dep.asset_key for dep in expected.deps}
        assert {name: getattr(spec, name) for name in SAME} == {
            name: getattr(expected, name) for name in SAME
        }
        for name in (UNIQUE_ID, "dagster/column_schema", "dagster/storage_kind"):
            assert spec.metadata.get(name) == expected.metadata.get(name)
        assert spec.tags.items() >= expected.tags.items()  # dbt's tags, by which jobs select, and its kinds


def test_every_check_is_what_dagster_dbt_makes_of_the_test(theirs: dg.AssetsDefinition) -> None:
    """A check on another asset than dagster-dbt reports to is never evaluated: a failing test would be grey for ever."""
    ours = {spec.key: spec for spec in check_specs(read_manifest())}
    assert ours.keys() == {spec.key for spec in theirs.check_specs}
    for expected in theirs.check_specs:
        spec = ours[expected.key]
        assert (spec.metadata, spec.blocking) == (expected.metadata, expected.blocking)
        assert {dep.asset_key for dep in spec.additional_deps} == {
            dep.asset_key for dep in expected.additional_deps
        }


def test_a_test_of_two_models_that_names_none_is_refused() -> None:
    """Its failure would be nowhere to be seen."""
    manifest = read_manifest()
    node = next(
        node
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and len(node["depends_on"]["nodes"]) > 1
    )
    node["config"]["meta"] = {}
    with pytest.raises(BugError, match=node["name"]):
        check_specs(manifest)
