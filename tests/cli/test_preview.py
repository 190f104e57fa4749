"""`fluint preview` as a person types it."""

from __future__ import annotations

import re

import pytest

from orchestration.cli import preview
from orchestration.entitlement.filters import BackfillFilter
from tests.cli.shell import Shell
from tests.sync.bench import Bench

FILTER = "select created_since, excluded_stages from fluint_app.backfill_filter"


def test_a_preview_shows_what_would_come_in_and_changes_nothing_before_it_is_told(
    office: tuple[Shell, Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look at a setting that is in force afterwards, or a table whose sum is not what comes."""
    shell, bench = office
    with shell.database.transaction() as connection:
        connection.execute("delete from fluint_sync.api_call")
    bench.filter(BackfillFilter())
    bench.follow()
    bench.load()
    with shell.database.transaction() as connection:
        connection.execute("delete from raw_salesforce.opportunity where stage_name = 'Closed Won'")
    gone = len(bench.entitled()) - len(bench.live("opportunity"))
    before = shell.ask(FILTER)
    monkeypatch.setattr(preview, "CLUTTERED", 5)
    said = shell("preview", "--exclude-stage", "closed lost")
    assert said.exit_code == 0, said.text
    assert re.search(rf"all {gone} {gone}\b", said.line)  # the sums of the one stage and of the table
    assert f"{gone} deals would come in" in said.line
    assert re.search(r"would be cluttered: \d+ deals in Closed Won", said.line)
    assert "API calls" in said.line
    assert shell.ask(FILTER) == before
    assert shell.ask("select sum(calls)::int from fluint_sync.api_call where run_id = 'fluint preview'") == [
        (3,)
    ]
    assert "in force" in shell("preview", "--exclude-stage", "closed lost", "--set").line
    assert shell.ask(FILTER) == [(None, ["Closed Lost"])]
    assert "Closed Lost" in shell("preview").line  # without options, the filter in force
    nothing = shell("preview", "--minimum-amount", "1e12")
    assert (nothing.exit_code, "Nothing would come in" in nothing.line) == (0, True), nothing.text
    wrong = shell("preview", "--exclude-stage", "Closed Wan", "--set")
    assert (wrong.exit_code, "Near it: Closed Won" in wrong.line) == (1, True), wrong.text
    assert shell.ask(FILTER) == [(None, ["Closed Lost"])]
    bench.filter(BackfillFilter())
    with shell.database.transaction() as connection:
        connection.execute("delete from fluint_sync.owner_coverage")
    bench.load()


def test_a_preview_stops_at_the_orgs_allowance(office: tuple[Shell, Bench]) -> None:
    """A question that takes the last calls which the sync or another application needs."""
    shell, _ = office
    used = "insert into fluint_sync.api_usage (used, allowed, seen_at) values (900, 1000, now())"
    with shell.database.transaction() as connection:
        connection.execute("delete from fluint_sync.api_usage")
        connection.execute(used)
    said = shell("preview")
    assert (said.exit_code, "900 of its 1,000 API calls" in said.line) == (1, True), said.text
    with shell.database.transaction() as connection:
        connection.execute("delete from fluint_sync.api_usage")
