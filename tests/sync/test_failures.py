"""What a failure leaves: nothing lost, nothing half-written, the other objects served. Rules R7, R13, R14 and the quota."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from threading import Event, Thread
from time import sleep

import pytest

from orchestration.errors import QuotaReachedError
from orchestration.postgres.connection import Database
from orchestration.postgres.locks import views_lock
from orchestration.sync.changes import read_keys
from orchestration.sync.objects import CATALOGUE
from tests.sync.bench import TABLES, Bench


@pytest.mark.parametrize("is_otherwise", [False, True], ids=["as believed", "as it may be"])
def test_bulk_and_rest_give_the_same_rows(bench: Bench, is_otherwise: bool) -> None:
    """Two ways of reading that differ in a time zone, an empty text or a number (dlt, Stitch 2019-08-27)."""
    unconfirmed = ("bulk_datetimes_with_offset", "bulk_scientific_numbers")
    bench.org.admin("PATCH", "/switches", dict.fromkeys(unconfirmed, is_otherwise))
    bench.load()
    by_rest = {table: bench.content(table) for table in TABLES}
    with bench.database.transaction() as connection:
        for table in (sobject.table_name for sobject in CATALOGUE if not sobject.is_whole):
            connection.execute(f"truncate raw_salesforce.{table}".encode())
        connection.execute("truncate fluint_sync.owner_coverage, fluint_sync.deal_coverage")
    bench.options = replace(bench.options, bulk_threshold=1)
    before = bench.log_position()
    bench.load()
    assert any(entry["job_id"] for entry in bench.org.admin("GET", f"/log?after={before}"))
    assert {table: bench.content(table) for table in TABLES} == by_rest


def test_a_failed_listing_covers_nobody_and_the_next_one_completes_it(bench: Bench) -> None:
    """A failed read taken for an empty one: owners marked as covered whose deals never came."""
    bench.follow()
    bench.org.admin(
        "POST",
        "/faults",
        {"kind": "answer", "method": "POST", "path": ".*/composite/?", "skip": 1, "times": 20, "status": 503},
    )
    reports = bench.load()
    assert reports["opportunity"].state == "failed"
    assert bench.ask("select count(*) from fluint_sync.owner_coverage") == [(0,)]
    bench.org.admin("DELETE", "/faults")
    assert bench.load()["opportunity"].state == "complete"
    assert bench.live("opportunity") == bench.entitled()


def test_a_sync_ends_deferred_at_eighty_percent_of_the_daily_calls_and_resumes(bench: Bench) -> None:
    """A sync that uses up the customer's allowance (airbyte#8690), or a deferral that needs a person to resume."""
    bench.follow()
    bench.org.admin("PATCH", "/switches", {"daily_api_limit": 1000, "api_calls_used_by_others": 900})
    bench.follow()  # learns of it
    reports = bench.follow()
    assert {report.state for report in reports.values()} == {"deferred"}
    assert isinstance(reports["opportunity"].error, QuotaReachedError)
    assert reports["opportunity"].deferred_until is not None
    bench.org.admin("PATCH", "/switches", {"daily_api_limit": 100_000, "api_calls_used_by_others": 0})
    _an_hour_passes(bench)
    bench.load()
    assert {report.state for report in bench.load().values()} == {"complete"}
    assert bench.live("opportunity") == bench.entitled()


def _an_hour_passes(bench: Bench) -> None:
    """What was seen of the org's calls is an hour old, to this process and to the next ones."""
    usage = bench.client.usage
    assert usage is not None
    bench.client._transport.usage = replace(usage, seen_at=usage.seen_at - timedelta(hours=1))
    with bench.database.transaction() as connection:
        connection.execute("update fluint_sync.api_usage set seen_at = seen_at - interval '1 hour'")


@pytest.mark.parametrize("killed_in", ["merge", "admission", "settle_pending", "cover_owners", "move_cursor"])
def test_a_kill_at_any_step_loses_nothing(
    bench: Bench, killed_in: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """airbyte PR#81535: a cursor or a coverage that is ahead of the rows it stands for, after a crash between the two."""
    places = {
        "merge": "orchestration.postgres.copy.Staged.merge",
        "admission": "orchestration.sync.arrivals._admit",
        "settle_pending": "orchestration.sync.ledger.settle_pending",
        "cover_owners": "orchestration.sync.ledger.cover_owners",
        "move_cursor": "orchestration.sync.ledger.move_cursor",
    }

    class Killed(BaseException):
        """Nothing catches it, like a kill."""

    def die(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(places[killed_in], die)
        with pytest.raises(Killed):
            _load_and_follow(bench)
    bench.load()
    bench.follow()
    assert bench.live("opportunity") == bench.entitled()
    held = bench.live("opportunity")
    admitted = {row[0] for row in bench.ask("select opportunity_id from fluint_sync.admission")}
    assert held <= admitted


def _load_and_follow(bench: Bench) -> None:
    bench.load()
    bench.follow()


def test_an_upgrade_that_waits_for_a_run_does_not_stop_it(bench: Bench) -> None:
    """A run that takes the views' lock twice: its second request queues behind the upgrade, which waits for the first one."""
    bench.load()
    database, upgraded = bench.database, Event()

    def upgrade() -> None:
        with views_lock(database, shared=False):
            upgraded.set()

    separator = "&" if "?" in database.url else "?"
    bench.database = Database(f"{database.url}{separator}options=-c%20lock_timeout%3D30000")
    upgrading = Thread(target=upgrade, daemon=True)
    with views_lock(database, shared=True):  # as the asset does
        upgrading.start()
        _wait_for_the_queue(bench)
        reports = bench.follow()
    upgrading.join(120)
    assert {report.state for report in reports.values()} == {"complete"}
    assert upgraded.is_set()


def _wait_for_the_queue(bench: Bench) -> None:
    ours = "database = (select oid from pg_database where datname = current_database())"
    for _ in range(1_200):
        if bench.ask(f"select from pg_locks where locktype = 'advisory' and not granted and {ours}"):
            return
        sleep(0.05)
    raise AssertionError("the upgrade never asked for the lock")


def test_ids_that_a_failed_run_left_are_fetched_though_nothing_else_changes(bench: Bench) -> None:
    """A change on a Friday evening whose fetch fails: a sensor that looks for new keys only leaves it until Monday."""
    bench.load()
    bench.org.admin("POST", "/clock", {"seconds": 100})
    bench.follow()
    deal = sorted(bench.entitled([bench.owners("rep")[0]]))[0]
    bench.update("Opportunity", deal, NextStep="Friday evening")
    bench.org.admin("POST", "/clock", {"seconds": 2})
    read_keys(bench.with_(), TABLES)  # a tick whose run then fails
    assert read_keys(bench.with_(), TABLES).pending == 1
    bench.follow()
    assert bench.ask(f"select next_step from raw_salesforce.opportunity where id = '{deal}'") == [
        ("Friday evening",)
    ]
    bench.org.admin("POST", "/clock", {"seconds": 90})
    bench.follow()
    assert read_keys(bench.with_(), TABLES).pending == 0
