"""Counts as people look at them: a pivot table and bars in a terminal. What the counts mean is the command's business."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    import pandas as pd

_WIDTH = 50  # characters of the longest bar


def bars(title: str, rows: Iterable[tuple[str, int, int]], *, marks: Iterable[str] = ()) -> Table:
    """One bar for each (label, what there is already, what would be added); `marks` are labels to draw attention to."""
    shown, marked = list(rows), set(marks)
    longest = max((there + added for _, there, added in shown), default=0) or 1
    made = Table(title=Text(title), title_justify="left", title_style="bold", box=None, show_header=False)
    made.add_column(no_wrap=True)
    made.add_column(no_wrap=True)
    for label, there, added in shown:
        before = round(there / longest * _WIDTH)
        bar = Text("█" * before, "dim") + Text(
            "█" * (round((there + added) / longest * _WIDTH) - before), "green"
        )
        figures = f" {there + added:,}" + (f" ({added:,} new)" if there and added else "")
        made.add_row(Text(label), bar + Text(figures + (" !" if label in marked else "")))
    return made


def pivot(title: str, frame: pd.DataFrame, rows: Sequence[str], columns: str, value: str) -> Table:
    """A table of sums with one row for each combination of `rows`, one column for each of `columns`, and the sums of both.

    Columns stand in the order of a categorical; what has no number at all is left out.
    """
    counted = frame.pivot_table(
        index=list(rows), columns=columns, values=value, aggfunc="sum", fill_value=0, observed=True
    )
    counted = counted.loc[counted.any(axis=1), counted.any(axis=0)]
    made = Table(
        title=Text(title), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, show_footer=True
    )
    for i, name in enumerate(rows):
        made.add_column(name, footer="all" if i == 0 else "", no_wrap=True)
    for name in counted.columns:
        made.add_column(Text(str(name)), footer=f"{counted[name].sum():,}", justify="right")
    made.add_column("all", footer=f"{int(counted.to_numpy().sum()):,}", justify="right", style="bold")
    last: object = None
    for key, values in counted.iterrows():
        labels = [str(part) for part in key]
        repeated = labels[0] == last
        last = labels[0]
        figures = [f"{int(number):,}" if number else "" for number in values]
        made.add_row(Text("" if repeated else labels[0]), *labels[1:], *figures, f"{int(values.sum()):,}")
    return made
