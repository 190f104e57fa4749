"""A calendar of months as a small picture for Dagster's metadata: green where all is held, red where not, with how many. Pure.

A picture and no table of signs: the column in which Dagster shows metadata is as wide as seven months of a table, and many machines have
no coloured characters. The SVG is terse, because Dagster shows Markdown of less than 1,000 characters at once, longer only after a click.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from urllib.parse import quote

Months = Mapping[date, tuple[int, int]]
# Pixels: before the first month, of a month, above the first year, of a year.
_LEFT, _MONTH, _TOP, _YEAR = 30, 20, 12, 15
_MOST_NAMED = 6


def calendar(months: Months) -> str:
    """Markdown of first days of months with how many records Salesforce has and how many are held: a year per line, and in words."""
    # Left as they are, these keep it short; what would end a link in Markdown is not among them.
    picture = quote(_svg(months), safe="='/:,;- ")
    told = _told(months)
    return f"![{told}](<data:image/svg+xml,{picture}>)\n\n{told}"


def _svg(months: Months) -> str:
    years = sorted({month.year for month in months})
    middle = {year: _TOP + _YEAR * i + _YEAR // 2 for i, year in enumerate(years)}
    held = [month for month, (there, here) in months.items() if there == here > 0]
    differing = {month: here - there for month, (there, here) in months.items() if there != here}
    letters = ",".join(str(_LEFT + _MONTH * i + 6) for i in range(12))
    labels = "".join(f"<text y='{y + 4}'>{year}</text>" for year, y in middle.items())
    numbers = "".join(
        f"<text x='{_left(month) + 1}' y='{middle[month.year] + 3}'>{_short(by)}</text>"
        for month, by in sorted(differing.items())
    )
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{_LEFT + 12 * _MONTH}' height='{_TOP + _YEAR * len(years)}'"
        f" font-family='sans-serif' font-size='10'><g fill='#888'><text x='{letters}' y='9'>JFMAMJJASOND</text>{labels}</g>"
        f"{_cells('#2a9d5c', held, middle)}{_cells('#d13b3b', differing, middle)}"
        + (f"<g fill='#fff' font-size='8'>{numbers}</g>" if numbers else "")
        + "</svg>"
    )


def _cells(colour: str, months: Iterable[date], middle: Mapping[int, int]) -> str:
    """One line per run of months; its dashes are the months."""
    drawn: list[list[int]] = []  # where a run begins, at which height, how long it is
    for month in sorted(months):
        x, y = _left(month), middle[month.year]
        if drawn and drawn[-1][1] == y and drawn[-1][0] + drawn[-1][2] == x:
            drawn[-1][2] += _MONTH
        else:
            drawn.append([x, y, _MONTH])
    path = "".join(f"M{x},{y}h{length}" for x, y, length in drawn)
    dashes = f"stroke-width='{_YEAR - 2}' stroke-dasharray='{_MONTH - 1},1'"
    return f"<path stroke='{colour}' {dashes} d='{path}'/>" if path else ""


def _left(month: date) -> int:
    return _LEFT + _MONTH * (month.month - 1)


def _short(number: int) -> str:
    """With its sign, in the width of a month."""
    text = f"{number:+}" if abs(number) < 1_000 else f"{number // 1_000:+}k"
    return text.replace("-", "−")


def _told(months: Months) -> str:
    differing = [(month, here - there) for month, (there, here) in sorted(months.items()) if there != here]
    if not differing:
        return f"All {sum(here for _, here in months.values()):,} are held."
    named = ", ".join(f"{month:%Y-%m} {_short(by)}" for month, by in differing[:_MOST_NAMED])
    more = f" and {len(differing) - _MOST_NAMED} more" if len(differing) > _MOST_NAMED else ""
    return f"Held less (−) or more (+) than Salesforce has: {named}{more}."
