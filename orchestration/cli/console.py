"""How commands speak to a person: one console, errors as sentences, tables, a bar for what takes time."""

from __future__ import annotations

import functools
import inspect
import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import typer
from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from orchestration.errors import FluintError
from orchestration.postgres.faults import of_postgres

# Without a terminal (a pipe, CI) there is no width to ask for, and 80 columns would fold ids.
_WIDTH = None if sys.stdout.isatty() else 120
_NARROW = 26  # characters that are not worth a line break: an id, a name, a state
_INTERRUPTED = 130  # what a shell gives a program that Ctrl-C ended

console = Console(highlight=False, width=_WIDTH)
errors = Console(stderr=True, highlight=False, soft_wrap=True)

Command = TypeVar("Command", bound=Callable[..., Any])


def speaking(command: Command) -> Command:
    """Ends a command on one of our errors with its text and exit code 1, on Ctrl-C with 130; a bug keeps its traceback."""

    @functools.wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        # With a handler at the root, no library makes one that prints its log between our lines.
        logging.getLogger().addHandler(logging.NullHandler())
        try:
            return command(*args, **kwargs)
        except FluintError as error:
            say(error)
        except KeyboardInterrupt:
            # Every command commits what belongs together, and closes the difference that is left when it is run again.
            errors.print("\nStopped. What was finished stays; the same command again does the rest.")
            raise typer.Exit(_INTERRUPTED) from None
        except Exception as error:
            explained = of_postgres(error)
            if explained is None:
                raise
            say(explained)
        raise typer.Exit(1)

    guarded.__doc__ = _unfolded(command.__doc__ or "")
    return guarded  # type: ignore[return-value]


def _unfolded(text: str) -> str:
    """A docstring as help: typer keeps the line breaks of all paragraphs but the first, wherever the terminal ends."""
    return "\n\n".join(" ".join(part.split()) for part in inspect.cleandoc(text).split("\n\n"))


def say(error: FluintError) -> None:
    """Says an error to a person, with people's names beside their ids and Salesforce's codes below."""
    # Text(): a bracket in a message is not markup.
    from orchestration.cli.names import with_names

    errors.print(Text.assemble(("✗ ", "bold red"), with_names(str(error))))
    for name, value in (("code", error.code), ("request id", error.request_id)):
        if value:
            errors.print(f"  Salesforce's {name}: {value}", style="dim", markup=False)


class _Fitting(Table):
    """A table that lists its rows as lines where the terminal is too narrow: rich would leave whole columns out without a word."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The table, or of each row a line with what each cell is."""
        if self._needed() <= options.max_width:
            yield from super().__rich_console__(console, options)
            return
        yield Text.assemble((f"{self.title}\n" if self.title else "", "bold"))
        for row in zip(*(column.cells for column in self.columns), strict=True):
            named = zip(self.columns, row, strict=True)
            told = [Text.assemble((f"{each.header} ", "dim"), cell) for each, cell in named if str(cell)]
            yield Padding(Text(" · ").join(told), (0, 0, 0, 2))
        yield Text()

    def _needed(self) -> int:
        """Characters in which nothing is left out: what may be folded takes as many as its longest word, up to what is narrow."""
        widths = []
        for column in self.columns:
            texts = [str(column.header), *(str(cell) for cell in column.cells)]
            words = [word for text in texts for word in text.split()]
            whole = max(map(cell_len, texts), default=0)
            folded = min(_NARROW, max(map(cell_len, words), default=0))
            widths.append(whole if column.no_wrap else folded)
        return sum(widths) + 3 * len(widths) + 1  # a blank on both sides and the place of a line


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """A table for a person; numbers stand to the right. In a terminal too narrow for it, the rows one below the other."""
    shown = [list(row) for row in rows]
    made = _Fitting(
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
