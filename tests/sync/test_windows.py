"""Windows and what an answer proves, from times alone: clocks that ran ahead, answers from a cache. Rules R2 and R5."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from orchestration.sync.windows import followed_up_to, window_of_listing, window_to_follow

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
