"""How commands speak to a person: one console, errors as sentences, tables, a bar for what takes time."""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from orchestration.errors import FluintError
from orchestration.postgres.faults import of_postgres

# Without a terminal (a pipe, CI) there is no width to ask for, and 80 columns would fold ids.
_WIDTH = None if sys.stdout.isatty() else 120
_NARROW = 26  # characters that are not worth a line break: an id, a name, a state

console = Console(highlight=False, width=_WIDTH)
errors = Console(stderr=True, highlight=False, soft_wrap=True)

Command = TypeVar("Command", bound=Callable[..., Any])


def speaking(command: Command) -> Command:
    """Ends a command on one of our errors with its text and exit code 1; a bug keeps its traceback."""

    @functools.wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        # With a handler at the root, no library makes one that prints its log between our lines.
        logging.getLogger().addHandler(logging.NullHandler())
        try:
            return command(*args, **kwargs)
        except FluintError as error:
            say(error)
        except Exception as error:
            explained = of_postgres(error)
            if explained is None:
                raise
            say(explained)
        raise typer.Exit(1)

    return guarded  # type: ignore[return-value]


def say(error: FluintError) -> None:
    """Says an error to a person, with people's names beside their ids and Salesforce's codes below."""
    # Text(): a bracket in a message is not markup.
    from orchestration.cli.names import with_names

    errors.print(Text.assemble(("✗ ", "bold red"), with_names(str(error))))
    for name, value in (("code", error.code), ("request id", error.request_id)):
        if value:
            errors.print(f"  Salesforce's {name}: {value}", style="dim", markup=False)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """A table for a person; numbers stand to the right."""
    shown = [list(row) for row in rows]
    made = Table(
        title=Text(title, no_wrap=True, overflow="ignore"),
        title_justify="left",
        title_style="bold",
        header_style="dim",
        box=box.SIMPLE_HEAD,
    )
    for i, column in enumerate(columns):
        values = [row[i] for row in shown]
        is_number = bool(values) and all(isinstance(value, int | float) for value in values)
        is_narrow = all(len(str(value)) <= _NARROW for value in values)
        made.add_column(column, justify="right" if is_number else "left", overflow="fold", no_wrap=is_narrow)
    for row in shown:
        made.add_row(*(Text("" if value is None else str(value)) for value in row))
    return made


def heading(text: str) -> None:
    """Begins a chapter of what a command says."""
    console.print(Text(f"\n{text}", "bold"))


def done(text: str, aside: str = "") -> None:
    """Says that a step is done, with what only some will look for beside it."""
    console.print(Text.assemble(("✓ ", "green"), text, (f"  {aside}" if aside else "", "dim")))


@contextmanager
def working(text: str) -> Iterator[None]:
    """Shows that a step is under way, with the time that it takes; without a terminal, a plain line."""
    if not sys.stdout.isatty():
        console.print(f"… {text}")
        yield
        return
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(24),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
    with bar:
        bar.add_task(text, total=None)
        yield
