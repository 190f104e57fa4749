"""dbt's models as Dagster assets: their names, and the events of a build. The only module of the room that imports dagster-dbt.

Which job builds what, and the lock around it, belong to the Dagster layer.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtCliResource, DbtProject
from dagster_dbt.asset_utils import get_updated_cli_invocation_params_for_context
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

from orchestration.errors import FluintError
from orchestration.modelling import project
from orchestration.modelling.dbt import BUILD, Dbt, checked

# dagster-dbt's own choice of what becomes a Dagster event.
_RESULTS = ("LogModelResult", "LogTestResult")


def is_view(node: Mapping[str, Any]) -> bool:
    """Whether a node of the manifest is a model that Postgres holds as a view."""
    return bool(node["resource_type"] == "model" and node["config"]["materialized"] != "incremental")


class FluintTranslator(DagsterDbtTranslator):
    """Names models as they are named in Postgres, and groups them by layer."""

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        """The asset of one model, or source: key = schema and table, group = layer."""
        spec: dg.AssetSpec = super().get_asset_spec(manifest, unique_id, project)
        model = manifest["nodes"].get(unique_id)
        if model is None:
            return spec
        view = is_view(model)
        with warnings.catch_warnings():
            # Virtual: always as fresh as what it reads. Dagster says that it may still change what it means by that.
            warnings.simplefilter("ignore", dg.PreviewWarning)
            return spec.replace_attributes(
                group_name=model["fqn"][1],
                kinds={"dbt", "postgres", "view" if view else "table"},
                owners=["team:data"],
                is_virtual=view,
            )


def translator() -> DagsterDbtTranslator:
    """The translator, with data tests of models and sources as asset checks."""
    return FluintTranslator(DagsterDbtTranslatorSettings(enable_source_tests_as_checks=True))


def report_views(instance: dg.DagsterInstance, manifest: Mapping[str, Any]) -> None:
    """Says in Dagster that the views are there: no run builds them, and they would look as if nobody ever had."""
    for node in manifest["nodes"].values():
        key = dg.AssetKey([node["schema"], node["name"]])
        if is_view(node) and instance.get_latest_materialization_event(key) is None:
            deployed = "Deployed by `fluint upgrade`; it shows what its inputs hold now."
            instance.report_runless_asset_event(dg.AssetMaterialization(key, description=deployed))


def dbt_project(directory: Path = project.DIRECTORY) -> DbtProject:
    """The project as dagster-dbt knows it."""
    return DbtProject(project_dir=directory, profiles_dir=directory)


def build_assets(dbt: Dbt, context: dg.AssetExecutionContext) -> Iterator[Any]:
    """Builds and tests what the step selected, and yields what became of each model and test as Dagster events.

    Raises dg.Failure, after the events of what succeeded, with a text that names the models or tests that failed.
    """
    return (_in_process if dbt.in_process else _by_command)(dbt, context)


def _in_process(dbt: Dbt, context: dg.AssetExecutionContext) -> Iterator[Any]:
    from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]

    manifest = project.read_manifest(dbt.directory)
    chosen = get_updated_cli_invocation_params_for_context(context, manifest, translator())
    messages: list[dict[str, Any]] = []

    def remember(message: Any) -> None:
        if message.info.name in _RESULTS:
            messages.append(MessageToDict(message, preserving_proto_field_name=True))

    selection = _without_views(chosen.selection_args, manifest)
    if selection == ["--select"]:
        return
    result = dbt.invoke(
        [*BUILD, *selection],
        callbacks=[remember],
        indirect_selection=chosen.indirect_selection,
    )
    for message in messages:
        yield from DbtCoreCliEventMessage(
            raw_event=message, event_history_metadata={}
        ).to_default_asset_events(
            manifest=chosen.manifest,
            dagster_dbt_translator=chosen.dagster_dbt_translator,
            context=context,
            project=chosen.dbt_project,
        )
    try:
        checked(result)
    except FluintError as error:
        raise dg.Failure(str(error)) from None


def _without_views(selection: Sequence[str], manifest: Mapping[str, Any]) -> list[str]:
    """Views are in a step's selection because they tie the marts to the raw tables; only `fluint upgrade` builds them."""
    views = {".".join(node["fqn"]) for node in manifest["nodes"].values() if is_view(node)}
    words = " ".join(selection).replace("fqn:*", "config.materialized:incremental").split()
    return [word for word in words if word not in views]


def _by_command(dbt: Dbt, context: dg.AssetExecutionContext) -> Iterator[Any]:
    """The same through dagster-dbt's public interface, in a process of its own, for the day when the other way breaks."""
    executable = str(Path(sys.executable).with_name("dbt"))
    with dbt.environment(), tempfile.TemporaryDirectory() as target:
        cli = DbtCliResource(project_dir=dbt_project(dbt.directory), dbt_executable=executable)
        invocation = cli.cli(BUILD, context=context, raise_on_error=False, target_path=Path(target))
        yield from invocation.stream()
        if not invocation.is_successful():
            raise dg.Failure("`dbt build` ended without success; the step's log has its output.")
