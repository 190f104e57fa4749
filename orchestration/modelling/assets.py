"""A build within a Dagster step: what the step selected, and the events of what became of it. The only module that uses dagster-dbt.

It is imported by the runs that build. Which assets there are is `specs`; which job builds what, and the lock around it, belong to
the Dagster layer.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtCliResource, DbtProject
from dagster_dbt.asset_utils import DBT_DEFAULT_SELECT, get_subset_selection_for_context
from dagster_dbt.core.dbt_cli_event import DbtCliEventMessage, DbtCoreCliEventMessage

from orchestration.errors import FluintError
from orchestration.modelling import project
from orchestration.modelling.dbt import BUILD, Dbt, checked
from orchestration.modelling.specs import is_view

# dagster-dbt's own choice of what becomes a Dagster event.
_RESULTS = ("LogModelResult", "LogTestResult")


# Only what translates a node's id into its key is asked of it here; the assets' other properties are `specs`.
_TRANSLATOR = DagsterDbtTranslator(DagsterDbtTranslatorSettings(enable_source_tests_as_checks=True))


@dataclass(frozen=True)
class _Step:
    """What a Dagster step asks of dbt: models and tests by name, and dbt's choice of indirect selection (None: its own)."""

    context: dg.AssetExecutionContext
    manifest: project.Manifest
    selected: list[str]
    indirect_selection: str | None

    def events(self, message: DbtCliEventMessage) -> Iterator[Any]:
        """The Dagster events of one of dbt's."""
        yield from message.to_default_asset_events(
            manifest=self.manifest, dagster_dbt_translator=_TRANSLATOR, context=self.context
        )


def build_assets(dbt: Dbt, context: dg.AssetExecutionContext) -> Iterator[Any]:
    """Builds and tests what the step selected, and yields what became of each model and test as Dagster events.

    Raises dg.Failure, after the events of what succeeded, with a text that names the models or tests that failed.
    """
    step = _step(context, project.read_manifest(dbt.directory))
    if step.selected:
        yield from (_in_process if dbt.in_process else _by_command)(dbt, step)


def _step(context: dg.AssetExecutionContext, manifest: project.Manifest) -> _Step:
    """Views are in a step's selection because they tie the marts to the raw tables; only `fluint upgrade` builds them."""
    arguments, indirect_selection = get_subset_selection_for_context(
        context=context,
        manifest=manifest,
        select=DBT_DEFAULT_SELECT,
        exclude=None,
        selector=None,
        dagster_dbt_translator=_TRANSLATOR,
        current_dbt_indirect_selection_env=None,
    )
    views = {".".join(node["fqn"]) for node in manifest["nodes"].values() if is_view(node)}
    words = arguments[-1].replace(DBT_DEFAULT_SELECT, "config.materialized:incremental").split()
    return _Step(context, manifest, [word for word in words if word not in views], indirect_selection)


def _in_process(dbt: Dbt, step: _Step) -> Iterator[Any]:
    from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]

    messages: list[dict[str, Any]] = []

    def remember(message: Any) -> None:
        if message.info.name in _RESULTS:
            messages.append(MessageToDict(message, preserving_proto_field_name=True))

    result = dbt.invoke(
        [*BUILD, "--select", *step.selected],
        callbacks=[remember],
        indirect_selection=step.indirect_selection,
    )
    for message in messages:
        yield from step.events(DbtCoreCliEventMessage(message, {}))
    try:
        checked(result)
    except FluintError as error:
        raise dg.Failure(str(error)) from None


def _by_command(dbt: Dbt, step: _Step) -> Iterator[Any]:
    """The same through dagster-dbt's public interface, in a process of its own, for the day when the other way breaks."""
    executable = str(Path(sys.executable).with_name("dbt"))
    with dbt.environment(step.indirect_selection), tempfile.TemporaryDirectory() as target:
        cli = DbtCliResource(project_dir=dbt_project(dbt.directory), dbt_executable=executable)
        invocation = cli.cli(
            [*BUILD, "--select", " ".join(step.selected)],  # it reads one word after --select
            manifest=step.manifest,
            dagster_dbt_translator=_TRANSLATOR,
            raise_on_error=False,
            target_path=Path(target),
        )
        for message in invocation.stream_raw_events():
            yield from step.events(message)
        if not invocation.is_successful():
            raise dg.Failure("`dbt build` ended without success; the step's log has its output.")


def dbt_project(directory: Path) -> DbtProject:
    """The project as dagster-dbt knows it."""
    return DbtProject(project_dir=directory, profiles_dir=directory)
