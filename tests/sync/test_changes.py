"""How changes arrive: by keys, through windows, late, twice, moved and deleted. Rules R1, R2, R3, R10."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestration.entitlement.filters import BackfillFilter
from orchestration.sync.changes import read_keys
from tests.sync.bench import TABLES, Bench


def _new_deal(bench: Bench, **values: object) -> str:
    body = {
        "Name": "New",
        "StageName": "Prospecting",
        "CloseDate": "2027-01-31",
        "OwnerId": bench.owners("rep")[0],
    }
    return str(bench.write("POST", "/sobjects/Opportunity", body | values)["id"])


def test_five_changes_in_the_org_are_exactly_the_five_that_arrive(bench: Bench) -> None:
    """A second sync that reads everything again, or misses one kind of change."""
    bench.load()
    before = dict(bench.ask("select id, to_jsonb(t) - '_read_at' from raw_salesforce.opportunity t"))
    changes = {c["change"]: c for c in bench.org.admin("POST", "/changes/all")}
    reports = bench.follow()
    after = dict(bench.ask("select id, to_jsonb(t) - '_read_at' from raw_salesforce.opportunity t"))
    changed = {deal for deal in before.keys() | after.keys() if before.get(deal) != after.get(deal)}
    # The mail's deal comes too, unless it had mail today: Salesforce notes the day of its last activity, which moves SystemModstamp.
    written_to = changes["new_email"]["opportunity_id"]
    assert changed | {written_to} == {c["opportunity_id"] for c in changes.values()}
    assert changes["new_email"]["email_message_id"] in bench.live("email_message")
    assert (
        reports["email_message"].counts.inserted == 1 + changes["reassign_to_licensed_rep"]["email_messages"]
    )
    assert after[changes["delete_opportunity"]["opportunity_id"]]["_deleted_reason"] == "soft_deleted"
    assert changes["reassign_away"]["opportunity_id"] in bench.live("opportunity")


def test_a_quiet_interval_costs_two_calls_and_writes_nothing(bench: Bench) -> None:
    """An interval that eats the org's allowance although nothing happens (the limits are shared with the customer)."""
    bench.load()
    bench.org.admin(
        "POST", "/clock", {"seconds": 90}
    )  # rows read within a minute of their stamp are read once more
    bench.follow()
    mark = bench.ask("select max(_xact_id) from raw_salesforce.opportunity")
    before = bench.client.usage
    reports = bench.follow()
    after = bench.client.usage
    assert before is not None
    assert after is not None
    # Ten queries of keys in two composites, and the counts of what stays out.
    assert after.used - before.used <= 3
    assert all(report.counts.inserted == report.counts.updated == 0 for report in reports.values())
    assert bench.ask("select max(_xact_id) from raw_salesforce.opportunity") == mark


def test_a_row_stamped_before_the_cursor_and_visible_after_it_is_loaded_once(bench: Bench) -> None:
    """airbyte#27146: a long transaction stamps its row, commits after the cursor has passed, and the row is never fetched."""
    bench.load()
    bench.follow()
    bench.org.admin("POST", "/clock", {"seconds": -600})
    try:
        late = _new_deal(bench)
    finally:
        bench.org.admin("POST", "/clock", {"seconds": 600})
    assert bench.follow()["opportunity"].counts.inserted == 1
    assert late in bench.live("opportunity")
    assert bench.follow()["opportunity"].counts.inserted == 0


def test_rows_that_share_one_stamp_all_arrive(bench: Bench) -> None:
    """airbyte#9883: thousands of rows of one second, of which only those after the last one are read."""
    bench.load()
    made = {_new_deal(bench, Name=f"Twin {i}") for i in range(12)}
    bench.follow()
    assert made <= bench.live("opportunity")


def test_a_change_within_the_second_of_the_read_is_seen_at_the_next_tick(bench: Bench) -> None:
    """Stamps have a resolution of a second: a second change under the same stamp must not be taken for the first."""
    bench.load()
    deal = _new_deal(bench, NextStep="first")
    bench.follow()
    with bench.database.transaction() as connection:
        # As if the row had been read in the very second of its stamp, before the second change was visible.
        connection.execute(
            "update raw_salesforce.opportunity set next_step = 'stale', _read_at = system_modstamp where id = %s",
            [deal],
        )
    bench.follow()
    assert bench.ask(f"select next_step from raw_salesforce.opportunity where id = '{deal}'") == [("first",)]


def test_a_mail_that_is_moved_to_another_place_leaves_without_being_read(bench: Bench) -> None:
    """A mail re-related to a deal outside the scope whose new content would come in with the next change."""
    bench.load()
    before = bench.log_position()
    moved = bench.org.admin("POST", "/changes/move_email_away")
    mail = moved["email_message_id"]
    assert mail in bench.live("email_message")
    bench.follow()
    row = f"select _deleted_reason, related_to_id from raw_salesforce.email_message where id = '{mail}'"
    assert bench.ask(row) == [("moved_out_of_scope", moved["to"])]
    assert not [q for q in bench.queries(before) if "TextBody" in q and mail in q]


def test_a_deleted_deal_keeps_its_row_and_comes_back_when_undeleted(bench: Bench) -> None:
    """thermondo/django-heroku-connect#97: a soft delete that removes the row, or an undelete that nobody sees."""
    bench.load()
    deal = _new_deal(bench)
    bench.follow()
    bench.write("DELETE", f"/sobjects/Opportunity/{deal}")
    bench.follow()
    assert bench.ask(
        f"select is_deleted, _deleted_reason, name from raw_salesforce.opportunity where id = '{deal}'"
    ) == [(True, "soft_deleted", "New")]
    bench.org.admin("POST", f"/records/Opportunity/{deal}/undelete")
    bench.follow()
    assert bench.ask(
        f"select is_deleted, _deleted_reason from raw_salesforce.opportunity where id = '{deal}'"
    ) == [(False, None)]


def test_cursors_move_over_empty_windows_and_never_back(bench: Bench) -> None:
    """tap-salesforce 2.4.0: windows without rows that leave the cursor behind, so that each scan grows."""
    bench.load()
    bench.follow()
    first = dict(bench.ask("select object, position from fluint_sync.cursor"))
    bench.follow()
    second = dict(bench.ask("select object, position from fluint_sync.cursor"))
    assert all(second[table] > first[table] for table in first)


def test_an_id_that_is_not_visible_stays_pending_without_reopening_every_tick(bench: Bench) -> None:
    """An id that Salesforce does not show: asked for at every tick for ever, or forgotten, or data_as_of stuck on it."""
    bench.load()
    ghost = "006000000000001AAA"
    with bench.database.transaction() as connection:
        connection.execute(
            "insert into fluint_sync.pending (object, id, parent_id, reason, since)"
            " values ('opportunity', %s, %s, 'entitled', now() - interval '1 day')",
            [ghost, bench.owners("rep")[0]],
        )
    report = bench.follow()["opportunity"]
    rows = bench.ask(
        "select reason, attempts, retry_at > now() from fluint_sync.pending where object = 'opportunity'"
    )
    assert rows == [("not_visible", 1, True)]
    cursor = bench.ask("select position from fluint_sync.cursor where object = 'opportunity'")[0][0]
    assert report.data_as_of == cursor


def test_a_deal_that_the_amount_keeps_out_is_asked_for_once(bench: Bench) -> None:
    """A key says nothing of the amount: without memory of the refusal every tick of the overlap starts a run for it."""
    bench.filter(BackfillFilter(minimum_amount=Decimal(1_000_000)))
    bench.load()
    small = _new_deal(bench, Amount=5)
    bench.follow()
    assert small not in bench.live("opportunity")
    row = f"select reason from fluint_sync.pending where object = 'opportunity' and id = '{small}'"
    assert bench.ask(row) == [("refused",)]
    bench.org.admin("POST", "/clock", {"seconds": 90})
    bench.follow()
    # By the database's clock; the org's may be ahead in this room.
    assert bench.ask(row.replace("select reason", "select since > now()")) == [(True,)]
    assert read_keys(bench.with_(), TABLES).pending == 0
    with bench.database.transaction() as connection:
        connection.execute("update fluint_sync.pending set retry_at = null where reason = 'refused'")
    bench.follow()
    assert bench.ask(row) == []


def test_a_deal_that_grows_above_the_minimum_comes_in(bench: Bench) -> None:
    """A refusal that is remembered too well."""
    bench.filter(BackfillFilter(minimum_amount=Decimal(1_000_000)))
    bench.load()
    deal = _new_deal(bench, Amount=5)
    bench.follow()
    bench.update("Opportunity", deal, Amount=2_000_000)
    bench.follow()
    assert deal in bench.live("opportunity")


@pytest.mark.slow
def test_a_contact_that_was_merged_names_the_winner_and_its_roles_go_over(loaded: Bench) -> None:
    """Two records of one person: the loser stays beside the winner for ever, or takes its roles along."""
    bench = loaded
    deal = _new_deal(bench)
    winner, loser = (
        bench.administer("POST", "/sobjects/Contact", {"LastName": name})["id"] for name in ("Won", "Lost")
    )
    role = bench.administer(
        "POST", "/sobjects/OpportunityContactRole", {"OpportunityId": deal, "ContactId": loser}
    )["id"]
    bench.follow()
    assert loser in bench.live("contact")
    bench.org.admin("POST", f"/records/Contact/{winner}/merge", {"losers": [loser]})
    bench.follow()
    bench.load()
    gone = f"select _deleted_reason, master_record_id from raw_salesforce.contact where id = '{loser}'"
    assert bench.ask(gone) == [("merged_into", winner)]
    assert winner in bench.live("contact")
    moved = f"select contact_id from raw_salesforce.opportunity_contact_role where id = '{role}' and _deleted_at is null"
    assert bench.ask(moved) == [(winner,)]
