"""The project's own files, as the conventions look at them: found once, parsed once, never empty."""

from __future__ import annotations

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("orchestration", "local_org")


@cache
def project_files() -> tuple[Path, ...]:
    """Returns every file that is committed or about to be, relative to the root."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    return tuple(sorted(Path(name) for name in listed if (ROOT / name).is_file()))


def python_files(*top: str) -> list[Path]:
    """Returns the Python files below these top-level folders; there is always one, or the caller looks at nothing."""
    found = [path for path in project_files() if path.suffix == ".py" and path.parts[0] in top]
    assert found, f"no Python file below {top}"
    return found


@cache
def parsed(path: Path) -> ast.Module:
    """Returns the syntax tree of one of our files."""
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), filename=str(path))
