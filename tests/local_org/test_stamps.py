"""What moves LastModifiedDate and SystemModstamp, and what moves neither (API sheet 6): a change without a stamp is never synced."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from local_org.clock import Clock
from tests.local_org.conftest import World

BEFORE, AFTER = "2026-05-13T12:30:45.000Z", "2026-05-13T13:30:45.000Z"
USER, SYSTEM, NOTHING = (AFTER, AFTER), (BEFORE, AFTER), (BEFORE, BEFORE)


def stamps(world: World, sobject: str, record_id: str) -> tuple[object, object]:
    """Returns LastModifiedDate and SystemModstamp."""
    found = world.org.store.get(sobject, record_id)
    assert found is not None
    assert str(found["LastModifiedDate"]) <= str(found["SystemModstamp"])
    return found["LastModifiedDate"], found["SystemModstamp"]


@pytest.fixture
def deal(world: World) -> str:
    """A deal with an account."""
    return world.add("Opportunity", AccountId=world.add("Account"))


def _stage_renamed(world: World, deal: str) -> None:
    stage = world.org.store.find_ids("OpportunityStage", ApiName="Qualification")[0]
    world.org.store.update(
        "OpportunityStage", stage, {"ApiName": "Discovery", "MasterLabel": "Discovery"}, by=world.admin
    )
    assert world.column("SELECT StageName FROM Opportunity") == ["Discovery"]


def _mail_logged(world: World, deal: str) -> None:
    world.add("EmailMessage", RelatedToId=deal, MessageDate="2026-05-12T08:00:00.000Z")
    assert world.column("SELECT LastActivityDate FROM Opportunity") == ["2026-05-12"]


def _parent_changed(world: World, deal: str) -> None:
    account = str((world.org.store.get("Opportunity", deal) or {})["AccountId"])
    world.org.store.update("Account", account, {"Name": "Renamed"}, by=world.admin)
    assert world.records("SELECT Account.Name FROM Opportunity")[0]["Account"]["Name"] == "Renamed"


def _child_added(world: World, deal: str) -> None:
    role = world.add("OpportunityContactRole", OpportunityId=deal, ContactId=world.add("Contact"))
    document = world.org.store.insert("ContentDocument", {"Title": "Plan"}, by=world.admin)
    link = world.add("ContentDocumentLink", ContentDocumentId=document, LinkedEntityId=deal)
    for sobject, child in (("OpportunityContactRole", role), ("ContentDocumentLink", link)):
        assert (world.org.store.get(sobject, child) or {})["SystemModstamp"] == AFTER


def _fields_hidden(world: World, deal: str) -> None:
    world.hide("Opportunity", "Amount", "NextStep")


def _open_task(world: World, deal: str) -> None:
    world.add("Task", WhatId=deal, Subject="Call", ActivityDate="2026-05-20")


def _edited(world: World, deal: str) -> None:
    world.org.store.update("Opportunity", deal, {"NextStep": "call"}, by=world.admin)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_edited, USER), (_stage_renamed, SYSTEM), (_mail_logged, SYSTEM),
        (_parent_changed, NOTHING), (_child_added, NOTHING), (_fields_hidden, NOTHING), (_open_task, NOTHING),
    ],
)  # fmt: skip
def test_a_change_moves_the_stamps_that_salesforce_moves(
    world: World, clock: Clock, deal: str, change: Callable[[World, str], None], expected: tuple[str, str]
) -> None:
    """API sheet 6: users move both stamps, the system one alone, and parents, children, rights and formulas neither."""
    clock.turn(timedelta(hours=1))
    change(world, deal)
    assert stamps(world, "Opportunity", deal) == expected


def test_a_formula_follows_its_account_without_a_stamp(world: World, clock: Clock, deal: str) -> None:
    """API sheet 6, no bump: a cross-object formula changes with the other record, so only reading it again finds the change."""
    world.org.switches.set({"custom_fields": True})
    account = str((world.org.store.get("Opportunity", deal) or {})["AccountId"])
    described = {each["name"]: each for each in world.get("/sobjects/Opportunity/describe")["fields"]}
    formula = described["Account_Industry__c"]
    assert (formula["calculated"], formula["custom"], formula["updateable"]) == (True, True, False)
    clock.turn(timedelta(hours=1))
    world.org.store.update("Account", account, {"Industry": "Energy"}, by=world.admin)
    assert world.column(
        "SELECT Account_Industry__c FROM Opportunity WHERE Account_Industry__c = 'energy'"
    ) == ["Energy"]
    assert stamps(world, "Opportunity", deal) == NOTHING


def test_a_bounced_address_is_noted_by_the_system(world: World, clock: Clock) -> None:
    """API sheet 6, system-only bumps, e-mail bounce flag: a cursor on LastModifiedDate would miss it."""
    contact = world.add("Contact", Email="ada@acme.example")
    clock.turn(timedelta(hours=1))
    world.org.store.change_by_system(
        "Contact", contact, {"EmailBouncedReason": "unknown mailbox", "IsEmailBounced": True}
    )
    assert stamps(world, "Contact", contact) == SYSTEM
    clock.turn(timedelta(minutes=2))
    found = world.get("/sobjects/Contact/updated", start="2026-05-13T13:00:00Z", end="2026-05-13T14:00:00Z")
    assert found["ids"] == [contact]


def test_an_archived_task_is_only_in_query_all_and_its_stamp_has_moved(world: World, clock: Clock) -> None:
    """API sheet 2.2 and 6: archiving hides a row from /query without deleting it; a count by /query would miss it."""
    task = world.add("Task", Subject="Old", Status="Completed")
    clock.turn(timedelta(hours=1))
    world.org.store.change_by_system("Task", task, {"IsArchived": True})
    assert world.column("SELECT Id FROM Task") == []
    assert world.records("SELECT Id, IsDeleted, IsArchived FROM Task", deleted=True) == [
        {"Id": task, "IsDeleted": False, "IsArchived": True}
    ]
    assert stamps(world, "Task", task) == SYSTEM


def test_the_last_activity_falls_back_when_the_activity_is_deleted(world: World, deal: str) -> None:
    """API sheet 6, LastActivityDate: it is worked out from the tasks that are there, and undelete brings it back."""
    for day in ("2026-05-01", "2026-05-09"):
        latest = world.add("Task", WhatId=deal, Status="Completed", ActivityDate=day)
    soql = "SELECT LastActivityDate FROM Opportunity"
    assert world.column(soql) == ["2026-05-09"]
    world.org.store.delete("Task", latest, by=world.admin)
    assert world.column(soql) == ["2026-05-01"]
    world.org.store.undelete("Task", latest, by=world.admin)
    assert world.column(soql) == ["2026-05-09"]


def test_the_creation_can_be_dated_back_and_the_system_stamp_cannot_be_set(world: World) -> None:
    """API sheet 6: LastModifiedDate can lie in the past (audit-field permission), SystemModstamp is Salesforce's own."""
    back = "2020-01-01T00:00:00.000Z"
    old = world.add("Opportunity", CreatedDate=back, LastModifiedDate=back)
    assert stamps(world, "Opportunity", old) == (back, BEFORE)
    body = {"Name": "x", "StageName": "Qualification", "CloseDate": "2026-06-30", "SystemModstamp": back}
    answer = world.call("POST", "/sobjects/Opportunity", body)
    assert (answer.status, "INVALID_FIELD_FOR_INSERT_UPDATE" in str(answer.body)) == (400, True)


def test_many_rows_share_a_stamp_and_all_are_found_by_it(world: World) -> None:
    """API sheet 6: stamps have second resolution; paging by `> last` would lose all but the rows of one page."""
    made = {world.add("Account") for _ in range(30)}
    at = "SystemModstamp {} 2026-05-13T12:30:45Z"
    for operator, expected in ((">=", made), ("=", made), (">", set[str]())):
        assert set(world.column(f"SELECT Id FROM Account WHERE {at.format(operator)}")) == expected
    first, *rest = sorted(made)
    tie = f"SELECT Id FROM Account WHERE ({at.format('=')} AND Id > '{first}') OR {at.format('>')}"
    assert sorted(world.column(tie)) == rest
