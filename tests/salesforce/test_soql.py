"""SOQL text: literals that cannot break out, windows without gaps, names that are names."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.errors import BugError
from orchestration.salesforce import soql

START = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_statement_has_its_clauses_in_the_order_that_soql_wants() -> None:
    """Any other order is MALFORMED_QUERY."""
    statement = soql.select(
        ["OwnerId", "COUNT(Id) n"],
        "Opportunity",
        [soql.equal("IsDeleted", False), soql.is_in("OwnerId", ["005A", "005B"])],
        group_by=["OwnerId"],
        order_by=["OwnerId DESC"],
        limit=10,
    )
    assert statement == (
        "SELECT OwnerId, COUNT(Id) n FROM Opportunity WHERE IsDeleted = false AND OwnerId IN ('005A','005B')"
        " GROUP BY OwnerId ORDER BY OwnerId DESC LIMIT 10"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (START, "2026-01-01T00:00:00Z"),
        (START.replace(microsecond=120_000), "2026-01-01T00:00:00.120Z"),
        (datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))), "2026-01-01T00:00:00Z"),
        (date(2026, 1, 1), "2026-01-01"),
        (Decimal("1E+6"), "1000000"),
        (Decimal("10.10"), "10.10"),
        (True, "true"),
        (None, "null"),
        (7, "7"),
        ('O\'Neil \\ "x"\n', "'O\\'Neil \\\\ \\\"x\\\"\\n'"),
    ],
)
def test_a_value_is_written_as_soql_reads_it(value: soql.Value, text: str) -> None:
    """A quoted datetime or a number with an exponent is refused; a local time would shift the window."""
    assert soql.literal(value) == text


@given(st.text())
def test_no_text_ends_its_own_quotes(value: str) -> None:
    """A stage called `x' OR Name != '` must be looked for, not obeyed."""
    quoted = soql.literal(value)
    assert quoted[0] == quoted[-1] == "'"
    assert not re.search(r"(?<!\\)(?:\\\\)*'", quoted[1:-1])


def test_a_datetime_without_a_zone_is_a_mistake_of_ours() -> None:
    """It would be read as UTC and meant as local."""
    with pytest.raises(BugError, match="time zone"):
        soql.literal(datetime(2026, 1, 1))  # noqa: DTZ001 - the mistake


def test_a_window_holds_its_start_and_leaves_out_its_end() -> None:
    """Half-open windows touch without sharing a row or losing one."""
    end = START + timedelta(minutes=1)
    assert soql.within("SystemModstamp", START, end) == [
        "SystemModstamp >= 2026-01-01T00:00:00Z",
        "SystemModstamp < 2026-01-01T00:01:00Z",
    ]
    assert soql.within("CreatedDate", None, None) == []


def test_choices_stand_in_parentheses_beside_other_conditions() -> None:
    """AND binds closer than OR: without them a filter would let everything through."""
    either = soql.any_of([soql.all_of(["A = 1", "B = 2"]), "C = null"])
    assert either == "((A = 1 AND B = 2) OR C = null)"


@pytest.mark.parametrize(
    "make",
    [
        lambda: soql.is_in("Id", []),
        lambda: soql.is_not_in("Id", []),
        lambda: soql.any_of([]),
        lambda: soql.all_of([]),
        lambda: soql.select([], "Opportunity"),
        lambda: soql.select(["Id FROM User--"], "Opportunity"),
        lambda: soql.select(["Id"], "Opportunity WHERE 1"),
        lambda: soql.compare("Id", "LIKE", "x"),
        lambda: soql.equal("Name = 'x' OR Id", "y"),
        lambda: soql.select(["Id"], "Contact", [soql.is_in("Id", ["x" * 18] * 5_000)]),
    ],
)
def test_what_cannot_be_a_query_is_stopped_before_it_is_sent(make: object) -> None:
    """An empty list dropped in silence would ask for everything."""
    with pytest.raises(BugError):
        make()  # type: ignore[operator]


@given(st.lists(st.integers()), st.integers(min_value=1, max_value=7))
def test_pieces_hold_everything_once_and_in_order(values: list[int], size: int) -> None:
    """An id lost between two chunks is never asked for again."""
    pieces = list(soql.chunked(values, size))
    assert [value for piece in pieces for value in piece] == values
    assert all(1 <= len(piece) <= size for piece in pieces)


def test_the_object_of_a_statement_is_found_for_texts() -> None:
    """A text without it cannot say what is late."""
    assert soql.sobject_of(soql.select(["Id"], "EmailMessage")) == "EmailMessage"
    assert soql.sobject_of("nonsense") == "records"
