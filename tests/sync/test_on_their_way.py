"""The scope changes while deals are on their way: asked for by one licence and filter, stored under another (R6)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from orchestration.entitlement.filters import BackfillFilter
from orchestration.sync import arrivals, listing
from orchestration.sync.changes import read_keys
from orchestration.sync.run import list_missing
from tests.sync.bench import TABLES, Bench
from tests.sync.test_changes import _new_deal
from tests.sync.test_coincidences import licence_flickers


@pytest.mark.parametrize("threshold", [1, 1_000_000], ids=["bulk", "rest"])
def test_a_licence_that_ends_while_deals_are_on_their_way_keeps_them_out(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, threshold: int
) -> None:
    """Asked for by the licence of a second ago, stored for good: admitted without anybody's right to it.

    And the other way round: the licence is back at once, and coverage would promise what was left out.
    """
    read_keys(bench.with_(), TABLES)
    rep = bench.rep()
    with monkeypatch.context() as patched:
        real = licence_flickers(bench, rep["fluint_email"], arrivals.store_rows)
        patched.setattr(arrivals, "store_rows", real)
        patched.setattr(listing, "store_rows", real)
        bench.options = replace(bench.options, bulk_threshold=threshold)
        list_missing(bench.with_(), ["user", "opportunity"])
    owned = f"select id from raw_salesforce.opportunity where owner_id = '{rep['user_id']}'"
    assert bench.ask(owned) == []
    assert bench.live("opportunity")
    list_missing(bench.with_(), ["user", "opportunity"])
    assert bench.ask(owned) != []


def test_a_licence_that_ends_while_a_new_deal_is_fetched_keeps_it_out(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the question and the row lies the network."""
    bench.load()
    rep = bench.rep()
    deal = _new_deal(bench, OwnerId=rep["user_id"])
    bench.org.admin("POST", "/clock", {"seconds": 2})
    with monkeypatch.context() as patched:
        real = licence_flickers(bench, rep["fluint_email"], arrivals.store_rows)
        patched.setattr(arrivals, "store_rows", real)
        bench.follow()
    assert bench.ask(f"select id from raw_salesforce.opportunity where id = '{deal}'") == []
    bench.load()
    assert deal in bench.live("opportunity")


def test_a_filter_that_is_narrowed_while_deals_are_on_their_way_keeps_them_out(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The person narrows the filter before the first import and finds on the board what was kept out."""
    read_keys(bench.with_(), TABLES)
    real = arrivals.store_rows

    def narrowed(connection: Any, *args: Any, **kwargs: Any) -> Any:
        bench.filter(BackfillFilter(minimum_amount=Decimal("1e12")))
        return real(connection, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(arrivals, "store_rows", narrowed)
        list_missing(bench.with_(), ["opportunity"])
    assert bench.live("opportunity") == set()
    bench.filter(BackfillFilter())
