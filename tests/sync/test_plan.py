"""How work is cut and which windows are read: values in, values out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from orchestration.entitlement.excluded import _questions
from orchestration.entitlement.filters import BackfillFilter
from orchestration.salesforce.query import MAX_URI
from orchestration.sync.objects import CATALOGUE, OPPORTUNITY, SObject
from orchestration.sync.plan import OWNERS_IN_A_QUERY, QUERIES_IN_A_COMPOSITE, ROWS_IN_A_PACK, pack_owners
from orchestration.sync.windows import CreatedRange, window_of_listing, window_to_follow

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
OVERLAP = timedelta(minutes=20)


@given(st.dictionaries(st.text(min_size=1, max_size=3), st.integers(0, ROWS_IN_A_PACK * 2), max_size=60))
def test_every_owner_is_in_exactly_one_pack_that_is_not_too_large(counts: dict[str, int]) -> None:
    """An owner that falls between two packs is never listed; one in two packs is listed twice."""
    packs = pack_owners(counts)
    assert sorted(owner for pack in packs for owner in pack.owner_ids) == sorted(counts)
    for pack in packs:
        assert pack.rows == sum(counts[owner] for owner in pack.owner_ids)
        assert len(pack.owner_ids) <= OWNERS_IN_A_QUERY
        assert pack.rows <= ROWS_IN_A_PACK or len(pack.owner_ids) == 1


def test_a_window_begins_before_the_cursor_and_never_ends_before_it() -> None:
    """A row that is stamped before its commit (airbyte#27146), and a cursor that runs back with the org's clock."""
    assert window_to_follow(NOON, NOON + timedelta(minutes=1), OVERLAP).start == NOON - OVERLAP
    assert window_to_follow(NOON, NOON - timedelta(minutes=1), OVERLAP).end == NOON
    assert window_of_listing(NOON, NOON - timedelta(hours=1), OVERLAP, None).end == NOON


def test_a_range_of_months_is_cut_to_the_filters_date() -> None:
    """A backfill of old months that brings in deals which the filter keeps out."""
    year = CreatedRange(datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))
    june = datetime(2025, 6, 1, tzinfo=UTC)
    assert year.cut_to(june) == CreatedRange(june, year.end)
    assert year.cut_to(NOON) is None
    assert CreatedRange(None, None).cut_to(june) == CreatedRange(june, None)
    assert CreatedRange(None, june).multirange() == "{[,2025-06-01T00:00:00+00:00)}"


def test_every_object_can_be_followed_and_stored() -> None:
    """An object of the catalogue without id, stamp or parent field: its merge or its keys would fail at the first row."""
    assert CATALOGUE
    for sobject in CATALOGUE:
        paths = {field.path for field in sobject.fields}
        assert {"Id", "SystemModstamp"} <= set(sobject.key_fields) <= paths
        assert sobject.is_whole or "IsDeleted" in sobject.key_fields
        assert {sobject.parent, *sobject.more_keys} - {None} <= set(sobject.key_fields)
        assert len({field.column for field in sobject.fields}) == len(sobject.fields)
        # One reason to come in each, and the deal none of these.
        reasons = (sobject.is_whole, bool(sobject.parent), bool(sobject.named_by))
        assert sum(reasons) == int(sobject is not OPPORTUNITY)
    assert sum(sobject.at_every_tick for sobject in CATALOGUE) < QUERIES_IN_A_COMPOSITE


def test_columns_carry_the_common_names_of_the_schema() -> None:
    """Dashboards that are written for the common Salesforce schema and find other names here."""
    from orchestration.sync.objects import field

    names = ["Pricebook2Id", "MEDDPICC_Score__c", "Account.Name", "SystemModstamp", "IsWon"]
    assert [field(name).column for name in names] == [
        "pricebook_2_id",
        "meddpicc_score_c",
        "account_name",
        "system_modstamp",
        "is_won",
    ]


def test_a_field_of_a_parent_is_asked_for_only_if_lookup_and_parent_show_it() -> None:
    """`Account.Name` in a query when the lookup or the account cannot be read: INVALID_FIELD, and no deal at all."""

    def paths(sobject: SObject, *shown: str) -> list[str]:
        return [field.path for field in sobject.fields_shown(shown)]

    assert paths(OPPORTUNITY, "Id", "AccountId", "Account.Name") == ["Id", "AccountId", "Account.Name"]
    assert paths(OPPORTUNITY, "Id", "Account.Name") == ["Id"]
    assert paths(OPPORTUNITY, "Id", "AccountId") == ["Id", "AccountId"]


def test_a_count_of_many_owners_is_asked_in_queries_that_fit_a_uri() -> None:
    """An org with 1,500 users whose every sync fails at the count of what stays out (a URI holds 16,384 bytes)."""
    owners = [f"005{number:015d}" for number in range(1_500)]
    filters = BackfillFilter(excluded_stages=("Lost",))
    questions = [question.soql for question in _questions(owners, owners, filters)]
    assert len(questions) == 6
    assert max(map(len, questions)) < MAX_URI
