"""Objects that the org does not have, or that nobody wants: the rest is complete without them, and nothing restless."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from orchestration.sync.coverage import missing_parents
from tests.sync.bench import TABLES, Bench
from tests.sync.nights import told
from tests.sync.sharing import Sharing
from tests.sync.test_columns import bench, look_again

__all__ = ["bench"]


@pytest.mark.slow
def test_an_org_without_mail_is_complete_without_it_and_mails_come_once_it_has_them(bench: Bench) -> None:
    """An object that the org does not have, and every run red, every sensor restless, every mart late because of it."""
    held = bench.live("email_message")
    bench.org.admin("PATCH", "/switches", {"enhanced_email": False})
    look_again(bench)
    with bench.database.transaction() as connection:
        connection.execute("delete from fluint_sync.deal_coverage where object = 'email_message'")
    mark = bench.log_position()
    reports = bench.load()
    assert {table: report.state for table, report in reports.items()} == dict.fromkeys(TABLES, "complete") | {
        "email_message": "absent"
    }
    assert "Enhanced Email" in str(reports["email_message"].error)
    assert missing_parents(bench.database).count == 0
    bench.follow()
    described = [
        e for e in bench.org.admin("GET", f"/log?after={mark}") if e["path"].endswith("EmailMessage/describe")
    ]
    assert len(described) == 1, "asked again at every tick"
    bench.org.admin("PATCH", "/switches", {"enhanced_email": True})
    look_again(bench)
    bench.follow()
    assert missing_parents(bench.database).deals > 0
    assert bench.load()["email_message"].state == "complete"
    assert bench.live("email_message") == held


@contextmanager
def _without(bench: Bench, *, account: bool) -> Iterator[None]:
    """The user without Read on Account, or without Access Activities, on which mails, tasks and events hang."""
    sharing = Sharing(bench)
    take = sharing.read_account if account else sharing.access_activities
    take(granted=False)
    look_again(bench)
    try:
        yield
    finally:
        take(granted=True)
        look_again(bench)


@pytest.mark.slow
@pytest.mark.parametrize(
    "absent", [("account",), ("email_message", "task", "event")], ids=["account", "activities"]
)
def test_objects_that_may_not_be_seen_redden_neither_the_rest_nor_its_nights(
    bench: Bench, absent: tuple[str, ...]
) -> None:
    """A permission that somebody did not want to give, and no deal, no contact and no night is green without it."""
    held = {table: bench.live(table) for table in absent}
    rest = dict.fromkeys((table for table in TABLES if table not in absent), "complete")
    expected = rest | dict.fromkeys(absent, "absent")
    with _without(bench, account="account" in absent):
        # What was held, and may have been hidden: it stays, and the night says that it cannot tell.
        assert {table: report.state for table, report in bench.follow().items()} == expected
        lost = bench.reconcile()
        assert {table: bench.live(table) for table in absent} == held
        assert not any(lost.findings[table].is_absent for table in absent)
        assert not lost.is_remembered
        with bench.database.transaction() as connection:
            for table in absent:
                connection.execute(f"delete from raw_salesforce.{table}".encode())
                connection.execute("delete from fluint_sync.deal_coverage where object = %s", [table])
        assert {table: report.state for table, report in bench.load().items()} == expected
        assert missing_parents(bench.database).count == 0
        never = bench.reconcile()
        assert all(never.findings[table].is_complete for table in rest)
        assert all(never.findings[table].is_absent for table in absent)
        assert "nothing to compare" in told(never, absent[0])
        assert never.is_remembered
    bench.load()
    bench.reconcile()
    assert {table: bench.live(table) for table in absent} == held


@pytest.mark.slow
def test_an_object_that_is_switched_off_leaves_nothing_to_do(bench: Bench) -> None:
    """A listing that is started every half minute for mails that nobody wants."""
    with bench.database.transaction() as connection:
        connection.execute("delete from fluint_sync.deal_coverage where object = 'email_message'")
    without = [table for table in TABLES if table != "email_message"]
    assert missing_parents(bench.database).deals > 0
    assert missing_parents(bench.database, without).count == 0
