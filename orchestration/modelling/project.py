"""The dbt project's files: where they are, when they must be parsed again, and which state of them a database has.

Nothing here needs a database. Running the project belongs to `dbt`.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from orchestration.errors import BugError, SetupError

DIRECTORY = Path(__file__).resolve().parents[2] / "dbt_project"
_MADE = ("target", "logs", "dbt_packages")

Manifest = dict[str, Any]


def manifest_path(directory: Path = DIRECTORY) -> Path:
    """Where `prepare` puts the parsed project."""
    return directory / "target" / "manifest.json"


def parsed_path(directory: Path = DIRECTORY) -> Path:
    """Where `prepare` puts the same in dbt's own form, which it can build from."""
    return directory / "target" / "partial_parse.msgpack"


def read_manifest(directory: Path = DIRECTORY) -> Manifest:
    """The parsed project as dbt wrote it; SetupError if it was never parsed."""
    try:
        manifest: Manifest = json.loads(manifest_path(directory).read_text())
    except FileNotFoundError:
        raise SetupError(
            "The dbt project was not parsed on this machine, so no model can be built. Whoever installed Fluint runs `make prepare`."
        ) from None
    return manifest


def prepare(directory: Path = DIRECTORY) -> bool:
    """Parses the project if one of its files is newer than the last parse, or gone since then; says whether it did.

    Safe while others do the same: each file is replaced whole.
    """
    manifest, parsed = manifest_path(directory), parsed_path(directory)
    # A directory's time changes when a file in it is removed.
    newest = max(path.stat().st_mtime for path in _sources(directory))
    if manifest.exists() and manifest.stat().st_mtime > newest:
        return False
    manifest.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=manifest.parent) as target:
        _parse(directory, Path(target))
        os.replace(Path(target) / parsed.name, parsed)
        os.replace(Path(target) / manifest.name, manifest)  # last: its time says that both are there
    return True


def marts_with_extra_fields(manifest: Manifest) -> dict[str, tuple[str, frozenset[str]]]:
    """Raw table → the mart that can show fields which fluint.yaml adds to it, and the columns that the mart has anyway."""
    return {
        node["config"]["extra_fields_of"]: (node["name"], frozenset(node["columns"]))
        for node in manifest["nodes"].values()
        if node["config"].get("extra_fields_of")
    }


def views_hash(manifest: Manifest) -> str:
    """What a database must have been upgraded to: changes with every model and macro of ours, not with descriptions."""
    ours = {
        key: _essence(node)
        for kind in ("nodes", "macros")
        for key, node in manifest[kind].items()
        if node["package_name"] == "fluint" and node["resource_type"] in ("model", "macro")
    }
    return hashlib.sha256(json.dumps(ours, sort_keys=True).encode()).hexdigest()


def _essence(node: dict[str, Any]) -> Any:
    if node["resource_type"] == "macro":
        return node["macro_sql"]
    columns = [(name, column["data_type"]) for name, column in node["columns"].items()]
    return [
        node["raw_code"],
        node["schema"],
        node["config"]["materialized"],
        node["config"].get("indexes"),
        columns,
    ]


def _sources(directory: Path) -> Iterator[Path]:
    for path in directory.iterdir():
        if path.name not in _MADE:
            yield path
            yield from path.rglob("*")


def options(directory: Path, target: Path) -> list[str]:
    """What every dbt command gets: our files, a target of its own, and no output, since a database's message may quote a row."""
    quiet = ["--log-level", "none", "--log-level-file", "none"]
    return [
        *quiet,
        "--project-dir",
        str(directory),
        "--profiles-dir",
        str(directory),
        "--target-path",
        str(target),
    ]


def _parse(directory: Path, target: Path) -> None:
    from dbt.cli.main import dbtRunner  # takes a second to import, and only a changed project needs it

    result = dbtRunner().invoke(["parse", "--no-partial-parse", *options(directory, target)])
    if not result.success:
        raise BugError(f"The dbt project cannot be parsed: {result.exception}")
