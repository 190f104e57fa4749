"""How a preview's counts are cut into queries: values in, values out. What Salesforce answers is in tests/sync."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestration.entitlement.preview import MOST_GROUPS, Spread, packed
from orchestration.salesforce.soql import MAX_ID_LIST

SPREADS = st.builds(
    Spread,
    st.uuids().map(str),
    deals=st.integers(1, 20_000),
    stages=st.integers(1, 300),
    first_year=st.integers(2005, 2026),
    last_year=st.just(2026),
)


@given(st.lists(SPREADS, max_size=60, unique_by=lambda spread: spread.owner_id))
def test_every_owner_and_year_is_counted_once_within_the_groups_of_a_query(spreads: list[Spread]) -> None:
    """Over 2,000 groups Salesforce refuses the query, for it has no second page of them; an owner between two queries is lost."""
    by_id = {spread.owner_id: spread for spread in spreads}
    counted = []
    for owner_ids, year in packed(spreads):
        assert len(owner_ids) <= MAX_ID_LIST
        groups = [by_id[owner].groups if year is None else by_id[owner].stages for owner in owner_ids]
        assert sum(groups) <= MOST_GROUPS
        for owner in owner_ids:
            years = range(by_id[owner].first_year, by_id[owner].last_year + 1) if year is None else [year]
            counted += [(owner, each) for each in years]
    expected = [(s.owner_id, year) for s in spreads for year in range(s.first_year, s.last_year + 1)]
    assert sorted(counted) == sorted(expected)


def test_small_owners_are_counted_together_and_few_deals_make_few_groups() -> None:
    """Twelve stages in twenty years are 240 groups, but not of three deals: one query for each owner would cost thousands of calls."""
    spreads = [Spread(str(i), 3, 12, 2006, 2026) for i in range(600)]
    assert [len(owners) for owners, _ in packed(spreads)] == [500, 100]
