"""`columns=true` on a query: the shape that the Salesforce CLI reads before it prints a table."""

from typing import Any

from tests.local_org.conftest import World


def columns(world: World, soql: str) -> list[dict[str, Any]]:
    """The columns of a statement."""
    found = world.get("/query", q=soql, columns="true")
    assert "records" not in found
    return list(found["columnMetadata"])


def test_fields_tell_their_kind_and_what_may_be_written(world: World) -> None:
    """A person's table is laid out by these flags."""
    found = world.get("/query", q="SELECT Id, Name, Amount, IsClosed FROM Opportunity", columns="true")
    assert {name: found[name] for name in ("entityName", "groupBy", "idSelected", "keyPrefix")} == {
        "entityName": "Opportunity",
        "groupBy": False,
        "idSelected": True,
        "keyPrefix": "006",
    }
    kinds = [
        (each["columnName"], each["apexType"], each["textType"], each["numberType"], each["booleanType"], each["updatable"])
        for each in found["columnMetadata"]
    ]  # fmt: skip
    assert kinds == [
        ("Id", "Id", False, False, False, False),
        ("Name", "String", True, False, False, True),
        ("Amount", "Decimal", False, True, False, True),
        ("IsClosed", "Boolean", False, False, True, False),
    ]


def test_fields_of_parents_and_children_are_joined_below_their_relationship(world: World) -> None:
    """The CLI walks joinColumns to name `Account.Owner.Name`; a flat list would print an empty column."""
    soql = "SELECT Account.Name, Id, Account.Owner.Name, (SELECT Id, Contact.Email FROM OpportunityContactRoles) FROM Opportunity"
    account, _, roles = columns(world, soql)
    assert (account["columnName"], account["foreignKeyName"], account["apexType"]) == (
        "Account",
        "AccountId",
        None,
    )
    name, owner = account["joinColumns"]
    assert (name["columnName"], owner["columnName"], owner["foreignKeyName"]) == ("Name", "Owner", "OwnerId")
    assert [each["columnName"] for each in owner["joinColumns"]] == ["Name"]
    assert (roles["columnName"], roles["aggregate"], roles["apexType"]) == (
        "OpportunityContactRoles",
        True,
        None,
    )
    assert [each["columnName"] for each in roles["joinColumns"]] == ["Id", "Contact"]


def test_functions_show_their_alias_and_how_the_statement_spells_them(world: World) -> None:
    """The CLI finds the value under the alias and heads the column with the function."""
    soql = "SELECT StageName, COUNT(Id), MAX(Amount) most FROM Opportunity GROUP BY StageName"
    found = columns(world, soql)
    assert [(each["columnName"], each["displayName"], each["aggregate"]) for each in found] == [
        ("StageName", "StageName", False),
        ("expr0", "count(Id)", True),
        ("most", "max(Amount)", True),
    ]
    assert columns(world, "SELECT COUNT() FROM Opportunity") == []


def test_a_column_that_is_hidden_is_refused_as_in_the_query_itself(world: World) -> None:
    """Asking for columns must not be a way to learn of fields that the user may not see."""
    world.hide("Opportunity", "Amount")
    answer = world.call("GET", "/query", q="SELECT Amount FROM Opportunity", columns="true")
    assert (answer.status, answer.body[0]["errorCode"]) == (400, "INVALID_FIELD")  # type: ignore[index]
