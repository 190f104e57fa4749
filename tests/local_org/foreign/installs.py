"""Installing foreign clients, at the versions that packages/ pins, into a directory of the test run's own.

Belongs here: npm and uv, and what is said where they cannot install. Does not: running a client (realm.py).
Node comes with the npm clients, which need a newer one than many machines have. The npm package `node` finds its binary by an
install script, which npm is about to refuse; so packages/ names the two packages that this script chooses between.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGES = Path(__file__).parent / "packages"
UV = Path(sys.executable).parent / "uv"
# How npm and uv say that they did not reach a registry; whatever else fails is a fault of the pins.
_UNREACHED = re.compile(
    r"ENOTFOUND|EAI_AGAIN|ECONN\w+|ETIMEDOUT|ENETUNREACH|E50\d|error sending request|dns error|timed out|Failed to fetch"
)


@dataclass(frozen=True)
class NodeClient:
    """A client of npm's and the Node that runs it."""

    modules: Path

    @property
    def node(self) -> Path:
        """The Node that was installed with it."""
        return self.modules / ".bin" / "node"


def install_node_client(name: str, into: Path) -> NodeClient:
    """Installs what `packages/NAME/package.json` names; skips the test, with the cure, where npm or the network is missing."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm here: install Node.js with npm, which then brings the Node that these tests use")
    shutil.copy(PACKAGES / name / "package.json", into)
    quiet = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--loglevel=error"]
    _run([npm, "install", *quiet], into)
    return NodeClient(into / "node_modules")


def install_python_client(name: str, into: Path) -> Path:
    """Gives the `bin` of a new environment with what `packages/NAME.txt` names; skips, with the cure, where the network is missing."""
    _run([UV, "venv", "--quiet", "--python", sys.executable, into], into.parent)
    pinned = ["--requirement", PACKAGES / f"{name}.txt"]
    _run(
        [UV, "pip", "install", "--quiet", "--only-binary", ":all:", *pinned],
        into,
        {"VIRTUAL_ENV": str(into)},
    )
    return into / "bin"


def _run(command: Sequence[str | Path], directory: Path, more: Mapping[str, str] | None = None) -> None:
    done = subprocess.run(
        command,
        cwd=directory,
        env=os.environ | (more or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    said = f"{done.stdout}{done.stderr}"
    if done.returncode != 0 and _UNREACHED.search(said):
        pytest.skip(f"{Path(command[0]).name} reaches no package registry: connect this machine to one")
    assert done.returncode == 0, said[-4000:]
