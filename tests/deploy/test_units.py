"""The supervision units for systemd: systemd itself takes them, and what they name is there."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest
import typer.main

from orchestration.cli import app
from orchestration.settings import PROJECT

UNITS = PROJECT / "deploy" / "systemd"
FLUINT = "/opt/fluint/.venv/bin/fluint"


def unit(path: Path) -> ConfigParser:
    """A unit's sections; only the last of a repeated key is kept, and ours repeat none."""
    parser = ConfigParser(strict=True, interpolation=None, comment_prefixes=("#", ";"))
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's keys have capitals
    parser.read_string(path.read_text())
    return parser


def takes(arguments: list[str]) -> str:
    """Parses a command line of `fluint` as the command does, without running it; the command's name. Raises what a person would read."""
    command = typer.main.get_command(app)
    context = command.make_context("fluint", list(arguments), resilient_parsing=False)
    while hasattr(context.command, "resolve_command") and (rest := [*context._protected_args, *context.args]):
        _, command, rest = context.command.resolve_command(context, rest)
        context = command.make_context(command.name, rest, parent=context)
    return str(context.command.name)


def test_systemd_takes_every_unit(tmp_path: Path) -> None:
    """A misspelt key is ignored at start, and what it was for does not happen."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed; Debian's package systemd brings it")
    files = sorted(UNITS.iterdir())
    assert len(files) == 6
    for path in files:
        # The program, and the user of the machine that this runs on: verify insists that they are there.
        text = path.read_text().replace(FLUINT, sys.executable).replace("/etc/fluint/fluint.env", "/dev/null")
        (tmp_path / path.name).write_text(text.replace("=fluint\n", "=root\n"))
    done = subprocess.run(
        [analyze, "verify", "--man=no", "--recursive-errors=yes", *(str(tmp_path / path.name) for path in files)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    ours = [line for line in done.stderr.splitlines() if str(tmp_path) in line or "fluint" in line]
    assert not ours, "\n".join(ours)


@pytest.mark.parametrize("path", sorted(UNITS.glob("*.service")), ids=lambda path: path.stem)
def test_a_unit_runs_a_command_that_there_is_and_as_nobody_else(path: Path) -> None:
    """A unit that was written for an older command line ends at its first start, on somebody else's machine."""
    service = unit(path)["Service"]
    program, *arguments = shlex.split(service["ExecStart"])
    assert program == FLUINT
    assert takes(arguments) == arguments[0]
    assert "--guarded" not in arguments, "on a machine of its own it stays on loopback"
    assert (service["User"], service["NoNewPrivileges"], service["ProtectSystem"]) == (
        "fluint",
        "yes",
        "strict",
    )
    assert service["ReadWritePaths"].split()[0] == "/var/lib/fluint"
    assert service["EnvironmentFile"] == "/etc/fluint/fluint.env"


def test_the_target_brings_up_all_of_them_and_the_document_names_them() -> None:
    """A unit that nobody starts; a document that tells of units that there are not."""
    target = unit(UNITS / "fluint.target")["Unit"]["Wants"].split()
    assert set(target) == {path.name for path in UNITS.glob("fluint-*")} - {"fluint-alerts.service"}
    told = set(
        re.findall(
            r"fluint[a-z-]*\.(?:service|timer|target)", (PROJECT / "docs" / "operating.md").read_text()
        )
    )
    assert told
    assert told <= {path.name for path in UNITS.iterdir()}


@pytest.mark.parametrize("name", ["fluint-code-server", "fluint-daemon", "fluint-webserver"])
def test_a_stop_of_the_target_waits_for_the_service(name: str) -> None:
    """A stop that returns at once is cancelled by the start that follows, and after an upgrade the old code goes on: systemd stops what
    is ordered after a unit before it."""
    section = unit(UNITS / f"{name}.service")["Unit"]
    assert "fluint.target" in section["After"].split()
    assert section["PartOf"] == "fluint.target"


def test_the_database_is_brought_up_before_anything_is_started() -> None:
    """A reader who types what stands there has processes that find no table."""
    text = (PROJECT / "docs" / "operating.md").read_text()
    for heading, start in (("### systemd", "systemctl enable --now"), ("## Upgrade", "systemctl start")):
        section = text.split(f"{heading}\n", 1)[1]
        assert 0 < section.index("    fluint upgrade\n") < section.index(f"    {start} fluint.target\n")


def test_a_command_that_there_is_not_is_noticed() -> None:
    """What looks for commands must not take any."""
    for wrong in (
        ["serve", "webserwer"],
        ["serve", "daemon", "--prot", "1"],
        ["alerts", "--sent"],
        ["sirve"],
    ):
        with pytest.raises(Exception, match=r"webserwer|prot|sent|sirve"):
            takes(wrong)
