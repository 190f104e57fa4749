"""The store: audit fields, what the platform derives, the recycle bin, merges, restarts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from local_org import ids
from local_org.clock import Clock
from local_org.org import Org
from local_org.store import Store
from tests.local_org.conftest import World, make_world

NOW = "2026-05-13T12:30:45.000Z"


def row(world: World, sobject: str, record_id: str) -> dict[str, object]:
    """Returns a stored row, deleted ones included."""
    found = world.org.store.get(sobject, record_id)
    assert found is not None
    return found


def test_a_new_record_carries_who_made_it_and_when_to_the_second(world: World) -> None:
    """API sheet 6; Object Reference, System Fields: audit fields end in .000; stamps finer than a second would hide rows that share one."""
    deal = row(world, "Opportunity", world.add("Opportunity", by=world.rep))
    assert [deal[name] for name in ("CreatedDate", "LastModifiedDate", "SystemModstamp")] == [NOW] * 3
    assert [deal[name] for name in ("CreatedById", "LastModifiedById", "OwnerId")] == [world.rep] * 3
    assert deal["IsDeleted"] is False


def test_an_update_moves_the_stamps_and_leaves_the_creation_alone(world: World, clock: Clock) -> None:
    """API sheet 6; Object Reference, System Fields: a change that did not move SystemModstamp would never be synced."""
    deal_id = world.add("Opportunity", by=world.rep)
    clock.turn(timedelta(hours=1))
    world.org.store.update("Opportunity", deal_id, {"NextStep": "call"}, by=world.admin)
    deal = row(world, "Opportunity", deal_id)
    later = NOW.replace("T12", "T13")
    assert (deal["CreatedDate"], deal["SystemModstamp"], deal["LastModifiedDate"]) == (NOW, later, later)
    assert deal["LastModifiedById"] == world.admin


def test_a_stage_brings_its_probability_and_forecast(world: World, clock: Clock) -> None:
    """Object Reference, Opportunity: IsClosed, IsWon and ForecastCategory follow StageName and cannot be set."""
    deal_id = world.add("Opportunity", Amount=1000)
    deal = row(world, "Opportunity", deal_id)
    assert (deal["Probability"], deal["ExpectedRevenue"], deal["IsClosed"], deal["Fiscal"]) == (
        10.0,
        100.0,
        False,
        "2026 2",
    )
    assert deal["LastStageChangeDate"] is None
    clock.turn(timedelta(minutes=1))
    world.org.store.update("Opportunity", deal_id, {"StageName": "Closed Won"}, by=world.rep)
    deal = row(world, "Opportunity", deal_id)
    assert (deal["Probability"], deal["IsClosed"], deal["IsWon"], deal["ForecastCategory"]) == (
        100.0,
        True,
        True,
        "Closed",
    )
    assert deal["LastStageChangeDate"] == deal["SystemModstamp"] != NOW


def test_blank_text_is_stored_as_null(world: World) -> None:
    """API sheet 2.2; REST Guide, Query: Salesforce has no empty strings; two kinds of nothing would differ between REST and Bulk."""
    deal = row(world, "Opportunity", world.add("Opportunity", NextStep="   ", Description=""))
    assert (deal["NextStep"], deal["Description"]) == (None, None)


def test_a_mail_that_belongs_to_no_case_is_logged_as_a_task(world: World) -> None:
    """API sheet 4; Object Reference, EmailMessage, ActivityId: the task is made automatically for mails that are not on a case."""
    deal_id = world.add("Opportunity")
    mail = row(world, "EmailMessage", world.add("EmailMessage", Subject="Offer", RelatedToId=deal_id))
    assert mail["Name"] == "Offer"
    task = row(world, "Task", str(mail["ActivityId"]))
    assert (task["WhatId"], task["IsClosed"]) == (deal_id, True)
    on_case = row(world, "EmailMessage", world.add("EmailMessage", ParentId=world.add("Case")))
    assert on_case["ActivityId"] is None


def test_deleting_an_opportunity_takes_roles_links_and_tasks_along_but_no_mail(
    world: World, clock: Clock
) -> None:
    """API sheet 4; Opportunity describe, childRelationships.cascadeDelete: RelatedToId of mails is not cascaded."""
    deal_id, contact_id = world.add("Opportunity"), world.add("Contact")
    role_id = world.add("OpportunityContactRole", OpportunityId=deal_id, ContactId=contact_id)
    mail_id = world.add("EmailMessage", RelatedToId=deal_id)
    clock.turn(timedelta(minutes=5))
    world.org.store.delete("Opportunity", deal_id, by=world.rep)
    deal, role = row(world, "Opportunity", deal_id), row(world, "OpportunityContactRole", role_id)
    assert deal["IsDeleted"] is role["IsDeleted"] is True
    assert deal["SystemModstamp"] == role["SystemModstamp"] != NOW
    assert world.column("SELECT Id FROM Task") == []
    assert (
        row(world, "EmailMessage", mail_id)["IsDeleted"]
        is row(world, "Contact", contact_id)["IsDeleted"]
        is False
    )


def test_undelete_brings_back_what_went_along_and_nothing_else(world: World) -> None:
    """API sheet 4; SOAP API Developer Guide, undelete(): a role that had been deleted before its deal must stay deleted."""
    deal_id = world.add("Opportunity")
    first, second = (
        world.add("OpportunityContactRole", OpportunityId=deal_id, ContactId=world.add("Contact"))
        for _ in "ab"
    )
    world.org.store.delete("OpportunityContactRole", first, by=world.rep)
    world.org.store.delete("Opportunity", deal_id, by=world.rep)
    world.org.store.undelete("Opportunity", deal_id, by=world.rep)
    assert world.column("SELECT Id FROM OpportunityContactRole") == [second]
    with pytest.raises(KeyError):
        world.org.store.undelete("Opportunity", deal_id, by=world.rep)


def test_a_purged_row_is_gone_from_the_store_but_still_on_the_list_of_deletions(world: World) -> None:
    """API sheet 4; SOAP API Developer Guide, emptyRecycleBin(): queryAll no longer returns it, getDeleted still can."""
    deal_id = world.add("Opportunity")
    with pytest.raises(KeyError):
        world.org.store.purge("Opportunity", deal_id)
    world.org.store.delete("Opportunity", deal_id, by=world.rep)
    world.org.store.purge("Opportunity", deal_id)
    assert world.org.store.get("Opportunity", deal_id) is None
    assert world.org.store.select("select id, purged from _deletion") == [(deal_id, 1)]


def test_the_recycle_bin_forgets_after_fifteen_days(world: World, clock: Clock) -> None:
    """API sheet 4; Help, "View, Restore, and Manage the Recycle Bin": a client that comes after 15 days finds no tombstone."""
    deal_id = world.add("Opportunity")
    world.org.store.delete("Opportunity", deal_id, by=world.rep)
    clock.turn(timedelta(days=14, hours=23))
    assert world.org.store.expire_bin() == 0
    clock.turn(timedelta(hours=2))
    assert world.column("SELECT Id FROM Opportunity", deleted=True) == []


def test_merging_contacts_deletes_the_losers_and_hands_their_roles_over(world: World, clock: Clock) -> None:
    """API sheet 4; SOAP API Developer Guide, merge(): losers get MasterRecordId, children are re-parented, the winner's stamp moves."""
    winner, loser, deal_id = world.add("Contact"), world.add("Contact"), world.add("Opportunity")
    role_id = world.add("OpportunityContactRole", OpportunityId=deal_id, ContactId=loser)
    clock.turn(timedelta(minutes=5))
    world.org.store.merge("Contact", winner, [loser], by=world.rep)
    lost, role = row(world, "Contact", loser), row(world, "OpportunityContactRole", role_id)
    assert (lost["IsDeleted"], lost["MasterRecordId"], role["ContactId"]) == (True, winner, winner)
    stamps = {str(each["SystemModstamp"]) for each in (lost, role, row(world, "Contact", winner))}
    assert len(stamps) == 1
    assert NOW not in stamps


def test_a_transaction_that_fails_leaves_nothing(world: World) -> None:
    """Half of a cascade or of an all-or-none request would be a state that Salesforce never shows."""

    def half() -> None:
        with world.org.store.transaction():
            world.add("Account")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    assert world.column("SELECT Id FROM Account") == []


def test_a_savepoint_undoes_only_its_own_part(world: World) -> None:
    """All-or-none inside a larger transaction must not undo what came before."""

    def part() -> None:
        with world.org.store.savepoint():
            world.add("Account")
            raise RuntimeError

    with world.org.store.transaction():
        kept = world.add("Account")
        with pytest.raises(RuntimeError):
            part()
    assert world.column("SELECT Id FROM Account") == [kept]


def test_an_org_opened_again_is_the_same_org(tmp_path: Path, clock: Clock) -> None:
    """A restart that made a new org id would look to a client like another customer's org."""
    first = make_world(tmp_path, clock)
    deal_id, org_id = first.add("Opportunity"), first.org.org_id
    first.org.close()
    second = Org.open(tmp_path, clock)
    assert second.org_id == org_id
    assert second.store.get("Opportunity", deal_id) is not None
    assert second.store.insert("Opportunity", {"Name": "x"}, by=first.admin) > deal_id
    second.close()


def test_two_new_orgs_do_not_share_an_id(tmp_path: Path) -> None:
    """A database bound to one org has to notice another one."""
    orgs = [Org.open(tmp_path / name) for name in "ab"]
    assert len({each.org_id for each in orgs}) == 2
    for each in orgs:
        each.close()


def test_loaded_rows_are_complete_and_the_next_id_is_a_free_one(world: World) -> None:
    """Object Reference, System Fields: the fast way in must give the same rows as the slow one, and never an id twice."""
    new_ids = [ids.make_id("006", number) for number in (500, 7)]
    rows = [
        {"Id": each, "Name": "Loaded", "CreatedDate": "2025-01-01T00:00:00.000Z", "CreatedById": world.rep}
        for each in new_ids
    ]
    assert world.org.store.load("Opportunity", rows) == 2
    loaded = row(world, "Opportunity", new_ids[0])
    assert loaded["SystemModstamp"] == loaded["LastModifiedDate"] == "2025-01-01T00:00:00.000Z"
    assert (loaded["LastModifiedById"], loaded["IsDeleted"], loaded["NextStep"]) == (world.rep, False, None)
    assert ids.number_of(world.add("Opportunity")) == 501


def test_a_field_that_the_object_lacks_is_an_error_and_not_ignored(world: World) -> None:
    """A misspelt field in the demo data would otherwise silently be null."""
    with pytest.raises(KeyError, match="Nextstepp"):
        world.add("Opportunity", Nextstepp="call")


def test_a_store_made_by_an_older_definition_gains_the_new_columns(tmp_path: Path, clock: Clock) -> None:
    """An org directory outlives an upgrade: a field added to the catalogue must not need a new org."""
    path = tmp_path / "org.sqlite3"
    store = Store(path, clock)
    store.execute('alter table "Case" drop column "Subject"')
    store.close()
    store = Store(path, clock)
    case_id = store.insert("Case", {"Subject": "Late"}, by="005Qy0000000001IAA")
    loaded = {"Id": ids.make_id("500", 99), "Subject": "Loaded", "OwnerId": "005Qy0000000001IAA"}
    store.load("Case", [loaded])
    assert [(store.get("Case", each) or {})["Subject"] for each in (case_id, str(loaded["Id"]))] == [
        "Late",
        "Loaded",
    ]
    store.close()


def test_a_profiles_permissions_and_its_own_set_say_the_same(world: World) -> None:
    """API sheet 4; Object Reference, PermissionSet: a profile's permissions are those of the set that it owns, whichever is changed."""
    store = world.org.store
    profile_id = store.find_ids("Profile", Name="Standard User")[0]
    store.update("Profile", profile_id, {"PermissionsViewSetup": True}, by=world.admin)
    assert world.org.security.of(world.rep).has("ViewSetup")
    world.take("ViewSetup", profile="Standard User")
    assert row(world, "Profile", profile_id)["PermissionsViewSetup"] is False


def test_many_threads_write_and_read_without_losing_a_row(world: World) -> None:
    """One file serves a server's threads, Bulk jobs and life in the org at once: no locked database, no id twice."""
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: world.add("Account", Name=str(n)), range(200)))
        counts = list(pool.map(lambda _: len(world.column("SELECT Id FROM Account")), range(50)))
    assert len(set(made)) == 200
    assert counts == [200] * 50


def test_a_stream_shows_one_moment_whatever_is_written_meanwhile(world: World) -> None:
    """Bulk API 2.0: the result of a job is that of one query, and its rows are read on by another thread than began it."""
    for _ in range(3_000):
        world.add("Account")
    rows = world.org.query("SELECT Id FROM Account", user_id=world.admin, include_deleted=False).rows()
    first = next(rows)
    world.org.store.delete("Account", str(first[0]), by=world.admin)
    world.add("Account")
    with ThreadPoolExecutor(1) as pool:
        assert len(pool.submit(list, rows).result()) == 2_999
