"""The backfill filter as a value: its digest, its conditions, and both sides of each rule."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from orchestration.cli.filters import since
from orchestration.entitlement.filters import BackfillFilter

FULL = BackfillFilter(
    created_since=datetime(2025, 1, 1, tzinfo=UTC),
    excluded_stages=("Closed Lost", "O'Neil"),
    excluded_record_types=("012000000000001AAA",),
    minimum_amount=Decimal("500.50"),
)


def test_the_digest_ignores_the_date_and_the_order_of_values() -> None:
    """Coverage that is thrown away because a list was written in another order, or because only the range moved."""
    same = replace(FULL, created_since=None, excluded_stages=("O'Neil", "Closed Lost"))
    assert same.digest == FULL.digest


def test_the_digest_changes_with_every_part_that_is_not_the_date() -> None:
    """A changed filter under which old coverage still counts: deals that were let in would never be listed."""
    others = [
        replace(FULL, excluded_stages=("Closed Lost",)),
        replace(FULL, excluded_record_types=()),
        replace(FULL, minimum_amount=None),
        replace(FULL, minimum_amount=Decimal("500.51")),
        replace(FULL, minimum_amount=Decimal(0)),  # a deal without an amount is below it, and passes None
    ]
    assert len({FULL.digest, *(other.digest for other in others)}) == 6


def test_the_digest_ignores_owners_who_are_left_out() -> None:
    """One owner more in the list, and the coverage of all the others is worthless: a whole org is read again for nothing."""
    assert replace(FULL, excluded_owners=("005000000000001AAA",)).digest == FULL.digest


def test_the_digest_of_a_filter_is_the_one_that_earlier_releases_wrote() -> None:
    """An upgrade after which every owner of every customer is listed again."""
    assert BackfillFilter().digest == "90ffafcb3e093c10"
    assert FULL.digest == "0cf4fdd3e0403728"


def test_each_part_becomes_a_condition_and_quotes_are_escaped() -> None:
    """A stage with an apostrophe that breaks the query, or ends it early."""
    assert FULL.conditions() == [
        "CreatedDate >= 2025-01-01T00:00:00Z",
        "StageName NOT IN ('Closed Lost','O\\'Neil')",
        "RecordTypeId NOT IN ('012000000000001AAA')",
        "Amount >= 500.50",
    ]


def test_a_deal_without_an_amount_is_below_any_minimum() -> None:
    """SOQL's `<` is false for an empty amount: such a deal would be neither in nor counted as left out."""
    assert FULL.rules()[-1].refuses == "(Amount < 500.50 OR Amount = null)"


def test_an_empty_filter_has_no_conditions() -> None:
    """A condition on nothing, which SOQL cannot express."""
    assert BackfillFilter().conditions() == []


def test_last_year_on_a_leap_day_is_a_day_that_exists() -> None:
    """`replace(year=…)` raises on 29 February."""
    assert since("last-year", datetime(2028, 2, 29, 12, tzinfo=UTC)) == datetime(2027, 2, 28, tzinfo=UTC)
    assert since("beginning", datetime(2028, 2, 29, tzinfo=UTC)) is None
    assert since("2024-05-06", datetime(2028, 2, 29, tzinfo=UTC)) == datetime(2024, 5, 6, tzinfo=UTC)
