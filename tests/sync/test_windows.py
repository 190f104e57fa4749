"""Windows and what an answer proves, from times alone: clocks that ran ahead, answers from a cache. Rules R2 and R5."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from orchestration.sync.windows import (
    ChildrenOf,
    CreatedRange,
    Window,
    followed_up_to,
    window_of_listing,
    window_to_follow,
)

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
OVERLAP = timedelta(minutes=20)


def at(minutes: int) -> datetime:
    """So many minutes after noon."""
    return NOON + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("cursor", "horizon", "start", "end"),
    [(0, 1, -20, 1), (0, 0, -20, 0), (120, 1, -19, 120)],
    ids=["an interval", "twice in a second", "a cursor in the future"],
)
def test_a_window_begins_before_the_cursor_and_before_the_horizon(
    cursor: int, horizon: int, start: int, end: int
) -> None:
    """A cursor that followed a clock which ran ahead: what changes until then would lie before every window."""
    window = window_to_follow(at(cursor), at(horizon), OVERLAP)
    assert (window.start, window.end) == (at(start), at(end))


@pytest.mark.parametrize(
    ("cursor", "horizon", "answered", "proven"),
    [(0, 1, 1, 1), (0, 1, 2, 1), (0, 30, 1, 1), (0, 1, -30, 0), (120, 1, 1, 120), (None, 30, 1, 1)],
    ids=["usual", "slow", "dated ahead", "from a cache", "cursor in the future", "first read"],
)
def test_an_answer_proves_nothing_beyond_its_own_date(
    cursor: int | None, horizon: int, answered: int, proven: int
) -> None:
    """A horizon that was dated ahead, or an answer from before the question: a cursor that moves past what was seen."""
    start = None if cursor is None else at(cursor)
    window = window_to_follow(start or at(horizon), at(horizon), OVERLAP)
    assert followed_up_to(window, start, at(answered)) == at(proven)


def test_the_keys_of_a_listing_are_read_from_before_its_beginning_by_either_clock() -> None:
    """A beginning that was dated ahead, and a listing whose changes are then not read again."""
    assert window_of_listing(at(0), at(5), OVERLAP, at(0)).start == at(-20)
    assert window_of_listing(at(120), at(5), OVERLAP, None).start == at(-15)
    # A cursor that once followed a date ahead stays there: keys that end before it would be read for ever.
    assert window_of_listing(at(0), at(5), OVERLAP, at(120)).end == at(120)


@pytest.mark.parametrize(
    ("whole", "most"),
    [
        (Window(at(0), at(20)), 2_000),
        (Window(at(0), at(20) + timedelta(microseconds=5)), 2_000),
        (CreatedRange(at(0), at(20)), 2_000),
        (CreatedRange(None, at(-10_000)), 40),
        (CreatedRange(at(0), None), 40),
        (CreatedRange(None, None), 40),
        (ChildrenOf("RelatedToId", ("006A", "006B", "006C"), CreatedRange(at(0), at(1))), 400),
    ],
    ids=str,
)
def test_halves_are_the_whole_and_come_to_an_end(
    whole: Window | CreatedRange | ChildrenOf, most: int
) -> None:
    """A second between two halves that neither has, an open end that was closed, or a splitting that never ends."""
    smallest: list[Window | CreatedRange | ChildrenOf] = []
    left = [whole]
    while left:
        part = left.pop()
        halves = part.halves(at(30))
        if halves is None:
            smallest.append(part)
            continue
        assert _joined(*halves) == part
        # Of a range of decades the later halves alone are followed: a billion seconds take too long.
        left += halves[1:] if most == 40 else halves
        assert len(smallest) + len(left) < most
    assert smallest


def _joined(
    first: Window | CreatedRange | ChildrenOf, second: Window | CreatedRange | ChildrenOf
) -> Window | CreatedRange | ChildrenOf:
    """The part that two neighbours make, as far as they touch."""
    if isinstance(first, ChildrenOf) and isinstance(second, ChildrenOf):
        if first.deals != second.deals:
            return replace(first, deals=first.deals + second.deals)
        created = _joined(first.created, second.created)
        assert isinstance(created, CreatedRange)
        return replace(first, created=created)
    assert not isinstance(first, ChildrenOf)
    assert not isinstance(second, ChildrenOf)
    assert first.end == second.start is not None
    return replace(first, end=second.end)


def test_a_range_is_told_as_open_as_it_is() -> None:
    """An error about every deal of an org that names a date nobody set."""
    children = ChildrenOf("RelatedToId", ("006A",), CreatedRange(None, at(0)))
    assert str(children) == "of 006A created to 2026-05-04 12:00:00 UTC"
    assert str(CreatedRange(None, None)) == "created at any time"
