"""How commands speak, whatever they say: in a narrow terminal, into a pipe, on Ctrl-C, and in their help."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
import typer
from rich.console import Console
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.cli.console import speaking, table
from tests.cli.shell import lent

_TIME = "2026-05-04 12:00:00"
_ROWS = [("opportunity_contact_role", 1468, _TIME, None), ("user", 21, _TIME, "a text that may be folded")]


def shown(width: int) -> str:
    """A table of four columns as a terminal of this width shows it."""
    said = StringIO()
    Console(width=width, file=said).print(
        table("Objects", ["object", "rows", "right up to (UTC)", "because"], _ROWS)
    )
    return said.getvalue()


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120])
def test_a_table_leaves_out_nothing_whatever_the_width(width: int) -> None:
    """In 80 columns `fluint status` left out how many rows are held and wait, and cut each time off, without a word."""
    text = shown(width)
    told = text.split()
    cells = [str(cell) for row in _ROWS for cell in row if cell is not None]
    assert {word for cell in cells for word in cell.split()} <= set(told)
    assert max(map(len, text.splitlines())) <= width
    assert ("─" in text) is (width >= 100)


def _commands(command: object, *path: str) -> Iterator[tuple[str, TyperCommand]]:
    if isinstance(command, TyperGroup):
        for name, child in command.commands.items():
            yield from _commands(child, *path, name)
    elif isinstance(command, TyperCommand):
        yield " ".join(path), command


COMMANDS = dict(_commands(get_command(app)))


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_describes_it_and_all_that_it_takes(name: str) -> None:
    """Paragraphs that broke where the source does, two lines in three, and arguments with nothing but a name."""
    command = COMMANDS[name]
    assert command.help
    assert "\n" not in command.help.replace("\n\n", "")
    assert [each.name for each in command.params if not getattr(each, "help", None)] == []


def test_a_command_that_ctrl_c_ends_says_what_became_of_its_work() -> None:
    """A blank line and a prompt: nobody knew whether half of it was done, or whether it may be done again."""
    interrupted = typer.Typer()

    @interrupted.command()
    @speaking
    def wait() -> None:
        raise KeyboardInterrupt

    result = CliRunner().invoke(interrupted, [])
    assert result.exit_code == 130
    assert "the same command again does the rest" in result.output


def test_a_postgres_is_named_and_said_to_stop_only_where_it_ran(tmp_path: Path) -> None:
    """`fluint db stop` said that Postgres had stopped where none ever was; `fluint db start foo` looked for `make foo`."""
    with lent({"FLUINT_DATA_DIRECTORY": str(tmp_path)}):
        stopped = CliRunner().invoke(app, ["db", "stop", "ui"])
        unknown = CliRunner().invoke(app, ["db", "start", "foo"])
    assert "No Postgres of `make ui` was running." in stopped.output
    assert unknown.exit_code == 2
    assert "'ui'" in unknown.output


def test_a_check_that_cannot_begin_is_json_where_json_was_asked_for(tmp_path: Path) -> None:
    """A monitor that parses the answer met nothing at all, and took its own failure for the product's."""
    nothing = dict.fromkeys(name for name in os.environ if name.startswith("FLUINT_"))
    with lent(nothing | {"FLUINT_DATA_DIRECTORY": str(tmp_path)}):
        said = CliRunner().invoke(app, ["check", "--json"])
    told = json.loads(said.stdout)
    assert (said.exit_code, told["outcome"]) == (1, "could not be tested")
    assert "is not set" in told["error"]
