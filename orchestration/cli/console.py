"""How commands speak to a person: one console, errors as sentences, tables, a bar for what takes time."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from orchestration.errors import FluintError

console = Console(highlight=False, soft_wrap=False)
errors = Console(stderr=True, highlight=False, soft_wrap=True)

Command = TypeVar("Command", bound=Callable[..., Any])


def speaking(command: Command) -> Command:
    """Ends a command on one of our errors with its text and exit code 1; a bug keeps its traceback."""

    @functools.wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except FluintError as error:
            errors.print(f"[bold red]✗[/] {error}", markup=True)
            for name, value in (("code", error.code), ("request id", error.request_id)):
                if value:
                    errors.print(f"  Salesforce's {name}: {value}", style="dim")
            raise typer.Exit(1) from None

    return guarded  # type: ignore[return-value]


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """A table for a person; numbers stand to the right."""
    shown = [list(row) for row in rows]
    made = Table(title=title, title_justify="left", title_style="bold", header_style="dim", expand=False)
    for i, column in enumerate(columns):
        is_number = bool(shown) and all(isinstance(row[i], int | float) for row in shown)
        made.add_column(column, justify="right" if is_number else "left", overflow="fold")
    for row in shown:
        made.add_row(*("" if value is None else str(value) for value in row))
    return made


def done(text: str) -> None:
    """Says that a step is done."""
    console.print(f"[green]✓[/] {text}")


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
