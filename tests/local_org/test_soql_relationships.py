"""Parents of several objects, TYPEOF, sub-selects page by page, and how many relationships a statement may have (API sheet 2.2)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.local_org.conftest import World

PREFIX = "/services/data/v66.0"


def following(world: World, result: dict[str, Any]) -> dict[str, Any]:
    """Returns the page behind a result's nextRecordsUrl."""
    found: dict[str, Any] = world.get(result["nextRecordsUrl"].removeprefix(PREFIX))
    return found


def test_children_beyond_a_page_have_a_locator_of_their_own(world: World) -> None:
    """API sheet 2.2, sub-select: `nextRecordsUrl` inside the record; a client that ignores it loses children without an error."""
    deals = [world.add("Opportunity", Name=name) for name in "ab"]
    contact = world.add("Contact")
    for number in range(450):
        world.add("OpportunityContactRole", OpportunityId=deals[0], ContactId=contact, Role=f"{number:03d}")
    world.add("OpportunityContactRole", OpportunityId=deals[1], ContactId=contact)
    soql = "SELECT Name, (SELECT Role, Contact.LastName FROM OpportunityContactRoles ORDER BY Role) FROM Opportunity ORDER BY Name"
    hint = {"sforce-query-options": "batchSize=200"}
    answer: Any = world.call("GET", "/query", q=soql, headers=hint).body
    assert (answer["done"], answer["totalSize"]) == (True, 2)
    many, one = (each["OpportunityContactRoles"] for each in answer["records"])
    assert (one["done"], "nextRecordsUrl" in one) == (True, False)
    assert (many["totalSize"], many["done"], len(many["records"])) == (450, False, 200)
    assert many["nextRecordsUrl"].endswith("-200")
    rest = following(world, many)
    assert (rest["totalSize"], rest["done"], len(rest["records"])) == (450, True, 250)
    roles = [each["Role"] for each in [*many["records"], *rest["records"]]]
    assert roles == [f"{number:03d}" for number in range(450)]
    assert rest["records"][0]["Contact"]["LastName"] == "Doe"
    assert rest["records"][0]["attributes"]["type"] == "OpportunityContactRole"


def test_parents_behind_a_locator_bring_their_children_along(world: World) -> None:
    """API sheet 2.2: a later page of the main records nests like the first."""
    for number in range(201):
        account = world.add("Account", Name=f"{number:03d}")
    world.add("Contact", AccountId=account)
    soql = "SELECT Name, (SELECT LastName FROM Contacts) FROM Account ORDER BY Name"
    hint = {"sforce-query-options": "batchSize=200"}
    first: Any = world.call("GET", "/query", q=soql, headers=hint).body
    assert first["records"][0]["Contacts"] is None
    last = following(world, first)["records"]
    assert [each["Contacts"]["totalSize"] for each in last] == [1]


@pytest.mark.parametrize(("as_name", "types"), [(True, {"Name"}), (False, {"Account", "Opportunity"})])
def test_a_parent_of_several_objects_calls_itself_name_or_what_it_is(
    world: World, as_name: bool, types: set[str]
) -> None:
    """API sheet 2.2 [M]: without TYPEOF attributes.type is `Name`; a client must take the object from the id."""
    world.org.switches.set({"polymorphic_parent_is_name": as_name})
    for related in (world.add("Opportunity"), world.add("Account")):
        world.add("EmailMessage", RelatedToId=related)
    parents = [each["RelatedTo"] for each in world.records("SELECT RelatedTo.Name FROM EmailMessage")]
    assert {each["attributes"]["type"] for each in parents} == types
    assert {each["attributes"]["url"].split("/")[5] for each in parents} == {"Account", "Opportunity"}


def test_typeof_shows_each_parent_as_what_it_is(world: World) -> None:
    """SOQL and SOSL Reference, "TYPEOF": fields by object, those of ELSE for the rest, null where there is no parent."""
    deal, account = world.add("Opportunity", Amount=5), world.add("Account", Phone="1", Name="Acme")
    case = world.add("Case", Subject="Help")
    for number, what in enumerate((deal, account, case, None)):
        world.add("Task", WhatId=what, Subject=str(number))
    typeof = "TYPEOF What WHEN Opportunity THEN Amount, StageName WHEN Account THEN Phone ELSE Name END"
    found = [each["What"] for each in world.records(f"SELECT Subject, {typeof} FROM Task ORDER BY Subject")]
    assert found[0] == {
        "attributes": {"type": "Opportunity", "url": f"{PREFIX}/sobjects/Opportunity/{deal}"},
        "Amount": 5.0,
        "StageName": "Qualification",
    }
    assert (found[1]["Phone"], found[2]["attributes"]["type"], found[3]) == ("1", "Case", None)
    assert set(found[2]) == {"attributes", "Name"}
    without = world.records("SELECT TYPEOF What WHEN Account THEN Phone END FROM Task WHERE Subject = '0'")
    assert set(without[0]["What"]) == {"attributes"}


@pytest.mark.parametrize("accepted", [True, False])
def test_a_semi_join_on_what_a_mail_is_related_to_is_accepted_or_refused(
    world: World, accepted: bool
) -> None:
    """API sheet 2.2, semi-joins: the guide shows Task.WhoId on the left; sources differ on EmailMessage.RelatedToId."""
    world.org.switches.set({"related_to_semi_join": accepted})
    contact, deal = world.add("Contact"), world.add("Opportunity")
    task, mail = world.add("Task", WhoId=contact), world.add("EmailMessage", RelatedToId=deal)
    assert world.column("SELECT Id FROM Task WHERE WhoId IN (SELECT Id FROM Contact)") == [task]
    soql = "SELECT Id FROM EmailMessage WHERE RelatedToId {} (SELECT Id FROM Opportunity)"
    if accepted:
        assert world.column(soql.format("IN")) == [mail]
    for operator in () if accepted else ("IN", "NOT IN"):
        refusal = world.refusal(soql.format(operator))
        assert (refusal.status, refusal.code) == (400, "MALFORMED_QUERY")
    # The documented ways serve in both positions.
    assert world.column("SELECT Id FROM EmailMessage WHERE RelatedTo.Type = 'Opportunity'") == [mail]
    assert world.column(f"SELECT Id FROM EmailMessage WHERE RelatedToId IN ('{deal}')") == [mail]


def _paths(levels: int) -> list[str]:
    """Returns relationship paths from Opportunity, the short ones first."""
    users = ["Owner", "CreatedBy", "LastModifiedBy"]
    found = list(users)
    for _ in range(levels - 1):
        found += [f"{path}.{step}" for path in users for step in ("CreatedBy", "LastModifiedBy", "Manager")]
        users = [f"{path}.{step}" for path in users for step in ("CreatedBy", "LastModifiedBy", "Manager")]
    return found


def test_no_more_than_55_parents_and_20_sub_selects(world: World) -> None:
    """API sheet 2.2, limits: 55 child-to-parent and 20 parent-to-child relationships; one fewer is accepted."""
    world.add("Opportunity")
    names = [f"{path}.Alias" for path in _paths(4)]
    accepted = world.records(f"SELECT {', '.join(names[:55])} FROM Opportunity")
    assert accepted[0]["Owner"]["CreatedBy"]["CreatedBy"]["CreatedBy"] is not None
    refusal = world.refusal(f"SELECT {', '.join(names[:56])} FROM Opportunity")
    assert (refusal.code, "more than 55" in refusal.message) == ("MALFORMED_QUERY", True)
    roles = "(SELECT Id FROM OpportunityContactRoles)"
    refusal = world.refusal(f"SELECT Id, {', '.join([roles] * 21)} FROM Opportunity")
    assert (refusal.code, "more than 20" in refusal.message) == ("MALFORMED_QUERY", True)


def test_five_levels_up_are_reached_and_a_sixth_is_refused(world: World) -> None:
    """API sheet 2.2, limits: five levels of parents from the main object."""
    world.add("Opportunity")
    path = "Owner.CreatedBy.CreatedBy.CreatedBy.CreatedBy"
    assert len(world.records(f"SELECT {path}.Username FROM Opportunity")) == 1
    assert "more than 5 levels" in world.refusal(f"SELECT {path}.CreatedBy.Username FROM Opportunity").message
