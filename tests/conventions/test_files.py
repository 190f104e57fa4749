"""What a reader may rely on in every file: it says what it is for, it ends in sight, it names no machine."""

from __future__ import annotations

import ast
import re

import pytest

from orchestration.settings import PREFIX, Settings
from tests.conventions.sources import PACKAGES, ROOT, parsed, project_files, python_files

MOST_LINES = 400
MOST_LINES_OF_A_FUNCTION = 40
# Written in pieces, or this file would find itself.
HOSTS = ["pypi" + ".org", "python" + "hosted", "npm" + "js.org", "debian" + ".org"]
MACHINE_PATHS = re.compile(r"(?<![\w.}~-])/(?:work|root)(?=/)")


def test_every_module_begins_with_its_charter() -> None:
    """Without one, the next change lands in whichever file is open."""
    missing = [str(path) for path in python_files(*PACKAGES, "tests") if not ast.get_docstring(parsed(path))]
    assert not missing, "no docstring: " + ", ".join(missing)


def test_every_file_of_code_is_short_enough_to_be_read_whole() -> None:
    """A file that nobody reads to its end hides what is at its end."""
    code = [
        p
        for p in project_files()
        if p.suffix in {".py", ".sql"} or p.name == "Makefile" or p.parts[0] in {"tools", ".ci"}
    ]
    lengths = {path: len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in code}
    assert lengths
    assert not {str(path): lines for path, lines in lengths.items() if lines > MOST_LINES}


def test_every_function_fits_on_one_screen() -> None:
    """What does not fit on a screen is understood in halves, and changed in halves."""
    long = [
        f"{path}:{node.lineno} {node.name} has {node.end_lineno - node.lineno + 1} lines"
        for path in python_files(*PACKAGES)
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= MOST_LINES_OF_A_FUNCTION
    ]
    assert not long, "\n".join(long)


@pytest.mark.parametrize("kind", ["a package registry", "a path of one machine"])
def test_no_file_names_what_only_one_machine_knows(kind: str) -> None:
    """A checkout works on any machine and with any index, or it works on none but ours."""
    found = []
    for path in project_files():
        try:
            text = (ROOT / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        names = (
            [host for host in HOSTS if host in text]
            if kind == "a package registry"
            else MACHINE_PATHS.findall(text)
        )
        found += [f"{path}: {name}" for name in names]
    assert not found, "\n".join(found)


def test_every_setting_is_explained_by_the_example_and_no_other() -> None:
    """The error for a missing setting sends its reader to .env.example."""
    shown = re.findall(
        rf"^#?({PREFIX}[A-Z_]+)=", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert sorted(shown) == sorted(PREFIX + name.upper() for name in Settings.model_fields)
