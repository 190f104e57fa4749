"""The code location as Dagster loads it: what is in it, how its parts hang together, and what it does not show."""

from __future__ import annotations

import re
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster._serdes import serialize_value
from pydantic import SecretStr

from orchestration import jobs
from orchestration.assets.modes import MODE_TAG, Mode
from orchestration.assets.reports import raw_key
from orchestration.definitions import build_definitions
from orchestration.errors import SetupError
from orchestration.modelling import prepare
from orchestration.modelling.project import marts_with_extra_fields, read_manifest
from orchestration.settings import PROJECT, FieldSettings, ObjectSettings, Settings
from orchestration.sync.objects import CATALOGUE
from orchestration.sync.options import ExtraField
from orchestration.sync_options import sync_options

MODELLING_JOBS = [
    jobs.SYNC_SALESFORCE,
    jobs.LIST_MISSING,
    jobs.BACKFILL_SALESFORCE,
    jobs.REREAD_COLUMNS,
    jobs.BUILD_MODELS,
    jobs.UPLOAD_DOCUMENTS,
]


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    """The definitions of an installation where nothing was set."""
    prepare()
    return build_definitions(Settings())


def _selected(definitions: dg.Definitions, job: str) -> set[dg.AssetKey]:
    return set(definitions.resolve_job_def(job).asset_layer.selected_asset_keys)


def test_everything_loads_without_a_setting(definitions: dg.Definitions) -> None:
    """A code location that needs secrets to load shows an error page in place of the text that says what is missing."""
    dg.Definitions.validate_loadable(definitions)
    assert definitions.resolve_asset_graph().materializable_asset_keys


def test_a_raw_asset_is_named_and_described_like_its_table(definitions: dg.Definitions) -> None:
    """The way from the graph to psql and back is the name."""
    graph = definitions.resolve_asset_graph()
    nodes = [graph.get(raw_key(sobject.table_name)) for sobject in CATALOGUE]
    assert {node.group_name for node in nodes} == {"salesforce"}
    assert {frozenset(node.kinds) for node in nodes} == {frozenset({"salesforce", "postgres"})}
    assert all(node.description and node.owners for node in nodes)


def test_a_raw_asset_shows_its_columns_and_an_org_s_own_beside_them() -> None:
    """Which field fills which column, and whether a fresh workspace will have it, was to be read in the code alone."""
    own = {"opportunity": ObjectSettings(fields={"MEDDPICC_Score__c": FieldSettings()})}
    graph = build_definitions(Settings(objects=own)).resolve_asset_graph()
    schemas = {
        each.name: graph.get(raw_key(each.table_name)).metadata["dagster/column_schema"] for each in CATALOGUE
    }
    shown = {name: {column.name: column for column in schema.columns} for name, schema in schemas.items()}
    assert {name: [c for c in columns if c != "meddpicc_score_c"] for name, columns in shown.items()} == {
        sobject.name: [field.column for field in sobject.fields] for sobject in CATALOGUE
    }
    assert [name for name, columns in shown.items() if "meddpicc_score_c" in columns] == ["Opportunity"]
    assert shown["Opportunity"]["stage_name"].description == "Opportunity.StageName"
    assert shown["Opportunity"]["id"].constraints.unique


def test_every_table_of_the_graph_is_described_and_every_check_says_what_a_failure_means(
    definitions: dg.Definitions,
) -> None:
    """A bare name in a group called default, or a red check without a word, which a newcomer meets first."""
    graph = definitions.resolve_asset_graph()
    nodes = [graph.get(key) for key in graph.get_all_asset_keys()]
    assert {node.key.to_user_string() for node in nodes if not node.description} == set()
    assert {node.key.to_user_string() for node in nodes if node.group_name == "default"} == set()
    assert {node.key.to_user_string() for node in nodes if not (node.owners and node.kinds)} == set()
    keys = graph.asset_check_keys
    assert {key.to_user_string() for key in keys if not graph.get_check_spec(key).description} == set()


def test_deals_and_what_belongs_to_them_are_partitioned_and_do_not_depend_on_each_other(
    definitions: dg.Definitions,
) -> None:
    """An edge between two of them stops every run that has no partition: the sync of every minute."""
    graph = definitions.resolve_asset_graph()
    whole = {raw_key(s.table_name) for s in CATALOGUE if s.is_whole}
    by_month = {raw_key(s.table_name) for s in CATALOGUE if not s.is_whole}
    assert {key for key in whole | by_month if graph.get(key).is_partitioned} == by_month
    assert {frozenset(graph.get(key).parent_keys) for key in by_month} == {frozenset(whole)}


@pytest.mark.parametrize("job", MODELLING_JOBS)
def test_a_job_selects_every_view_between_what_it_reads_and_the_marts(
    definitions: dg.Definitions, job: str
) -> None:
    """Dagster orders two assets only along selected ones: with a view left out, marts were built before raw rows came."""
    graph = definitions.resolve_asset_graph()
    selected = _selected(definitions, job)
    sources = {key for key in selected if graph.get(key).group_name in ("salesforce", "documents")}
    assert selected - sources
    between = {
        key
        for mart in selected - sources
        for key in graph.get_ancestor_asset_keys(mart)
        if graph.get_ancestor_asset_keys(key) & sources and graph.get(key).is_materializable
    }
    assert between - sources <= selected


@pytest.mark.parametrize(
    "job", [jobs.SYNC_SALESFORCE, jobs.LIST_MISSING, jobs.BACKFILL_SALESFORCE, jobs.REREAD_COLUMNS]
)
def test_the_marts_are_built_after_the_raw_tables_in_one_run(definitions: dg.Definitions, job: str) -> None:
    """The other way round, a change would reach the marts one interval late, and nobody would see why."""
    definition = definitions.resolve_job_def(job)
    upstream = {
        dependency.node
        for node, dependencies in definition.dependencies.items()
        if node.name == "models"
        for definition_ in dependencies.values()
        for dependency in definition_.get_node_dependencies()
    }
    assert upstream == {"salesforce"}


def test_the_jobs_that_ask_salesforce_carry_the_modes_that_the_instance_limits(
    definitions: dg.Definitions,
) -> None:
    """A tag that dagster.yaml does not know limits nothing: two syncs of one mode at once."""
    instance = yaml.safe_load((PROJECT / "dagster.yaml").read_text())
    limits = instance["concurrency"]["runs"]["tag_concurrency_limits"]
    assert {(limit["key"], limit["value"]): limit["limit"] for limit in limits} == {
        (MODE_TAG, mode.value): 1 for mode in Mode
    }
    modes = {job: definitions.resolve_job_def(job).tags[MODE_TAG] for job in MODELLING_JOBS}
    assert modes == {
        jobs.SYNC_SALESFORCE: "changes",
        jobs.REREAD_COLUMNS: "columns",
        jobs.BUILD_MODELS: "changes",
        jobs.LIST_MISSING: "history",
        jobs.BACKFILL_SALESFORCE: "history",
        jobs.UPLOAD_DOCUMENTS: "upload",
    }
    pools = instance["concurrency"]["pools"]
    assert (pools["granularity"], pools["default_limit"]) == ("op", len(Mode)), (
        "a change waits for a backfill"
    )


def test_a_sync_tests_only_what_is_made_for_every_interval(definitions: dg.Definitions) -> None:
    """Tests over whole tables would make each interval as slow as the biggest table."""
    interval, nightly = (
        {key for key in graph.asset_check_keys if key.asset_key.path[0] == "fluint"}
        for graph in (
            definitions.resolve_job_def(job).asset_layer.asset_graph
            for job in (jobs.SYNC_SALESFORCE, jobs.CHECK_MODELS)
        )
    )
    assert interval
    assert interval < nightly
    assert "deals_are_plausible" in {key.name for key in nightly - interval}


def test_sensors_and_schedules_run_without_being_switched_on(definitions: dg.Definitions) -> None:
    """A sync that waits for somebody to find a switch is one that does not run."""
    repository = definitions.get_repository_def()
    sensors = {sensor.name: sensor.default_status for sensor in repository.sensor_defs}
    assert sensors == dict.fromkeys(
        [
            "salesforce_changes_sensor",
            "newly_licensed_owners_sensor",
            "covered_months_sensor",
            "changed_permissions_sensor",
            "pending_documents_sensor",
            "incidents_sensor",
        ],
        dg.DefaultSensorStatus.RUNNING,
    )
    schedules = {schedule.name: schedule.execution_timezone for schedule in repository.schedule_defs}
    nightly = [
        "deal_daily_snapshot_schedule",
        "check_documents_schedule",
        "check_models_schedule",
        "reread_recent_months_schedule",
        "check_setup_schedule",
        "check_status_schedule",
        "reconcile_salesforce_schedule",
        "reread_columns_schedule",
        "prune_ledgers_schedule",
    ]
    assert schedules == dict.fromkeys(nightly, "UTC")
    assert {s.default_status for s in repository.schedule_defs} == {dg.DefaultScheduleStatus.RUNNING}


@pytest.mark.parametrize("table", ["user", "opportunity", "email_message"])
def test_an_object_that_is_switched_off_has_no_asset_and_the_rest_loads(table: str) -> None:
    """It would be red, or skip everything below it, in an org that does not have mail; or nothing would load at all."""
    settings = Settings(objects={table: ObjectSettings(enabled=False)})
    definitions = build_definitions(settings)
    graph = definitions.resolve_asset_graph()
    materializable = {
        key.path[-1] for key in graph.materializable_asset_keys if key.path[0] == "raw_salesforce"
    }
    assert materializable == {s.table_name for s in CATALOGUE} - {table}
    for job in MODELLING_JOBS:
        assert definitions.resolve_job_def(job)


def test_fields_of_fluint_yaml_reach_the_sync_and_a_marts_own_column_is_refused() -> None:
    """A custom field under the name of a contract's column would replace it, for every dashboard that reads it."""
    asked = FieldSettings(mart_column="score")
    settings = Settings(
        objects={"opportunity": ObjectSettings(fields={"Score__c": asked, "LeadSource": FieldSettings()})}
    )
    assert sync_options(settings).extra_fields == {
        "opportunity": (ExtraField("Score__c", "score"), ExtraField("LeadSource"))
    }
    taken = ObjectSettings(fields={"Score__c": FieldSettings(mart_column="amount")})
    with pytest.raises(SetupError, match=r"fluint\.deals has a column amount already"):
        build_definitions(Settings(objects={"opportunity": taken}))
    for table, mart in marts_with_extra_fields(read_manifest()).items():
        assert table in {sobject.table_name for sobject in CATALOGUE}
        assert "_xact_id" not in mart[1]


# Dagster reads its own deprecated property when it describes a schedule.
@pytest.mark.filterwarnings("ignore:Property `ScheduleDefinition.environment_vars`:DeprecationWarning")
def test_secrets_do_not_reach_what_the_dagster_ui_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dagster's UI shows every value of a resource's configuration to whoever opens it."""
    secrets = {
        "database_url": "postgresql://fluint:hunter2@127.0.0.1/fluint",
        "encryption_key": "a-key-that-decrypts",
        "salesforce_client_secret": "a-client-secret",
        "alert_webhook_url": "https://hooks.example/a-secret-path",
        "alert_smtp_password": "a-mail-password",
    }
    for name, value in secrets.items():
        monkeypatch.setenv(f"FLUINT_{name.upper()}", value)
    settings = Settings(
        **{name: SecretStr(value) for name, value in secrets.items()}, salesforce_client_id="shown"
    )
    repository = build_definitions(settings).get_repository_def()
    shown = serialize_value(RepositorySnap.from_def(repository))
    assert "shown" in shown
    assert "FLUINT_DATABASE_URL" in shown
    assert not [value for value in secrets.values() if value in shown]


def test_the_definitions_stay_a_list_of_parts() -> None:
    """Logic in the file that every process imports is logic that no test imports alone."""
    lines = Path(PROJECT / "orchestration" / "definitions.py").read_text().splitlines()
    assert len(lines) < 80


def test_workspace_and_instance_name_what_there_is() -> None:
    """Two files that only Dagster reads; a wrong word in them is found at the first start elsewhere."""
    workspace = yaml.safe_load((PROJECT / "workspace.yaml").read_text())
    assert workspace["load_from"][0]["python_module"]["module_name"] == "orchestration.definitions"
    text = (PROJECT / "dagster.yaml").read_text()
    read = set(re.findall(r"env: (\w+)", text))
    settings = Settings(dagster_database_url=SecretStr("postgresql://d:p@127.0.0.1/d"))
    assert read <= set(settings.variables())
