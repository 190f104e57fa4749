"""Time of the org's own: rows that become visible late, equal stamps, row locks, and how far a change list is complete."""

from __future__ import annotations

from datetime import timedelta

import pytest

from local_org.clock import Clock, as_stamp
from local_org.errors import RowLockedError
from tests.local_org.conftest import START, World

WINDOW = {"start": "2026-05-13T12:00:00Z", "end": "2026-05-13T13:00:00Z"}


def minutes(number: int) -> timedelta:
    """So many minutes."""
    return timedelta(minutes=number)


def test_a_late_commit_is_seen_by_nobody_before_and_by_everybody_after(world: World, clock: Clock) -> None:
    """A reader that goes past a stamp whose row it could not see: that is what the overlap of windows is for."""
    deal = world.add("Opportunity", Name="Before")
    clock.turn(minutes(1))
    begun = world.org.transactions.begin(
        [
            {"update": "Opportunity", "id": deal, "values": {"Name": "After"}},
            {"insert": "EmailMessage", "values": {"RelatedToId": deal, "Subject": "Late", "Status": "3"}},
        ],
        world.admin,
    )
    clock.turn(minutes(4))
    assert world.column("SELECT Name FROM Opportunity") == ["Before"]
    assert world.get("/query", q="SELECT COUNT() FROM EmailMessage")["totalSize"] == 0
    assert world.column("SELECT Id FROM EmailMessage", deleted=True) == []
    later = as_stamp(clock.now())

    world.org.transactions.commit(begun.number)
    assert world.column("SELECT Name FROM Opportunity") == ["After"]
    (mail,) = world.records("SELECT Id, SystemModstamp, CreatedDate, ActivityId FROM EmailMessage")
    assert mail["Id"] == begun.ids[1]
    assert mail["SystemModstamp"] == mail["CreatedDate"] == "2026-05-13T12:31:45.000+0000"
    assert world.column(f"SELECT Id FROM EmailMessage WHERE SystemModstamp >= {later}") == []
    clock.turn(minutes(40))
    assert world.get("/sobjects/EmailMessage/updated", **WINDOW)["ids"] == [mail["Id"]]


def test_a_late_delete_takes_its_children_along_with_the_old_stamp(world: World, clock: Clock) -> None:
    """A tombstone older than the cursor, and a list of deletions that shows it in a minute already read."""
    deal = world.add("Opportunity")
    world.add("OpportunityContactRole", OpportunityId=deal, ContactId=world.add("Contact"))
    begun = world.org.transactions.begin([{"delete": "Opportunity", "id": deal}], world.admin)
    clock.turn(minutes(9))
    assert world.column("SELECT IsDeleted FROM Opportunity", deleted=True) == [False]
    world.org.transactions.commit(begun.number)
    assert world.records("SELECT IsDeleted, SystemModstamp FROM OpportunityContactRole", deleted=True) == [
        {"IsDeleted": True, "SystemModstamp": "2026-05-13T12:30:45.000+0000"}
    ]
    clock.turn(minutes(30))
    (listed,) = world.get("/sobjects/Opportunity/deleted", **WINDOW)["deletedRecords"]
    assert listed["deletedDate"] == "2026-05-13T12:30:45.000+0000"


@pytest.mark.parametrize(
    ("lags", "covered"), [(True, "2026-05-13T12:30:00.000+0000"), (False, "2026-05-13T12:35:00.000+0000")]
)
def test_a_change_list_is_complete_only_up_to_the_oldest_open_transaction(
    world: World, clock: Clock, lags: bool, covered: str
) -> None:
    """API sheet 2.3: the next start is latestDateCovered, which may lag because of long transactions [M]."""
    world.org.switches.latest_date_covered_lags = lags
    begun = world.org.transactions.begin([{"insert": "Account", "values": {"Name": "Late"}}], world.admin)
    clock.turn(minutes(5))
    for path in ("/sobjects/Opportunity/updated", "/sobjects/Opportunity/deleted"):
        assert world.get(path, **WINDOW)["latestDateCovered"] == covered
    world.org.transactions.commit(begun.number)
    after = world.get("/sobjects/Opportunity/updated", **WINDOW)["latestDateCovered"]
    assert after == "2026-05-13T12:35:00.000+0000"


def test_a_row_of_an_open_transaction_is_locked_and_the_org_goes_on(world: World) -> None:
    """A second writer would be stamped later and overwritten by the older commit; Salesforce makes it wait or fail."""
    deal, other = world.add("Opportunity"), world.add("Opportunity")
    begun = world.org.transactions.begin(
        [{"update": "Opportunity", "id": deal, "values": {"NextStep": "slow"}}], world.admin
    )
    refused = world.call("PATCH", f"/sobjects/Opportunity/{deal}", {"NextStep": "quick"})
    assert (refused.status, refused.body[0]["errorCode"]) == (400, "UNABLE_TO_LOCK_ROW")  # type: ignore[index]
    assert world.call("DELETE", f"/sobjects/Opportunity/{deal}").status == 400
    assert world.call("PATCH", f"/sobjects/Opportunity/{other}", {"NextStep": "quick"}).status == 204
    with pytest.raises(RowLockedError):
        world.org.transactions.begin([{"delete": "Opportunity", "id": deal}], world.admin)
    world.org.transactions.roll_back(begun.number)
    assert world.call("PATCH", f"/sobjects/Opportunity/{deal}", {"NextStep": "quick"}).status == 204
    with pytest.raises(ValueError, match="No transaction"):
        world.org.transactions.commit(begun.number)


def test_a_mass_update_gives_thousands_of_rows_one_stamp(world: World) -> None:
    """airbyte#9883: paging by `> last stamp` loses all of them but one page."""
    real = Clock()
    stamp = as_stamp(START)
    rows = (
        {
            "Id": each,
            "Name": "Deal",
            "StageName": "Qualification",
            "CreatedDate": stamp,
            "OwnerId": world.admin,
        }
        for each in world.org.store.reserve_ids("Opportunity", 3_000)
    )
    world.org.store.load("Opportunity", rows)
    world.org.clock._real_now = real.now  # a clock that runs while the rows are written
    ids = world.org.store.find_ids("Opportunity")
    begun = world.org.transactions.begin(
        [{"update": "Opportunity", "id": ids, "values": {"NextStep": "all at once"}}], world.admin
    )
    world.org.transactions.commit(begun.number)
    stamps = world.org.store.select("select SystemModstamp, count(*) from Opportunity group by 1")
    assert stamps == [(as_stamp(begun.began_at), 3_000)]


def test_a_frozen_clock_gives_equal_stamps_until_it_is_turned_or_thawed() -> None:
    """Rows of one second that arrive one after the other."""
    clock = Clock()
    clock.freeze()
    first = clock.now()
    assert clock.now() == first
    clock.turn(timedelta(seconds=5))
    assert clock.now() == first + timedelta(seconds=5)
    clock.turn(timedelta(seconds=-5))
    clock.thaw()
    assert not clock.is_frozen
    assert clock.now() > first


@pytest.mark.parametrize(
    "change",
    [
        {"drop": "Opportunity", "id": "006000000000001AAA"},
        {"update": "Nothing__c", "id": "006000000000001AAA"},
        {"update": "Opportunity", "id": "006000000000001AAA", "values": {"Nope": 1}},
        {"update": "Opportunity", "id": "006000000000001AAA"},
        {"update": "Opportunity", "values": {"NextStep": "x"}},
        {"update": "Opportunity", "id": [], "values": {"NextStep": "x"}},
    ],
)
def test_a_change_that_cannot_be_meant_begins_nothing(world: World, change: dict[str, object]) -> None:
    """A misspelt change must fail at the beginning, not at the commit minutes later."""
    with pytest.raises(ValueError, match=r"A change is|has no field|There is no"):
        world.org.transactions.begin([change], world.admin)
    assert world.org.transactions.listing() == []


def test_what_moves_with_a_row_is_locked_with_it_so_that_no_stamp_runs_back(
    world: World, clock: Clock
) -> None:
    """A mail moved a deal's stamp while somebody's slow edit held the deal: the commit took the stamp back behind every reader."""
    deal, other = world.add("Opportunity"), world.add("Opportunity")
    role = world.add("OpportunityContactRole", OpportunityId=deal, ContactId=world.add("Contact"))
    mail = world.add("EmailMessage", RelatedToId=other, Status="3", Subject="Early")
    edit: dict[str, object] = {"update": "Opportunity", "id": deal, "values": {"NextStep": "slow"}}
    relate: dict[str, object] = {"update": "EmailMessage", "id": mail, "values": {"RelatedToId": deal}}
    drop: dict[str, object] = {"delete": "Opportunity", "id": deal}
    new_mail = ("POST", "/sobjects/EmailMessage", {"RelatedToId": deal, "Status": "3", "Subject": "Quick"})
    new_task = ("POST", "/sobjects/Task", {"WhatId": deal, "Subject": "Quick"})
    renamed = ("PATCH", f"/sobjects/Opportunity/{deal}", {"Name": "Quick"})
    left = ("PATCH", f"/sobjects/Opportunity/{other}", {"Name": "Quick"})
    of_deal = ("PATCH", f"/sobjects/OpportunityContactRole/{role}", {"Role": "Quick"})
    for slow, refused, free in [
        (edit, [new_mail, new_task], left),
        (relate, [renamed, left], of_deal),  # the deal that a mail leaves moves too
        (drop, [renamed, of_deal], left),
    ]:
        begun = world.org.transactions.begin([slow], world.admin)
        clock.turn(minutes(1))
        for call in refused:
            told = world.call(*call)
            assert (told.status, told.body[0]["errorCode"]) == (400, "UNABLE_TO_LOCK_ROW"), call  # type: ignore[index]
        assert world.call(*free).status == 204
        world.org.transactions.roll_back(begun.number)
        clock.turn(minutes(1))
    assert world.call(*new_mail).status == world.call(*new_task).status == 201


def test_a_row_that_would_come_back_with_another_is_locked_with_it(world: World) -> None:
    """A slow undelete whose roles are purged, or come back another way, before it ends."""
    deal = world.add("Opportunity")
    role = world.add("OpportunityContactRole", OpportunityId=deal, ContactId=world.add("Contact"))
    world.org.store.delete("Opportunity", deal, by=world.admin)
    world.org.transactions.begin([{"undelete": "Opportunity", "id": deal}], world.admin)
    with pytest.raises(RowLockedError):
        world.org.transactions.begin([{"update": "OpportunityContactRole", "id": role}], world.admin)
