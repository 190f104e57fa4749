"""The recycle bin: days, size, undelete, purge, merges, and the readings of what they do to stamps (API sheet 4, delete semantics)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from local_org.clock import Clock
from tests.local_org.conftest import World

HOUR = timedelta(hours=1)
BEFORE, AFTER = "2026-05-13T12:30:45.000Z", "2026-05-13T13:30:45.000Z"


def stamp(world: World, sobject: str, record_id: str) -> object:
    """Returns the SystemModstamp of a row, deleted or not."""
    return (world.org.store.get(sobject, record_id) or {})["SystemModstamp"]


def in_bin(world: World, sobject: str = "Opportunity") -> list[str]:
    """Returns the names of the deleted rows that queryAll shows."""
    return sorted(world.column(f"SELECT Name FROM {sobject} WHERE IsDeleted = true", deleted=True))


def test_a_full_bin_loses_its_oldest_rows(world: World, clock: Clock) -> None:
    """API sheet 4: 5,000 rows a licence, oldest purged first, none before two hours: a tombstone can vanish long before 15 days."""
    store = world.org.store
    licence = store.find_ids("UserLicense")[0]
    store.update("UserLicense", licence, {"TotalLicenses": 1}, by=world.admin)
    world.org.switches.recycle_bin_rows_per_licence = 2
    for name in "abcd":
        store.delete("Opportunity", world.add("Opportunity", Name=name), by=world.rep)
        clock.turn(HOUR)
    # `d` lies there for one hour, `c` for two.
    assert in_bin(world) == ["c", "d"]
    for name in "efg":
        store.delete("Opportunity", world.add("Opportunity", Name=name), by=world.rep)
    assert in_bin(world) == ["d", "e", "f", "g"]
    clock.turn(2 * HOUR)
    assert len(in_bin(world)) == 2


def test_the_bin_of_a_new_org_holds_five_thousand_rows_for_each_licence(world: World) -> None:
    """API sheet 4: 100 licences keep 500,000 rows, so an org of this size loses nothing before its 15 days are over."""
    assert world.org.switches.recycle_bin_rows_per_licence == 5_000
    for _ in range(3):
        world.org.store.delete("Account", world.add("Account"), by=world.admin)
    assert world.org.store.expire_bin() == 0


def test_purged_rows_leave_query_all_and_stay_on_the_list_of_deletions_for_15_days(
    world: World, clock: Clock
) -> None:
    """API sheet 4: hard-deleted rows vanish even from queryAll; getDeleted still tells of them, within its window."""
    deal = world.add("Opportunity")
    world.org.store.delete("Opportunity", deal, by=world.admin)
    world.org.store.purge("Opportunity", deal)
    assert in_bin(world) == []
    clock.turn(HOUR)
    window = {"start": "2026-05-13T12:00:00Z", "end": "2026-05-13T13:00:00Z"}
    body = world.get("/sobjects/Opportunity/deleted", **window)
    assert [each["id"] for each in body["deletedRecords"]] == [deal]
    clock.turn(timedelta(days=15))
    assert world.call("GET", "/sobjects/Opportunity/deleted", **window).status == 400


def test_a_role_deleted_by_itself_cannot_be_undeleted(world: World) -> None:
    """API sheet 4, global flags: OpportunityContactRole is deletable and not undeletable; it comes back with its deal alone."""
    deal = world.add("Opportunity")
    role = world.add("OpportunityContactRole", OpportunityId=deal, ContactId=world.add("Contact"))
    world.org.store.delete("OpportunityContactRole", role, by=world.admin)
    with pytest.raises(ValueError, match="not undeletable"):
        world.org.store.undelete("OpportunityContactRole", role, by=world.admin)


@pytest.mark.parametrize(
    ("sobject", "stays"), [("Opportunity", ["EmailMessage", "ContentVersion"]), ("Contact", ["EmailMessage"])]
)
def test_a_deletion_takes_along_what_the_describe_says_and_nothing_else(
    world: World, sobject: str, stays: list[str]
) -> None:
    """API sheet 4, cascade [R]: roles, links and tasks of a deal; roles and mail relations of a contact; never a mail or a file."""
    deal, contact = world.add("Opportunity"), world.add("Contact")
    mail = world.add("EmailMessage", RelatedToId=deal)
    document = world.org.store.insert("ContentDocument", {"Title": "Plan"}, by=world.admin)
    rows = {
        "Opportunity": deal, "Contact": contact, "EmailMessage": mail,
        "OpportunityContactRole": world.add("OpportunityContactRole", OpportunityId=deal, ContactId=contact),
        "EmailMessageRelation": world.add("EmailMessageRelation", EmailMessageId=mail, RelationId=contact, RelationType="ToAddress"),
        "ContentDocumentLink": world.add("ContentDocumentLink", ContentDocumentId=document, LinkedEntityId=deal),
        "ContentVersion": world.add("ContentVersion", ContentDocumentId=document, Title="Plan", FirstPublishLocationId=deal),
        "Task": str((world.org.store.get("EmailMessage", mail) or {})["ActivityId"]),
    }  # fmt: skip
    world.org.store.delete(sobject, rows[sobject], by=world.admin)
    gone = {name for name, row in rows.items() if (world.org.store.get(name, row) or {})["IsDeleted"]}
    along = {
        "Opportunity": {"Opportunity", "OpportunityContactRole", "ContentDocumentLink", "Task"},
        "Contact": {"Contact", "OpportunityContactRole", "EmailMessageRelation"},
    }[sobject]
    assert gone == along
    assert gone.isdisjoint(stays)
    world.org.store.undelete(sobject, rows[sobject], by=world.admin)
    assert not any((world.org.store.get(name, row) or {})["IsDeleted"] for name, row in rows.items())


@pytest.mark.parametrize(("moves", "expected"), [(True, AFTER), (False, BEFORE)])
def test_an_undelete_moves_the_stamp_or_not(world: World, clock: Clock, moves: bool, expected: str) -> None:
    """API sheet 4, undelete [M]: where it does not, a restored deal can only be found by comparing ids."""
    world.org.switches.set({"undelete_moves_stamp": moves})
    deal = world.add("Opportunity")
    world.org.store.delete("Opportunity", deal, by=world.admin)
    clock.turn(HOUR)
    world.org.store.undelete("Opportunity", deal, by=world.admin)
    assert (stamp(world, "Opportunity", deal), in_bin(world)) == (expected, [])
    assert world.column("SELECT Id FROM Opportunity") == [deal]


@pytest.mark.parametrize("winner_moves", [True, False])
@pytest.mark.parametrize("losers_move", [True, False])
def test_a_merge_moves_the_stamps_that_the_switches_say(
    world: World, clock: Clock, winner_moves: bool, losers_move: bool
) -> None:
    """API sheet 4, merge [M]: children are re-parented and stamped in every reading, the contacts' own stamps are uncertain."""
    world.org.switches.set(
        {"merge_moves_winner_stamp": winner_moves, "merge_moves_loser_stamps": losers_move}
    )
    winner, loser = world.add("Contact"), world.add("Contact")
    role = world.add("OpportunityContactRole", OpportunityId=world.add("Opportunity"), ContactId=loser)
    clock.turn(HOUR)
    world.org.store.merge("Contact", winner, [loser], by=world.admin)
    moved = {True: AFTER, False: BEFORE}
    assert stamp(world, "Contact", winner) == moved[winner_moves]
    assert stamp(world, "Contact", loser) == moved[losers_move]
    assert stamp(world, "OpportunityContactRole", role) == AFTER
    assert world.records(
        "SELECT MasterRecordId, IsDeleted FROM Contact WHERE IsDeleted = true", deleted=True
    ) == [{"MasterRecordId": winner, "IsDeleted": True}]
    assert world.column("SELECT ContactId FROM OpportunityContactRole") == [winner]


def test_a_contact_that_lost_a_merge_comes_back_alone(world: World) -> None:
    """SOAP API Developer Guide, undelete: the loser is restored by its own undelete; its former children stay with the winner."""
    winner, loser = world.add("Contact", LastName="Winner"), world.add("Contact", LastName="Loser")
    role = world.add("OpportunityContactRole", OpportunityId=world.add("Opportunity"), ContactId=loser)
    store = world.org.store
    store.merge("Contact", winner, [loser], by=world.admin)
    store.delete("Contact", winner, by=world.admin)
    store.undelete("Contact", winner, by=world.admin)
    assert world.column("SELECT LastName FROM Contact") == ["Winner"]
    store.undelete("Contact", loser, by=world.admin)
    assert (store.get("Contact", loser) or {})["MasterRecordId"] is None
    assert (store.get("OpportunityContactRole", role) or {})["ContactId"] == winner


def test_users_are_never_deleted(world: World) -> None:
    """API sheet 4: a user is deactivated only; owners of old deals stay to be found."""
    assert world.call("DELETE", f"/sobjects/User/{world.rep}").status == 400
    world.org.store.update("User", world.rep, {"IsActive": False}, by=world.admin)
    assert world.column("SELECT Id FROM User WHERE IsActive = false") == [world.rep]
