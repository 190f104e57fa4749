"""An object of 800 fields: more than a URI can name, so it is asked for in parts that belong together by id and stamp."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from orchestration.salesforce.pages import Page
from orchestration.sync import wide
from orchestration.sync.fields import Readable
from orchestration.sync.objects import OPPORTUNITY, Field
from orchestration.sync.options import Collaborators, ExtraField
from orchestration.sync.plan import CHARACTERS_OF_FIELDS, field_groups
from tests.sync.bench import Bench

FORMULAS = 760
URI = 16_384
COLUMNS = [f"formula_of_a_past_project_{number:03d}_c" for number in range(FORMULAS)]


def test_fields_are_cut_into_queries_that_leave_room_for_ids() -> None:
    """airbyte#10111: a statement of 24,000 bytes that no URI takes, or a group that somebody forgot to ask for."""
    fields = [Field(f"Formula_Of_A_Past_Project_{number:03d}__c") for number in range(FORMULAS)]
    groups = field_groups([*OPPORTUNITY.fields, *fields])
    assert [field for group in groups for field in group] == [*OPPORTUNITY.fields, *fields]
    assert max(sum(len(field.path) + 2 for field in group) for group in groups) <= CHARACTERS_OF_FIELDS
    assert set(OPPORTUNITY.fields) < set(groups[0])
    assert field_groups(OPPORTUNITY.fields) == [OPPORTUNITY.fields]


@pytest.fixture
def bench(loaded: Bench) -> Iterator[Bench]:
    """A workspace whose deals have 800 fields; everything was read."""
    before, options = loaded.org.admin("GET", "/switches"), loaded.options
    loaded.org.admin("PATCH", "/switches", {"custom_formulas": FORMULAS})
    extras = tuple(ExtraField(f"Formula_Of_A_Past_Project_{n:03d}__c") for n in range(FORMULAS))
    loaded.options = replace(options, extra_fields={"opportunity": extras})
    loaded.load()
    yield loaded
    loaded.options = options
    loaded.org.admin("PATCH", "/switches", before)


def _is_right(bench: Bench, deals: set[str]) -> bool:
    """Whether each of these deals has in all 760 columns what the formula says: its account's industry or fax."""
    same = " and ".join(
        f"{column} is not distinct from {COLUMNS[min(1, place % 8)]}" for place, column in enumerate(COLUMNS)
    )
    rows = dict(
        bench.ask(
            f"select id, {COLUMNS[0]} from raw_salesforce.opportunity where _deleted_at is null and {same}"
        )
    )
    theirs = bench.records("SELECT Id, Account.Industry FROM Opportunity WHERE IsDeleted = false")
    return rows == {r["Id"]: r["Account"] and r["Account"]["Industry"] for r in theirs if r["Id"] in deals}


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_an_object_of_800_fields_is_read_whole_by_queries_that_fit_a_uri(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """airbyte#10111: of a wide object the first fields only, or halves of two states of one record."""
    deals = bench.live("opportunity")
    assert _is_right(bench, deals)
    changed = sorted(deals & bench.entitled())[0]
    mark = bench.log_position()
    bench.update("Opportunity", changed, NextStep="wide")
    assert bench.follow()["opportunity"].state == "complete"
    with bench.database.transaction() as connection:
        connection.execute("delete from raw_salesforce.opportunity where id <> %s", [changed])
        connection.execute("delete from fluint_sync.owner_coverage")
    assert bench.load()["opportunity"].state == "complete"
    assert max(map(len, bench.queries(mark))) < URI - 2_000
    assert bench.live("opportunity") >= bench.entitled()
    assert _is_right(bench, bench.live("opportunity"))
    by_rest = bench.content("opportunity")
    options, bench.options = bench.options, replace(bench.options, bulk_threshold=1)
    with bench.database.transaction() as connection:
        connection.execute("delete from raw_salesforce.opportunity")
        connection.execute("delete from fluint_sync.owner_coverage")
    assert bench.load()["opportunity"].state == "complete"
    assert any(entry["job_id"] for entry in bench.org.admin("GET", f"/log?after={mark}"))
    assert bench.content("opportunity") == by_rest
    bench.options = options
    # And a record that changes between two parts of it is read again, never stored by halves or forgotten.
    asked: list[Page] = []

    def changes_meanwhile(with_: Collaborators, what: Readable, page: Page) -> Any:
        if not asked and what.sobject is OPPORTUNITY:
            asked.append(page)
            bench.org.admin("POST", "/clock", {"seconds": 2})
            bench.update("Opportunity", changed, NextStep="second")
        return rest_of(with_, what, page)

    rest_of = wide.rest_of
    monkeypatch.setattr("orchestration.sync.fetch.rest_of", changes_meanwhile)
    bench.update("Opportunity", changed, NextStep="first")
    bench.follow()
    assert asked
    bench.org.admin("POST", "/clock", {"seconds": 90})
    with bench.database.transaction() as connection:
        connection.execute("update fluint_sync.pending set retry_at = null")
    bench.follow()
    assert bench.ask(f"select next_step from raw_salesforce.opportunity where id = '{changed}'") == [
        ("second",)
    ]
    assert _is_right(bench, bench.live("opportunity"))
