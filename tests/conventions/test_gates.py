"""The tools that every change passes, run as tests, so that `make test` holds what `make check` says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conventions.sources import ROOT

TOOLS = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command",
    [
        "ruff check --quiet --output-format concise .",
        "ruff format --check --quiet .",
        # A minute without a cache: `make check` and `make test-all` have it.
        pytest.param("mypy --no-error-summary", marks=pytest.mark.slow),
        "lint-imports --no-logo",
    ],
    ids=["lint", "format", "types", "imports-between-rooms"],
)
@pytest.mark.timeout(900)
def test_every_gate_passes_the_whole_project(command: str) -> None:
    """A fault that a tool finds in seconds does not wait for a reader."""
    tool, *arguments = command.split()
    run = subprocess.run([TOOLS / tool, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, f"{command}\n{run.stdout}{run.stderr}"
