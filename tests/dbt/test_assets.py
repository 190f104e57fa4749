"""The models in Dagster: named as in Postgres, built in a step, tests as checks; the same by both ways of running dbt."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import dagster as dg
import pytest

from orchestration.modelling import Dbt, prepare
from orchestration.modelling.assets import build_assets
from orchestration.modelling.project import read_manifest
from orchestration.modelling.specs import asset_specs, check_specs
from tests.dbt.test_builds import a_book
from tests.dbt.workspace import Workspace

# dagster-dbt's own call; it asks for what Dagster has renamed.
pytestmark = pytest.mark.filterwarnings("ignore:AssetExecutionContext.op is deprecated:DeprecationWarning")

# What a sync checks: on the rows that it changed only.
INTERVAL_CHECKS = {
    "assert_every_changed_deal_has_an_owner",
    "assert_every_changed_email_has_its_deal",
    "assert_won_deals_are_closed",
}


@pytest.fixture(scope="module")
def models() -> dg.AssetsDefinition:
    """The project's models as one Dagster definition."""
    prepare()
    manifest = read_manifest()

    @dg.multi_asset(specs=asset_specs(manifest), check_specs=check_specs(manifest), can_subset=True)
    def fluint_models(context: dg.AssetExecutionContext, dbt: dg.ResourceParam[Dbt]) -> Iterator[Any]:
        yield from build_assets(dbt, context)

    return fluint_models


def test_every_model_has_the_name_of_its_relation(models: dg.AssetsDefinition) -> None:
    """A person goes from the graph to psql and back; two names for one table would cost that."""
    nodes = [node for node in read_manifest()["nodes"].values() if node["resource_type"] == "model"]
    assert {tuple(key.path) for key in models.keys} == {(node["schema"], node["name"]) for node in nodes}
    deals = models.get_asset_spec(dg.AssetKey(["fluint", "deals"]))
    assert deals.group_name == "marts"
    assert dg.AssetKey(["fluint", "owners"]) in {
        dep.asset_key
        for dep in models.get_asset_spec(dg.AssetKey(["fluint_intermediate", "int_deals_changed_keys"])).deps
    }
    opportunities = models.get_asset_spec(dg.AssetKey(["fluint_staging", "stg_salesforce__opportunities"]))
    assert [dep.asset_key for dep in opportunities.deps] == [dg.AssetKey(["raw_salesforce", "opportunity"])]


def test_every_data_test_is_a_check_of_one_asset(models: dg.AssetsDefinition) -> None:
    """A data test that reads two models is no check unless it names one; its failure would be nowhere to be seen."""
    tests = {node["name"] for node in read_manifest()["nodes"].values() if node["resource_type"] == "test"}
    assert {spec.name for spec in models.check_specs} == tests


@pytest.mark.parametrize(
    "in_process",
    [pytest.param(True, id="in process"), pytest.param(False, id="by command", marks=pytest.mark.slow)],
)
def test_a_step_builds_what_it_selects_and_reports_each_model_and_check(
    workspace: Workspace, models: dg.AssetsDefinition, in_process: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    """Dagster knows only what the step yields; and one failing model must not hide those that were built."""
    with workspace.writing() as rows:
        a_book(rows)
    first = _materialize(models, replace(workspace.dbt, in_process=in_process))
    assert first.success
    built = _materialized(first)
    assert {("fluint", "deals"), ("fluint", "contacts")} <= built
    # Views tie marts to raw tables in the graph; a sync that rebuilt them would take them from whoever reads them.
    assert not [name for schema, name in built if schema in ("fluint_staging", "fluint_entitlement")]
    assert {check.check_name for check in first.get_asset_check_evaluations()} == INTERVAL_CHECKS
    with workspace.writing() as rows:
        rows.deal("006A", name="Secret plan", created_date=None)
        rows.raw("contact", "003A", title="CFO")
    second = _materialize(models, replace(workspace.dbt, in_process=in_process))
    assert not second.success
    assert _materialized(second) == built - {("fluint", "deals")}
    told = str(second.all_events) + "".join(capfd.readouterr())
    assert "deals" in told
    assert "Secret plan" not in told  # Dagster keeps what it is told, and nobody can edit it


def _materialize(models: dg.AssetsDefinition, dbt: Dbt) -> dg.ExecuteInProcessResult:
    checks = [spec.key for spec in models.check_specs if spec.name in INTERVAL_CHECKS]
    tables = dg.AssetSelection.tag("interval", "")
    with dg.DagsterInstance.ephemeral() as instance:
        return dg.materialize(
            [models],
            selection=(tables | tables.upstream()).without_checks() | dg.AssetSelection.checks(*checks),
            resources={"dbt": dbt},
            raise_on_error=False,
            instance=instance,
        )


def _materialized(result: dg.ExecuteInProcessResult) -> set[tuple[str, ...]]:
    return {
        tuple(event.asset_key.path) for event in result.get_asset_materialization_events() if event.asset_key
    }
