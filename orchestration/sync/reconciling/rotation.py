"""Which months are compared by ids tonight, whatever their counts say. Pure.

A row that is missing and another one that is too much, in the same owner's month or on the same deal, leave the counts equal. So the
ids themselves are listed, too: all of them of an object that is not large, and of a large one a seventh every night, those first
that were not compared for longest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime

from orchestration.sync.reconciling.counting import next_month

# Within so many nights every id was compared.
NIGHTS = 7
# An answer has room for 2,000 keys, so this is ten calls: an object of no more rows is compared by ids whole, every night.
IDS_A_NIGHT = 20_000
_NEVER = datetime.min.replace(tzinfo=UTC)


def months_due(rows: Mapping[date, int], compared: Mapping[date, datetime]) -> list[date]:
    """Of the months with so many `rows`, in order, those whose turn it is; `compared` says when (UTC) the ids of each were last listed.

    A month is taken whole. What is taken is never less than a seventh of all rows, and the oldest first, so seven nights take all.
    """
    most = max(IDS_A_NIGHT, -(-sum(rows.values()) // NIGHTS))
    due: list[date] = []
    taken = 0
    for month in sorted(rows, key=lambda month: (compared.get(month, _NEVER), month)):
        if taken >= most:
            break
        due.append(month)
        taken += rows[month]
    return sorted(due)


def runs(months: Iterable[date]) -> list[tuple[date, date]]:
    """Months that follow each other as spans: (the first, the first day after the last)."""
    spans: list[tuple[date, date]] = []
    for month in months:
        if spans and spans[-1][1] == month:
            spans[-1] = spans[-1][0], next_month(month)
        else:
            spans.append((month, next_month(month)))
    return spans
