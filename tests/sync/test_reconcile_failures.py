"""Nights of comparison that failed, were cut short or were killed: nothing is concluded from what did not come. R8, R13, R14."""

from __future__ import annotations

import pytest

from orchestration.errors import SetupError, TransientError
from orchestration.sync.reconciling import doubt as doubt_module
from orchestration.sync.reconciling.watching import changed_since_compared
from tests.sync.bench import Bench
from tests.sync.nights import told, tombstones
from tests.sync.sharing import Sharing

FAULTS = {
    "counts": {"about": "CALENDAR_MONTH"},
    "ids of a bucket": {"about": r"SELECT Id, StageName, OwnerId.*CreatedDate >= \S+ AND CreatedDate < "},
    "ids one by one": {"about": r"SELECT Id, StageName, OwnerId.* FROM Opportunity WHERE Id IN"},
    "the list of deletions": {"path": ".*/Opportunity/deleted.*", "about": ""},
}


@pytest.mark.slow
@pytest.mark.parametrize("where", FAULTS)
def test_a_night_that_fails_marks_nothing_and_the_next_one_does(bench: Bench, where: str) -> None:
    """A failed read taken for an empty one: everything that was not returned is marked as deleted."""
    bench.load()
    bench.reconcile()
    gone = sorted(bench.entitled())[3]
    bench.write("DELETE", f"/sobjects/Opportunity/{gone}")
    bench.org.admin("POST", f"/records/Opportunity/{gone}/purge")
    bench.follow()
    before = tombstones(bench)
    fault = {"kind": "unavailable_json", "times": 1_000, "path": ".*/composite"}
    bench.org.admin("POST", "/faults", fault | FAULTS[where])
    failed = bench.reconcile()
    hits = bench.org.admin("GET", "/faults/hits")
    bench.org.admin("DELETE", "/faults")
    assert hits
    assert failed.findings["opportunity"].error is not None
    assert "could not be told" in told(failed)
    assert tombstones(bench) == before
    bench.reconcile()
    assert tombstones(bench) == before | {gone: "hard_deleted"}


@pytest.mark.slow
def test_a_permission_that_only_a_person_gives_back_is_not_compared_again_every_hour(bench: Bench) -> None:
    """Read on an object taken away: the full comparison, with the org's calls, 24 times a day for as long as that lasts."""
    bench.load()
    assert bench.reconcile().is_remembered
    seen = "select facts from fluint_sync.permissions_seen"
    good = bench.ask(seen)
    sharing = Sharing(bench)
    try:
        sharing.read_account(granted=False)
        assert changed_since_compared(bench.with_())
        fault = {"kind": "unavailable_json", "times": 1_000, "path": ".*/composite"}
        bench.org.admin("POST", "/faults", fault | FAULTS["counts"])
        assert isinstance(bench.reconcile().findings["opportunity"].error, TransientError)
        bench.org.admin("DELETE", "/faults")
        assert changed_since_compared(bench.with_()), "what failed for the moment is compared again"
        lost = bench.reconcile()
        assert isinstance(lost.findings["account"].error, SetupError)
        assert not lost.is_remembered
        assert changed_since_compared(bench.with_()) == []
        assert bench.ask(seen) == good
    finally:
        bench.org.admin("DELETE", "/faults")
        sharing.read_account(granted=True)
    assert changed_since_compared(bench.with_())


@pytest.mark.slow
def test_an_answer_that_lacks_a_row_proves_nothing(bench: Bench) -> None:
    """A page with a row less than it announces, from which the absence of that row is concluded."""
    bench.load()
    bench.reconcile()
    hidden, lost = sorted(bench.entitled())[:2]
    owner = bench.ask(f"select owner_id from raw_salesforce.opportunity where id = '{hidden}'")[0][0]
    lost = sorted(bench.entitled([owner]) - {hidden})[0]
    bench.org.admin("POST", "/clock", {"seconds": 3600})
    bench.follow()
    with bench.database.transaction() as connection:
        connection.execute("delete from raw_salesforce.opportunity where id = any (%s)", [[lost, hidden]])
    bench.org.admin("POST", "/faults", {"kind": "hide_row", "record_id": hidden})
    before = tombstones(bench)
    doubt = bench.reconcile()
    assert "announced" in str(doubt.findings["opportunity"].error)
    assert tombstones(bench) == before
    bench.org.admin("DELETE", "/faults")
    bench.reconcile()
    assert {lost, hidden} <= bench.live("opportunity")


@pytest.mark.slow
def test_data_as_of_does_not_run_ahead_of_what_was_found_missing(bench: Bench) -> None:
    """Everything up to noon is said to be held, while a deal of last year is known to be missing."""
    bench.load()
    bench.org.admin("POST", "/clock", {"seconds": 3600})
    bench.follow()
    lost = sorted(bench.live("opportunity"))[11]
    stamp = bench.ask(f"select system_modstamp from raw_salesforce.opportunity where id = '{lost}'")[0][0]
    with bench.database.transaction() as connection:
        connection.execute("delete from raw_salesforce.opportunity where id = %s", [lost])
    full_row = {"kind": "unavailable_json", "times": 1_000, "path": ".*/composite", "about": "NextStep"}
    bench.org.admin("POST", "/faults", full_row)
    bench.reconcile()
    as_of = "select data_as_of from fluint.sync_freshness where object = 'opportunity'"
    assert bench.ask(as_of)[0][0] <= stamp
    bench.org.admin("DELETE", "/faults")
    bench.reconcile()
    assert bench.ask(as_of)[0][0] > stamp


@pytest.mark.slow
def test_a_night_that_was_killed_is_made_up_for_by_the_next(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill between the ids and the rows, after which nobody knows any more that something was missing."""
    bench.load()
    bench.org.admin("POST", "/clock", {"seconds": 3600})
    bench.follow()
    lost = set(sorted(bench.live("opportunity"))[:3])
    with bench.database.transaction() as connection:
        connection.execute("delete from raw_salesforce.opportunity where id = any (%s)", [sorted(lost)])

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(doubt_module, "recently_deleted", killed)
        with pytest.raises(KeyboardInterrupt):
            bench.reconcile()
    assert not lost & bench.live("opportunity")
    bench.follow()  # what the killed night noted is fetched by any sync
    assert lost <= bench.live("opportunity")
    assert bench.reconcile().findings["opportunity"].is_complete
