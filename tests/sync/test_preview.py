"""A preview against a running org: its counts are those that come in, its estimate what the import takes, and it reads no content."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta

import pytest

from orchestration.entitlement import preview as module
from orchestration.entitlement.filters import BackfillFilter
from orchestration.entitlement.preview import preview
from orchestration.errors import SetupError
from orchestration.sync.changes import read_keys
from orchestration.sync.estimate import ROWS_PER_SECOND, Children, Load, Speed, estimate, measured_speed
from tests.sync.bench import Bench

LOST = BackfillFilter(excluded_stages=("Closed Lost",))
_COUNTS = r"OwnerId|StageName|CALENDAR_YEAR\(CreatedDate\) year|COUNT(_DISTINCT)?\(\w+\) \w+|(MIN|MAX)\(CreatedDate\) \w+"


@pytest.fixture
def users_known(bench: Bench) -> Bench:
    """The workspace once users, stages and record types were read."""
    read_keys(bench.with_(), ["user", "opportunity_stage", "record_type"])
    return bench


def test_a_preview_counts_per_owner_stage_and_year_what_then_comes_in(users_known: Bench) -> None:
    """A figure on which a person decides for good, and another number of deals that arrives."""
    bench = users_known
    rep = next(m for m in bench.people if m["role"] == "rep")
    chosen = BackfillFilter(excluded_stages=("Closed Lost",), excluded_owners=(rep["user_id"],))
    seen = preview(bench.database, bench.client, chosen)
    bench.filter(chosen)
    bench.load()
    came = bench.ask(
        "select owner_id, stage_name, extract(year from created_date at time zone 'UTC')::int, count(*)::int"
        " from raw_salesforce.opportunity group by 1, 2, 3"
    )
    assert {(g.owner_id, g.stage, g.year, g.new) for g in seen.groups} == set(came) != set()
    assert rep["user_id"] not in {owner.owner_id for owner in seen.owners}
    again = preview(bench.database, bench.client, chosen)
    assert {group.new for group in again.groups} == {0}
    assert sum(owner.board for owner in again.owners) == sum(group.deals for group in seen.groups)


def test_a_preview_asks_for_counts_only_and_for_owners_in_scope(users_known: Bench) -> None:
    """A look at a setting that reads names and amounts of deals which nobody has decided to import."""
    bench = users_known
    before = bench.log_position()
    bench.client.take_calls()
    preview(bench.database, bench.client, LOST)
    asked = bench.queries(before)
    assert asked
    for query in asked:
        fields = query.removeprefix("SELECT ").split(" FROM ")[0].split(", ")
        assert all(re.fullmatch(_COUNTS, field) for field in fields), query
        assert set(re.findall(r"005\w{15}", query)) <= set(bench.owners())
    assert sum(bench.client.take_calls().values()) == 3


def test_counts_in_many_queries_are_the_counts_of_one(
    users_known: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Groups that are lost, or counted twice, where owners or years are divided among queries."""
    bench = users_known
    whole = preview(bench.database, bench.client, LOST)
    monkeypatch.setattr(module, "MOST_GROUPS", 12)
    cut = preview(bench.database, bench.client, LOST)
    assert sorted(map(repr, cut.groups)) == sorted(map(repr, whole.groups)) != []
    assert cut.totals == whole.totals


def test_the_estimate_is_near_what_the_import_then_takes(users_known: Bench) -> None:
    """`about 20 calls` before an import that takes 300 of an org's daily allowance."""
    bench = users_known
    seen = preview(bench.database, bench.client, BackfillFilter())
    bench.client.take_calls()
    deals = Counter({owner.owner_id: 0 for owner in seen.owners})
    for group in seen.groups:
        deals[group.owner_id] += group.new
    share = deals.total() / seen.totals.deals
    totals = (seen.totals.roles, seen.totals.mails, seen.totals.tasks, seen.totals.events)
    load = estimate(deals, deals.total(), Children(*(round(count * share) for count in totals)))
    report = bench.load()
    rows = sum(report[table].counts.read for table in report)
    ((calls,),) = bench.ask("select sum(calls)::int from fluint_sync.api_call where run_id = 'run-2'")
    assert calls <= load.calls <= 2 * calls
    assert rows * 0.8 <= load.rows <= rows * 1.6
    speed = measured_speed(bench.database)
    assert (speed.runs, speed.rows_per_second != ROWS_PER_SECOND) == (1, True)


def test_without_a_licensed_owner_a_preview_says_what_is_missing(bench: Bench) -> None:
    """An empty table that looks like an org without deals, because the users were never read."""
    with pytest.raises(SetupError, match="`fluint users list`"):
        preview(bench.database, bench.client, BackfillFilter())


def test_the_time_is_taken_from_rows_and_with_our_own_speed_from_calls() -> None:
    """An estimate for a far org by a measurement on this machine that leaves the way out."""
    load = Load(rows=9_700, calls=100)
    assert Speed(970.0, 0).time_for(load) == timedelta(seconds=40)
    assert Speed(970.0, 3).time_for(load) == timedelta(seconds=10)


@pytest.mark.parametrize(
    ("listed", "new", "roles", "mails", "calls"),
    [
        ({"a": 0}, 0, 0, 0, 17 + 1 + 1),  # the owner's count and keys pass
        ({"a": 2_000}, 2_000, 0, 0, 17 + 1 + 2 + 4 * 2 + 2),
        ({"a": 2_500}, 2_500, 2_500, 4_000, 17 + 1 + 3 + (2 + 2) + (20 + 2) + 2 * 2 + 2 + 2),
        ({"a": 50_000}, 0, 0, 0, 17 + 1 + 14),  # Bulk, held already: no children
    ],
)
def test_calls_follow_the_steps_of_a_listing(
    listed: dict[str, int], new: int, roles: int, mails: int, calls: int
) -> None:
    """An estimate that forgets a page of 200 mails, which is most of the calls of an import."""
    assert estimate(listed, new, Children(roles, mails)).calls == calls
