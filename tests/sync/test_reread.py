"""Months that are read again: nothing changes that is right, what is missing is healed, a killed reading is gone on with."""

from __future__ import annotations

from typing import Any

import pytest

from orchestration.sync import ledger, listing
from orchestration.sync.objects import CATALOGUE
from orchestration.sync.plan import QUERIES_IN_A_COMPOSITE
from tests.sync.bench import TABLES, Bench

READ_BY_MONTH = tuple(sobject.table_name for sobject in CATALOGUE if not sobject.is_whole)


class Killed(BaseException):
    """No code of ours may catch it, like a process that is gone."""


def _versions(bench: Bench) -> dict[str, list[tuple[Any, ...]]]:
    return {
        table: bench.ask(f"select id, _xact_id::text from raw_salesforce.{table} order by id")
        for table in TABLES
    }


def test_reading_months_again_writes_nothing_when_nothing_changed(bench: Bench) -> None:
    """A nightly re-read that rewrites every row makes every mart be built anew, every night."""
    bench.load()
    bench.follow()
    before = _versions(bench)
    reports = bench.reread()
    assert {report.state for report in reports.values()} == {"complete"}
    assert reports["opportunity"].counts.read > 0
    assert sum(report.counts.changed for report in reports.values()) == 0
    assert _versions(bench) == before


def test_reading_months_again_heals_what_is_missing(bench: Bench) -> None:
    """A row that was lost by a fault of ours or of a person with psql stays lost: no change will ever announce it."""
    bench.load()
    held = {table: bench.content(table) for table in READ_BY_MONTH}
    with bench.database.transaction() as connection:
        for table in READ_BY_MONTH:
            connection.execute(
                f"delete from raw_salesforce.{table} where id in (select id from raw_salesforce.{table} order by id limit 7)".encode()
            )
    bench.reread()
    assert {table: bench.content(table) for table in READ_BY_MONTH} == held


@pytest.mark.slow
@pytest.mark.parametrize("place", ["cover_owners", "cover_deals"])
def test_a_killed_reading_is_gone_on_with_where_it_was(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Three years of mail that are read from the beginning after every restart, and may never be read whole."""
    bench.load()
    monkeypatch.setattr(listing, "DEALS_IN_A_QUERY", 12)  # several groups of deals
    monkeypatch.setattr("orchestration.sync.plan.ROWS_IN_A_PACK", 20)  # several packs of owners
    whole = _asked(bench, lambda: bench.reread())
    done = getattr(ledger, place)
    calls = iter(range(2))

    def once(*args: Any, **kwargs: Any) -> None:
        if next(calls, None) is None:
            raise Killed
        done(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(ledger, place, once)
        until_the_kill = _asked(bench, lambda: _killed(bench))
    rest = _asked(bench, lambda: bench.reread())
    listed = [query for query in whole if query in until_the_kill and query in rest]
    assert until_the_kill
    assert len(rest) < len(whole)
    assert len(listed) <= QUERIES_IN_A_COMPOSITE, "only what the kill interrupted is asked for a second time"
    assert bench.ask("select count(*) from fluint_sync.run where mode = 'months' and state = 'running'") == [
        (0,)
    ]


def _killed(bench: Bench) -> None:
    with pytest.raises(Killed):
        bench.reread()


def test_a_reading_that_ended_is_begun_anew(bench: Bench) -> None:
    """A person who reads months again because of a doubt would be told that all is read already."""
    bench.load()
    # What other files' tests changed in the org of late is fetched here, and not by the first reading; 20 minutes are the longest time
    # for which a row is read once more because it may have been written while it was read.
    bench.org.admin("POST", "/clock", {"seconds": 1_500})
    bench.follow()
    first = _asked(bench, lambda: bench.reread())
    assert len(_asked(bench, lambda: bench.reread())) == len(first)


def _asked(bench: Bench, act: Any) -> list[str]:
    """The queries for full rows of deals and their children that an act asks, keys and counts left out."""
    before = bench.log_position()
    act()
    wanted = ("StageName, ", "Role, ", "TextBody", "HtmlBody")
    return [query for query in bench.queries(before) if any(word in query for word in wanted)]
