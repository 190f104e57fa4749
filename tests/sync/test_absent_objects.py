"""Objects that the org does not have, or that nobody wants: the rest is complete without them, and nothing restless."""

from __future__ import annotations

import pytest

from orchestration.sync.coverage import missing_parents
from tests.sync.bench import TABLES, Bench
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


@pytest.mark.slow
def test_an_object_that_is_switched_off_leaves_nothing_to_do(bench: Bench) -> None:
    """A listing that is started every half minute for mails that nobody wants."""
    with bench.database.transaction() as connection:
        connection.execute("delete from fluint_sync.deal_coverage where object = 'email_message'")
    without = [table for table in TABLES if table != "email_message"]
    assert missing_parents(bench.database).deals > 0
    assert missing_parents(bench.database, without).count == 0
