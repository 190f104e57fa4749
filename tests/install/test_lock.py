"""The lock: what every machine installs. That pip and uv can carry it out is in test_install.py."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging import tags
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

ROOT = Path(__file__).parents[2]
PYTHONS = ["3.11", "3.12", "3.13"]
# Operating system and processor, as markers call them; on Linux glibc.
PLATFORMS = ["linux/x86_64", "linux/aarch64", "darwin/arm64", "darwin/x86_64"]
Wheel = dict[str, Any]


def lock_text() -> str:
    """Returns the lock as it is committed."""
    return (ROOT / "requirements.lock").read_text(encoding="utf-8")


def pins() -> list[Requirement]:
    """Returns every `name==version ; marker` of the lock; there are many, or nothing is looked at."""
    found = [
        Requirement(line.removesuffix("\\"))
        for line in lock_text().splitlines()
        if re.match(r"[a-z0-9]", line)
    ]
    assert len(found) > 100
    return found


def wanted() -> list[Requirement]:
    """Returns what pyproject.toml asks for: to run, to develop, to build."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lines = [
        *project["project"]["dependencies"],
        *project["dependency-groups"]["dev"],
        *project["build-system"]["requires"],
    ]
    assert lines
    return [Requirement(line) for line in lines]


def environment(platform: str, python: str) -> dict[str, str]:
    """Returns what markers ask of a machine."""
    system, machine = platform.split("/")
    return {
        "sys_platform": system,
        "platform_system": system.capitalize(),
        "platform_machine": machine,
        "python_version": python,
        "python_full_version": f"{python}.4",
    }


def holds(requirement: Requirement, machine: dict[str, str]) -> bool:
    """Tells whether a line concerns this machine."""
    return requirement.marker is None or requirement.marker.evaluate(machine)


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_dependency_is_pinned_once_on_every_machine(python: str, platform: str) -> None:
    """A dependency that the lock misses is whatever the index has that day; one pinned twice does not install."""
    machine = environment(platform, python)
    chosen: dict[str, list[Requirement]] = {}
    for pin in pins():
        if holds(pin, machine):
            chosen.setdefault(canonicalize_name(pin.name), []).append(pin)
    assert not [name for name, lines in chosen.items() if len(lines) > 1]
    missing = [
        str(requirement)
        for requirement in wanted()
        if holds(requirement, machine)
        and not any(
            requirement.specifier.contains(next(iter(pin.specifier)).version)
            for pin in chosen.get(canonicalize_name(requirement.name), [])
        )
    ]
    assert not missing, f"run `make lock`: {missing}"


def test_every_pin_carries_hashes_and_an_exact_version() -> None:
    """Without hashes an index could serve anything under a name that we trust."""
    blocks = re.split(r"^(?=[a-z0-9])", lock_text(), flags=re.MULTILINE)[1:]
    assert len(blocks) == len(pins())
    assert not [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block]
    assert not [str(pin) for pin in pins() if [part.operator for part in pin.specifier] != ["=="]]


def test_the_lock_names_no_index_and_no_place_of_its_own() -> None:
    """A machine with its own index, or none but its own, installs the same files."""
    assert not re.findall(r"https?:|file:|--(?:extra-)?index-url|--find-links| @ ", lock_text())


def test_the_lock_says_which_command_makes_it() -> None:
    """Whoever wants another version runs our command, with our bounds, not one of their own making."""
    assert "make lock" in "".join(lock_text().splitlines()[:2])


# What uv says where the index cannot be reached, is out of order, or breaks off.
_NO_ANSWER = ("error sending request", "HTTP status server error", "error decoding response body")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], list[Wheel]]:
    """Yields the wheels that the package index has of each pin, with their hashes; downloads none of them."""
    file = tmp_path_factory.mktemp("lock") / "pylock.toml"
    uv = Path(sys.executable).parent / "uv"
    arguments = "pip compile --quiet --universal --no-deps --only-binary :all: --format pylock.toml requirements.lock -o"
    run = subprocess.run(
        [uv, *arguments.split(), file], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if any(fault in run.stderr for fault in _NO_ANSWER):
        pytest.skip("The package index does not answer uv: connect this machine, or set UV_DEFAULT_INDEX.")
    assert run.returncode == 0, run.stderr
    return {
        (canonicalize_name(package["name"]), package["version"]): package["wheels"]
        for package in tomllib.loads(file.read_text(encoding="utf-8"))["packages"]
    }


def machine_tags(platform: str, python: str) -> frozenset[tags.Tag]:
    """Returns the wheel tags that a machine of this platform accepts: glibc 2.28 or newer, macOS 14 or newer."""
    system, machine = platform.split("/")
    if system == "darwin":
        names = list(tags.mac_platforms((14, 0), machine))
    else:
        names = [f"manylinux_2_{minor}_{machine}" for minor in range(28, 4, -1)]
        names += [
            f"{legacy}_{machine}" for legacy in ("manylinux2014", "manylinux2010", "manylinux1", "linux")
        ]
    version = (3, int(python.removeprefix("3.")))
    return frozenset(
        [*tags.cpython_tags(version, platforms=names), *tags.compatible_tags(version, f"cp{python}", names)]
    )


@pytest.mark.slow
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_pin_has_a_wheel_with_a_known_hash_for_every_machine(
    python: str, platform: str, wheels: dict[tuple[str, str], list[Wheel]]
) -> None:
    """A package without a wheel for one platform installs everywhere but there, as cryptography on Intel Macs."""
    accepted, hashes = machine_tags(platform, python), set(re.findall(r"sha256:([0-9a-f]{64})", lock_text()))
    pinned = [pin for pin in pins() if holds(pin, environment(platform, python))]
    assert len(pinned) > 100
    without = [
        str(pin)
        for pin in pinned
        if not any(
            accepted & parse_wheel_filename(wheel["url"].rsplit("/", 1)[-1])[3]
            and wheel["hashes"]["sha256"] in hashes
            for wheel in wheels[canonicalize_name(pin.name), next(iter(pin.specifier)).version]
        )
    ]
    assert not without
