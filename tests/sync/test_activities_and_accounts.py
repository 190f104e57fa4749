"""Accounts that deals name, tasks and events that hang on them: in with the deal, with it through every change, and out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from orchestration.sync.objects import EVENT, TASK, SObject
from tests.sync.bench import Bench
from tests.sync.test_changes import _new_deal


def _listed(ids: set[str]) -> str:
    return ", ".join(f"'{record_id}'" for record_id in sorted(ids))


@pytest.mark.parametrize("sobject", [TASK, EVENT])
def test_activities_of_deals_in_scope_are_held_archived_ones_included_and_no_others(
    loaded: Bench, sobject: SObject
) -> None:
    """Half of a deal's past, which Salesforce has archived and `query` leaves out; or the calls of people without a licence."""
    deals = loaded.live("opportunity")
    there = loaded.records(f"SELECT Id, WhatId, IsArchived FROM {sobject.name} WHERE IsDeleted = false")
    ours = {record["Id"]: record["IsArchived"] for record in there if record["WhatId"] in deals}
    assert loaded.live(sobject.table_name) == set(ours)
    assert set(ours.values()) == {True, False}
    assert len(ours) < len(there)


def test_the_accounts_that_deals_name_are_held_and_no_others(loaded: Bench) -> None:
    """The customer list of the whole company in a workspace of five reps."""
    deals = loaded.records(
        f"SELECT AccountId FROM Opportunity WHERE Id IN ({_listed(loaded.live('opportunity'))})"
    )
    named = {deal["AccountId"] for deal in deals} - {None}
    assert loaded.live("account") == named
    assert len(named) < len(loaded.ids("SELECT Id FROM Account"))


def test_an_activity_that_is_related_elsewhere_leaves_and_comes_back(bench: Bench) -> None:
    """A call that was logged on the wrong deal and stays there; or the foreign deal's call, read by its id."""
    bench.load()
    ours, foreign = _new_deal(bench), _new_deal(bench, OwnerId=bench.owners("unmatched")[0])
    task = bench.administer("POST", "/sobjects/Task", {"Subject": "Call", "WhatId": ours})["id"]
    starts = (datetime.now(UTC) + timedelta(days=3)).strftime("%Y-%m-%dT09:00:00Z")
    event = bench.administer(
        "POST",
        "/sobjects/Event",
        {"Subject": "Demo", "WhatId": ours, "StartDateTime": starts, "DurationInMinutes": 45},
    )["id"]
    bench.follow()
    assert {task, event} <= bench.live("task") | bench.live("event")
    for sobject, record_id in (("Task", task), ("Event", event)):
        bench.administer("PATCH", f"/sobjects/{sobject}/{record_id}", {"WhatId": foreign})
    mark = bench.log_position()
    bench.follow()
    gone = "select _deleted_reason from raw_salesforce.{} where id = '{}'"
    assert bench.ask(gone.format("task", task)) == [("moved_out_of_scope",)]
    assert bench.ask(gone.format("event", event)) == [("moved_out_of_scope",)]
    assert not [
        query for query in bench.queries(mark) if "Subject" in query and (task in query or event in query)
    ]
    bench.administer("PATCH", f"/sobjects/Task/{task}", {"WhatId": ours})
    bench.follow()
    assert task in bench.live("task")


@pytest.mark.slow
def test_activities_go_and_come_back_with_their_deal(bench: Bench) -> None:
    """A restored deal without its past: the cascade restores children without a stamp of their own (R8)."""
    bench.org.admin("PATCH", "/switches", {"undelete_moves_stamp": False})
    bench.load()
    deal = _new_deal(bench)
    task = bench.administer("POST", "/sobjects/Task", {"Subject": "Call", "WhatId": deal})["id"]
    bench.follow()
    bench.administer("DELETE", f"/sobjects/Opportunity/{deal}")
    bench.follow()
    assert task not in bench.live("task")
    bench.org.admin("POST", f"/records/Opportunity/{deal}/undelete")
    bench.update("Opportunity", deal, NextStep="again")
    bench.follow()
    bench.load()
    assert task in bench.live("task")


@pytest.mark.slow
def test_an_account_comes_with_the_first_deal_that_names_it_and_leaves_with_the_last(bench: Bench) -> None:
    """An account that nobody reads because its own stamp is old; or one that stays although no deal is with it any more."""
    bench.load()
    one, other = (
        bench.administer("POST", "/sobjects/Account", {"Name": name})["id"] for name in ("One", "Other")
    )
    deal = _new_deal(bench, AccountId=one)
    bench.follow()
    assert one in bench.live("account")
    bench.update("Opportunity", deal, AccountId=other)
    bench.follow()
    assert other in bench.live("account")
    assert bench.ask(f"select _deleted_reason from raw_salesforce.account where id = '{one}'") == [
        ("moved_out_of_scope",)
    ]
    bench.administer("PATCH", f"/sobjects/Account/{other}", {"Name": "Other, renamed", "Industry": "Energy"})
    bench.follow()
    assert bench.ask(f"select name, industry from raw_salesforce.account where id = '{other}'") == [
        ("Other, renamed", "Energy")
    ]
    bench.administer("DELETE", f"/sobjects/Opportunity/{deal}")
    bench.follow()
    assert other not in bench.live("account")


@pytest.mark.slow
def test_a_merge_of_accounts_has_the_deals_read_again(bench: Bench) -> None:
    """Deals that a merge gave to the winner without a stamp of their own, and that go on naming an account which is gone."""
    bench.load()
    winner, loser = (
        bench.administer("POST", "/sobjects/Account", {"Name": name})["id"] for name in ("Won", "Lost")
    )
    deal = _new_deal(bench, AccountId=loser)
    bench.follow()
    bench.org.admin("POST", f"/records/Account/{winner}/merge", {"losers": [loser]})
    _its_key_is_no_news(bench, "Opportunity", deal)
    bench.org.admin("POST", "/clock", {"seconds": 120})
    bench.follow()
    row = f"select _deleted_reason, master_record_id from raw_salesforce.account where id = '{loser}'"
    assert bench.ask(row) == [("merged_into", winner)]
    assert bench.ask(f"select account_id from raw_salesforce.opportunity where id = '{deal}'") == [(winner,)]
    assert winner in bench.live("account")


@pytest.mark.slow
@pytest.mark.parametrize("hidden", [False, True], ids=["never fetched", "hidden"])
def test_a_merge_of_what_is_not_held_has_the_rows_read_again_that_name_the_loser(
    bench: Bench, hidden: bool
) -> None:
    """A contact or an account that was merged before its first fetch: its role, or its deal, names the loser for good."""
    bench.load()
    winners, losers = (
        {
            "Account": bench.administer("POST", "/sobjects/Account", {"Name": name})["id"],
            "Contact": bench.administer("POST", "/sobjects/Contact", {"LastName": name})["id"],
        }
        for name in ("Won", "Lost")
    )
    deal = _new_deal(bench, AccountId=losers["Account"])
    values = {"OpportunityId": deal, "ContactId": losers["Contact"]}
    role = bench.administer("POST", "/sobjects/OpportunityContactRole", values)["id"]
    bench.follow()
    for name in winners:
        _no_longer_held(bench, name.lower(), losers[name], hidden)
        bench.org.admin("POST", f"/records/{name}/{winners[name]}/merge", {"losers": [losers[name]]})
    for name, record_id in (("Opportunity", deal), ("OpportunityContactRole", role)):
        _its_key_is_no_news(bench, name, record_id)
    bench.org.admin("POST", "/clock", {"seconds": 120})
    bench.follow()
    bench.load()
    named = f"select account_id from raw_salesforce.opportunity where id = '{deal}'"
    assert bench.ask(named) == [(winners["Account"],)]
    assert winners["Account"] in bench.live("account")
    named = f"select contact_id from raw_salesforce.opportunity_contact_role where id = '{role}'"
    assert bench.ask(named) == [(winners["Contact"],)]
    assert winners["Contact"] in bench.live("contact")


def _no_longer_held(bench: Bench, table: str, record_id: str, hidden: bool) -> None:
    """As if a row had not been fetched yet, or had been hidden one night."""
    with bench.database.transaction() as connection:
        if hidden:
            connection.execute(
                f"update raw_salesforce.{table} set _deleted_at = now(), _deleted_reason = 'not_visible' where id = %s".encode(),
                [record_id],
            )
            return
        connection.execute(f"delete from raw_salesforce.{table} where id = %s".encode(), [record_id])
        connection.execute(
            "insert into fluint_sync.pending (object, id, reason, since) values (%s, %s, 'entitled', now())",
            [table, record_id],
        )


def _its_key_is_no_news(bench: Bench, name: str, record_id: str) -> None:
    """As if the merge had left the stamp of a row alone that it gave to the winner."""
    (moved,) = bench.records(f"SELECT Id, SystemModstamp FROM {name} WHERE Id = '{record_id}'")
    table = "opportunity" if name == "Opportunity" else "opportunity_contact_role"
    with bench.database.transaction() as connection:
        connection.execute(
            f"update raw_salesforce.{table} set system_modstamp = %(at)s, _read_at = %(at)s::timestamptz + interval '61 s'"
            " where id = %(id)s".encode(),
            {"at": moved["SystemModstamp"], "id": record_id},
        )
