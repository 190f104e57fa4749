"""What the dbt project is in Dagster: an asset for each model, a check for each data test, read from the parsed project.

Belongs here: names, groups, dependencies and descriptions, as plain functions of the manifest. dagster-dbt could derive the same, and
`tests/dbt/test_specs.py` holds us to what it says; but importing it takes 1.7 s, which every command, sensor and run would pay for
facts that lie in a JSON file. Running models is `assets`, which does use it.
"""

from __future__ import annotations

import hashlib
import itertools
import textwrap
import warnings
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import dagster as dg

from orchestration.errors import BugError

Node = Mapping[str, Any]
UNIQUE_ID = "dagster_dbt/unique_id"  # where dagster-dbt looks up which node an asset or a check is


def is_view(node: Node) -> bool:
    """Whether a node of the manifest is a model that Postgres holds as a view."""
    return bool(node["resource_type"] == "model" and node["config"]["materialized"] != "incremental")


def asset_key(node: Node) -> dg.AssetKey:
    """The key of a model or a source: its schema and its table, as in Postgres."""
    return dg.AssetKey([node["schema"], node["name"]])


def asset_specs(manifest: Node) -> list[dg.AssetSpec]:
    """An asset for each model, grouped by layer; whatever it reads, sources included, is a dependency."""
    return [_asset(manifest, node) for node in manifest["nodes"].values() if node["resource_type"] == "model"]


def source_specs(manifest: Node, made: Collection[dg.AssetKey]) -> list[dg.AssetSpec]:
    """An asset for each grouped table that models read and no asset of ours makes: without one, the graph shows a bare name.

    The raw tables have no group here: those that are read are made.
    """
    return [
        dg.AssetSpec(
            asset_key(node),
            description=node["description"],
            metadata={"dagster/table_name": f"{node['schema']}.{node['name']}"},
            group_name=group,
            owners=["team:data"],
            kinds={"postgres", "table"},
        )
        for node in manifest["sources"].values()
        if (group := node["config"]["meta"].get("dagster", {}).get("group")) and asset_key(node) not in made
    ]


def check_specs(manifest: Node) -> list[dg.AssetCheckSpec]:
    """A check for each data test. A test that reads several models names in its `meta` the one that it judges."""
    return [_check(manifest, node) for node in manifest["nodes"].values() if node["resource_type"] == "test"]


def _asset(manifest: Node, node: Node) -> dg.AssetSpec:
    view = is_view(node)
    with warnings.catch_warnings():
        # Virtual: always as fresh as what it reads. Dagster says that it may still change what it means by that.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return dg.AssetSpec(
            asset_key(node),
            deps=sorted({asset_key(parent) for parent in _parents(manifest, node)}),
            description=_description(node),
            metadata=_metadata(node),
            skippable=True,
            group_name=node["fqn"][1],
            code_version=hashlib.sha1(node["raw_code"].encode(), usedforsecurity=False).hexdigest(),
            owners=["team:data"],
            tags=dict.fromkeys(node["tags"], ""),
            kinds={"dbt", "postgres", "view" if view else "table"},
            is_virtual=view,
        )


def _description(node: Node) -> str:
    code = textwrap.indent(node["raw_code"], "    ")
    return f"{node['description'] or 'dbt model ' + node['name']}\n\n#### Raw SQL:\n```sql\n{code}\n```"


def _metadata(node: Node) -> dict[str, Any]:
    columns = [
        dg.TableColumn(name, column["data_type"] or "?", column["description"])
        for name, column in node["columns"].items()
    ]
    return {
        UNIQUE_ID: node["unique_id"],
        "dagster/table_name": f"{node['schema']}.{node['name']}",
        "dagster/storage_kind": "postgres",
        **({"dagster/column_schema": dg.TableSchema(columns)} if columns else {}),
    }


def _check(manifest: Node, node: Node) -> dg.AssetCheckSpec:
    parents = _parents(manifest, node)
    judged = _judged(node, parents)
    return dg.AssetCheckSpec(
        node["name"],
        asset=asset_key(judged),
        description=_meaning(node),
        additional_deps=sorted({asset_key(parent) for parent in parents} - {asset_key(judged)}),
        metadata={UNIQUE_ID: node["unique_id"]},
        blocking=node["config"]["severity"].lower() == "error",
    )


def _meaning(test: Node) -> str | None:
    """What a failure means: the test's description, or the comment that its file begins with."""
    lines = itertools.takewhile(lambda line: line.startswith("--"), test["raw_code"].splitlines())
    return test["description"] or " ".join(line.removeprefix("--").strip() for line in lines) or None


def _judged(test: Node, parents: Sequence[Node]) -> Node:
    """The one model that a test reads, that its YAML stands at, or that its `meta` names."""
    if len(parents) == 1:
        return parents[0]
    named = test["config"]["meta"].get("dagster", {}).get("ref", {}).get("name")
    for parent in parents:
        if parent["name"] == named or parent["unique_id"] == test.get("attached_node"):
            return parent
    raise BugError(
        f"The data test {test['name']} reads {len(parents)} models and does not say which one it judges, so its failure would be"
        " nowhere to be seen. Whoever wrote it names that model in config(meta={'dagster': {'ref': {'name': …}}})."
    )


def _parents(manifest: Node, node: Node) -> list[Node]:
    known = {**manifest["nodes"], **manifest["sources"]}
    return [known[unique_id] for unique_id in node["depends_on"]["nodes"]]
