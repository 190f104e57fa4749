"""`make install` where something is missing: it chooses a Python that runs, or names the one command that cures it.

Runs tools/install in a checkout of its own, stopped at the making of the environment: what follows is pip's and uv's.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BASE = Path(sys.base_prefix) / f"bin/python{sys.version_info.major}.{sys.version_info.minor}"
SHIM_OF_A_VERSION_THAT_IS_NOT_THERE = "#!/bin/sh\necho 'command not found' >&2\nexit 127\n"
# Runs as this Python does, except for making an environment, which it tells of.
WORKS = f'#!/bin/sh\n[ "$1" = -m ] && echo "$0 would $*" && exit 9\nexec {sys.executable} "$@"\n'
# Debian without python3-venv: every module that is looked at beside the version is missing.
LACKS_VENV = f'#!/bin/sh\nexec {sys.executable} -S -c "import sys; sys.modules[\'ensurepip\'] = None; exec(sys.argv[1])" "$2"\n'
TOO_OLD = f'#!/bin/sh\nexec {sys.executable} -c "import sys; sys.version_info = (3, 10, 1); exec(sys.argv[1])" "$2"\n'


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Yields a checkout with what `make install` reads and nothing installed."""
    (tmp_path / "checkout/tools").mkdir(parents=True)
    for name in ("tools/install", "Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy2(ROOT / name, tmp_path / "checkout" / name)
    return tmp_path / "checkout"


def make_install(
    checkout: Path, programs: dict[str, str], **variables: str
) -> subprocess.CompletedProcess[str]:
    """Runs `make install` on a machine that has these programs, and of others only the simplest."""
    folder = checkout.parent / "bin"
    folder.mkdir()
    for name in ("sh", "env", "make", "awk", "cat", "cksum", "dirname", "find", "grep", "id", "rm"):
        (folder / name).symlink_to(shutil.which(name) or name)
    hidden = dict.fromkeys(
        ("python3.13", "python3.12", "python3.11", "python3"), SHIM_OF_A_VERSION_THAT_IS_NOT_THERE
    )
    for name, text in (hidden | programs).items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    environment = {"PATH": str(folder), "HOME": str(checkout.parent), **variables}
    return subprocess.run(
        ["make", "install"],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_shim_that_does_not_run_is_passed_over_for_a_python_that_does(checkout: Path) -> None:
    """pyenv puts python3.13 on the PATH whether or not that version is installed."""
    run = make_install(checkout, {"python3.12": WORKS})
    assert "bin/python3.12 would -m venv" in run.stdout


def test_a_python_without_venv_is_passed_over_for_one_that_has_it(checkout: Path) -> None:
    """Debian's python3 comes without ensurepip, and venv says so only after it has made half an environment."""
    run = make_install(checkout, {"python3.13": LACKS_VENV, "python3.11": WORKS})
    assert "bin/python3.11 would -m venv" in run.stdout


def test_a_python_asked_for_by_name_wins(checkout: Path) -> None:
    """Whoever names an interpreter has a reason: another would be installed into without a word."""
    run = make_install(checkout, {"python3.13": WORKS, "mine": WORKS}, PYTHON="mine")
    assert "bin/mine would -m venv" in run.stdout


@pytest.mark.parametrize(
    "only", [SHIM_OF_A_VERSION_THAT_IS_NOT_THERE, LACKS_VENV, TOO_OLD], ids=["none", "no-venv", "old"]
)
@pytest.mark.parametrize(
    ("manager", "command"),
    [
        ("apt-get", "apt-get install -y python3.12-venv"),
        ("dnf", "dnf install -y python3.12"),
        ("brew", "brew install python@3.13"),
    ],
)
def test_without_a_python_the_one_command_for_this_machine_is_named(
    checkout: Path, only: str, manager: str, command: str
) -> None:
    """`No module named ensurepip` leaves a person to search; the machine knows its package manager."""
    knows_only_312 = '#!/bin/sh\n[ "$2" = python3.12-venv ]\n'
    run = make_install(checkout, {"python3": only, manager: "#!/bin/sh\n", "apt-cache": knows_only_312})
    assert run.returncode != 0
    assert command in run.stderr
    assert not (checkout / ".venv").exists()


def test_a_wrong_python_asked_for_by_name_stops_before_anything_is_made(checkout: Path) -> None:
    """Falling back to another Python would hide that the one asked for cannot be used."""
    run = make_install(checkout, {"python3.13": WORKS, "mine": TOO_OLD}, PYTHON="mine")
    assert run.returncode != 0
    assert "PYTHON=mine is not" in run.stderr
    assert not (checkout / ".venv").exists()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_an_interrupted_install_is_completed_and_a_second_one_changes_nothing(checkout: Path) -> None:
    """An environment that looks installed and is not fails later, somewhere else; a needless install costs each command.

    Downloads what this machine's cache does not hold.
    """
    for package in ("orchestration", "local_org"):
        shutil.copytree(ROOT / package, checkout / package)
    shutil.copy2(ROOT / "README.md", checkout)
    run = subprocess.Popen(["make", "install", f"PYTHON={BASE}"], cwd=checkout, start_new_session=True)
    site = f".venv/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    while run.poll() is None and not list((checkout / site).glob("dagster*")):
        time.sleep(0.02)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    assert not (checkout / ".venv/.installed").exists()

    # Called from `make test-all`, make names the directory unless it is told not to.
    install = ["make", "--no-print-directory", "install", f"PYTHON={BASE}"]
    subprocess.run(install, cwd=checkout, check=True)
    subprocess.run(
        [checkout / ".venv/bin/python", "-c", "import dagster, orchestration"], cwd="/", check=True
    )
    assert list((checkout / site / "dagster/__pycache__").glob("*.pyc"))

    before = {path: path.stat().st_mtime_ns for path in (checkout / ".venv").rglob("*")}
    again = subprocess.run(install, cwd=checkout, check=True, capture_output=True, text=True)
    assert again.stdout + again.stderr == ""
    assert {path: path.stat().st_mtime_ns for path in (checkout / ".venv").rglob("*")} == before
