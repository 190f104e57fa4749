"""What SOQL refuses, with status, code and text; and its limits. Each docstring names the section it holds."""

from __future__ import annotations

import sys

import pytest

from local_org import ids
from tests.local_org.conftest import World

OBJECT_HELP = (
    "If you are attempting to use a custom object, be sure to append the '__c' after the entity name. "
    "Please reference your WSDL or the describe call for the appropriate names."
)
FIELD_HELP = (
    "If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. "
    "Please reference your WSDL or the describe call for the appropriate names."
)


def test_an_unknown_object_is_refused_under_an_excerpt_of_the_query(world: World) -> None:
    """API sheet 2.5; REST API Developer Guide, Status Codes: the text of a recorded INVALID_TYPE, caret and position included."""
    refusal = world.refusal("SELECT Id, Name FROM XYZZY")
    text = "\nSELECT Id, Name FROM XYZZY\n                     ^\nERROR at Row:1:Column:22\n"
    assert (refusal.status, refusal.code) == (400, "INVALID_TYPE")
    assert refusal.message == f"{text}sObject type 'XYZZY' is not supported. {OBJECT_HELP}"


def test_an_unknown_field_is_refused_with_its_place(world: World) -> None:
    """API sheet 2.5; REST API Developer Guide, Status Codes: clients find the field's name in this text."""
    refusal = world.refusal("SELECT Id,\n  Foo FROM Account")
    assert (refusal.status, refusal.code) == (400, "INVALID_FIELD")
    assert (
        refusal.message
        == f"\n  Foo FROM Account\n  ^\nERROR at Row:2:Column:3\nNo such column 'Foo' on entity 'Account'. {FIELD_HELP}"
    )


@pytest.mark.parametrize(
    ("soql", "code", "text"),
    [
        ("SELECT Id FORM Account", "MALFORMED_QUERY", "unexpected token: 'Account'"),
        ("SELECT Id", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
        ("", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
        ("SELECT Id FROM Account WHERE Name = 'x", "MALFORMED_QUERY", "unexpected token: '''"),
        ("SELECT Id FROM Account WHERE Name = 'a' AND Name = 'b' OR Name = 'c'", "MALFORMED_QUERY", "unexpected token: 'OR'"),
        ("SELECT Id FROM Opportunity WHERE CloseDate = SOMEDAY", "MALFORMED_QUERY", "unexpected token: 'SOMEDAY'"),
        ("SELECT Id FROM Account LIMIT -1", "MALFORMED_QUERY", "unexpected token: '-1'"),
        ("SELECT Foo.Id FROM Account", "INVALID_FIELD", "Didn't understand relationship 'Foo' in field path."),
        ("SELECT Id, (SELECT Id FROM Bars) FROM Account", "INVALID_TYPE", "Didn't understand relationship 'Bars' in FROM part"),
        ("SELECT Id, Id FROM Account", "INVALID_FIELD", "duplicate field selected: Id"),
        ("SELECT Id FROM EmailMessage WHERE HtmlBody LIKE '%x%'", "INVALID_FIELD", "field 'HtmlBody' can not be filtered"),
        ("SELECT Id FROM Opportunity WHERE HasOpenActivity = true", "INVALID_FIELD", "field 'HasOpenActivity' can not be filtered"),
        ("SELECT Id FROM Opportunity ORDER BY Description", "INVALID_FIELD", "field 'Description' can not be sorted in a query call"),
        ("SELECT Amount FROM Opportunity GROUP BY Amount", "INVALID_FIELD", "field 'Amount' can not be grouped in a query call"),
        ("SELECT Id FROM Account WHERE Name = 5", "INVALID_FIELD", "must be of type string and should be enclosed in quotes"),
        ("SELECT Id FROM Opportunity WHERE IsWon = 'true'", "INVALID_FIELD", "must be of type boolean and should not be enclosed"),
        ("SELECT Id FROM Opportunity WHERE Amount = '5'", "INVALID_FIELD", "must be of type double and should not be enclosed in quotes"),
        ("SELECT Id FROM Opportunity WHERE CreatedDate > 2026-01-01", "INVALID_FIELD", "must be of type dateTime and should not be"),
        ("SELECT Id FROM Opportunity WHERE CloseDate > 2026-01-01T00:00:00Z", "INVALID_FIELD", "must be of type date and should not be"),
        ("SELECT Id FROM Opportunity WHERE CloseDate > 2026-02-30", "INVALID_FIELD", "must be of type date and should not be"),
        ("SELECT Id FROM Account WHERE Id = 'x'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: x"),
        ("SELECT Id FROM Account WHERE Id LIKE '001%'", "INVALID_QUERY_FILTER_OPERATOR", "invalid operator on id field"),
        ("SELECT Name, COUNT(Id) FROM Account", "MALFORMED_QUERY", "Field must be grouped or aggregated: Name"),
        ("SELECT COUNT(Id) FROM Account LIMIT 5", "MALFORMED_QUERY", "overall aggregate functions cannot also use LIMIT"),
        ("SELECT SUM(Name) FROM Account", "MALFORMED_QUERY", "does not support aggregate operator SUM"),
        ("SELECT COUNT() FROM Account GROUP BY Name", "MALFORMED_QUERY", "COUNT() takes neither GROUP BY nor ORDER BY"),
        ("SELECT Id FROM Account OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000"),
        ("SELECT Account.Owner.Manager.Manager.Manager.Manager.Name FROM Opportunity", "MALFORMED_QUERY", "more than 5 levels"),
        ("SELECT TYPEOF Owner WHEN User THEN Phone END FROM Task", "MALFORMED_QUERY", "which points to one object"),
        ("SELECT TYPEOF What WHEN User THEN Phone END FROM Task", "MALFORMED_QUERY", "does not point to 'User'"),
        ("SELECT TYPEOF What WHEN Account THEN Amount END FROM Task", "INVALID_FIELD", "No such column 'Amount' on entity 'Account'"),
        ("SELECT TYPEOF What WHEN Account THEN Phone END, COUNT(Id) FROM Task GROUP BY Id", "MALFORMED_QUERY", "TYPEOF is not allowed"),
        ("SELECT TYPEOF What END FROM Task", "MALFORMED_QUERY", "unexpected token: 'END'"),
        ("SELECT Name n FROM Account", "MALFORMED_QUERY", "only aggregate expressions use field aliasing"),
        ("SELECT COUNT(Id) n, MAX(Name) n FROM Account", "MALFORMED_QUERY", "duplicate alias: n"),
        ("SELECT Type FROM Account GROUP BY Type ORDER BY Name", "MALFORMED_QUERY", "Ordered field must be grouped or aggregated: Name"),
        ("SELECT Type FROM Account GROUP BY Type HAVING Name = 'x'", "MALFORMED_QUERY", "Field must be grouped or aggregated: Name"),
        ("SELECT MAX(IsWon) FROM Opportunity", "MALFORMED_QUERY", "field IsWon does not support aggregate operator MAX"),
        ("SELECT COUNT(Description) FROM Opportunity", "MALFORMED_QUERY", "field Description does not support aggregate operator COUNT"),
        ("SELECT Id, (SELECT Id FROM Contacts OFFSET 1) FROM Account", "MALFORMED_QUERY", "OFFSET is not supported in a sub-select"),
        ("SELECT Id FROM Account WHERE CreatedDate > 2026-01-01T00:00:00 00:00", "MALFORMED_QUERY", "unexpected token"),
    ],
)  # fmt: skip
def test_what_soql_does_not_allow_is_refused_in_its_words(
    world: World, soql: str, code: str, text: str
) -> None:
    """API sheet 2.2 and 2.5; SOQL and SOSL Reference, throughout: an org that accepts more than Salesforce hides faults of its clients."""
    refusal = world.refusal(soql)
    assert (refusal.status, refusal.code) == (400, code)
    assert text in refusal.message


@pytest.mark.parametrize(
    ("where", "text"),
    [
        (
            "Id IN (SELECT OpportunityId FROM OpportunityContactRole) OR Name = 'x'",
            "not allowed with the 'OR' operator",
        ),
        (
            "Amount > 1 AND (Id IN (SELECT OpportunityId FROM OpportunityContactRole) OR Name = 'x')",
            "only allowed at the top level WHERE expressions and not in nested WHERE expressions",
        ),
        ("Id IN (SELECT Id FROM Opportunity WHERE Name = 'x')", "should not be on the same object type"),
        (
            "AccountId IN (SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Contact))",
            "Nesting of semi join sub-selects",
        ),
        ("Account.OwnerId IN (SELECT Id FROM User)", "cannot have more than one level of relationships"),
        (
            "OwnerId IN (SELECT Account.OwnerId FROM Contact)",
            "cannot have more than one level of relationships",
        ),
        ("Id IN (SELECT WhatId FROM Task)", "Entity 'Task' is not supported for semi join inner selects"),
        (
            "Name IN (SELECT Id FROM User)",
            "Semi join sub-selects can only query id fields, cannot use: 'Name'",
        ),
        (
            "OwnerId IN (SELECT Name FROM User)",
            "Semi join sub-selects can only query id fields, cannot use: 'Name'",
        ),
        ("OwnerId IN (SELECT Id FROM Account)", "should point to the same object type"),
        (
            "OwnerId IN (SELECT Id FROM User) AND AccountId IN (SELECT Id FROM Account) AND Id IN (SELECT RelatedToId FROM EmailMessage)",
            "Maximum 2 semi join sub-selects are allowed",
        ),
        ("OwnerId IN (SELECT Id FROM User LIMIT 1)", "unexpected token: 'LIMIT'"),
        ("OwnerId IN (SELECT COUNT() FROM User)", "unexpected token: '('"),
    ],
)
def test_a_semi_join_beyond_the_rules_is_refused(world: World, where: str, text: str) -> None:
    """API sheet 2.2; SOQL and SOSL Reference, "Semi-Joins with IN and Anti-Joins with NOT IN", restrictions."""
    refusal = world.refusal(f"SELECT Id FROM Opportunity WHERE {where}")
    assert (refusal.status, refusal.code) == (400, "MALFORMED_QUERY")
    assert text in refusal.message


def test_semi_and_anti_joins_find_rows_with_and_without_a_match(world: World) -> None:
    """API sheet 2.2; SOQL and SOSL Reference, "Semi-Joins with IN": also over a polymorphic field, and deleted rows inside do not count."""
    deals = [world.add("Opportunity", Name=name) for name in "abc"]
    for deal in deals[:2]:
        world.add("EmailMessage", RelatedToId=deal)
    world.add("OpportunityContactRole", OpportunityId=deals[1], ContactId=world.add("Contact"))
    gone = world.add("OpportunityContactRole", OpportunityId=deals[2], ContactId=world.add("Contact"))
    world.org.store.delete("OpportunityContactRole", gone, by=world.admin)
    roles = "(SELECT OpportunityId FROM OpportunityContactRole)"
    assert world.column(f"SELECT Name FROM Opportunity WHERE Id IN {roles}") == ["b"]
    assert world.column(f"SELECT Name FROM Opportunity WHERE Id NOT IN {roles} ORDER BY Name") == ["a", "c"]
    mails = "SELECT RelatedToId FROM EmailMessage WHERE RelatedToId IN (SELECT Id FROM Opportunity WHERE Name = 'a')"
    assert world.column(mails) == deals[:1]


def test_an_empty_lookup_inside_does_not_empty_an_anti_join(world: World) -> None:
    """SOQL and SOSL Reference, "Anti-Joins with NOT IN": in SQL one null among the inner values would leave no row at all."""
    used, unused = world.add("Account"), world.add("Account")
    world.add("Opportunity", AccountId=used)
    world.add("Opportunity")
    assert world.column("SELECT Id FROM Account WHERE Id NOT IN (SELECT AccountId FROM Opportunity)") == [
        unused
    ]


def test_a_statement_of_more_than_100000_characters_is_refused(world: World) -> None:
    """API sheet 2.2; SOQL and SOSL Reference, "SOQL SELECT Syntax", limits: one character fewer is accepted."""
    soql = "SELECT Id FROM Account WHERE Name != 'x'"
    assert world.records(soql.ljust(100_000)) == []
    refusal = world.refusal(soql.ljust(100_001))
    assert (refusal.code, refusal.message) == (
        "MALFORMED_QUERY",
        "SOQL statements cannot be longer than 100000 characters.",
    )


def test_a_string_of_more_than_4000_characters_is_refused(world: World) -> None:
    """API sheet 2.2; Limits Quick Reference, SOQL: 4,000 characters for each string within a WHERE clause."""
    assert world.records(f"SELECT Id FROM Account WHERE Name = '{'x' * 4_000}'") == []
    assert world.refusal(f"SELECT Id FROM Account WHERE Name = '{'x' * 4_001}'").code == "MALFORMED_QUERY"


def test_a_filter_that_is_too_deep_is_refused_as_too_complicated(world: World) -> None:
    """API sheet 2.2; SOQL and SOSL Reference, limits, QUERY_TOO_COMPLICATED: short enough is not yet simple enough, and no 500."""
    for where in (" OR ".join(["Amount = 1"] * 5_000), "NOT (" * 2_000 + "Amount = 1" + ")" * 2_000):
        refusal = world.refusal(f"SELECT Id FROM Opportunity WHERE {where}")
        assert (refusal.status, refusal.code) == (400, "QUERY_TOO_COMPLICATED")


def test_more_than_2000_groups_are_refused_because_groups_have_no_locator(world: World) -> None:
    """API sheet 2.2; SOQL and SOSL Reference, "GROUP BY": aggregates do not support queryMore; 2,000 groups still come."""
    first = ids.number_of(world.add("Account"))
    rows = [
        {"Id": ids.make_id("001", first + 1 + n), "Name": f"Account {n}", "OwnerId": world.admin}
        for n in range(2_000)
    ]
    world.org.store.load("Account", rows[:-1])
    assert len(world.records("SELECT Name, COUNT(Id) FROM Account GROUP BY Name")) == 2_000
    world.org.store.load("Account", rows[-1:])
    refusal = world.refusal("SELECT Name, COUNT(Id) FROM Account GROUP BY Name")
    assert (refusal.status, refusal.code) == (400, "EXCEEDED_ID_LIMIT")
    assert "Aggregate query does not support queryMore()" in refusal.message
    assert len(world.records("SELECT Name, COUNT(Id) FROM Account GROUP BY Name LIMIT 2000")) == 2_000


def test_four_thousand_ids_cost_four_times_what_a_thousand_cost(world: World) -> None:
    """SOQL and SOSL Reference, limits: 100,000 characters hold some 4,000 ids; a parser that turns back would stall the listing."""
    new_ids = [ids.make_id("006", number) for number in range(1, 20_001)]
    world.org.store.load(
        "Opportunity", ({"Id": each, "Name": "x", "OwnerId": world.admin} for each in new_ids)
    )
    assert calls_to_find(world, new_ids[::5]) < 5 * calls_to_find(world, new_ids[::20])


def calls_to_find(world: World, wanted: list[str]) -> int:
    """How many functions a query by ids calls: its work in a measure that no busy machine changes."""
    named = ",".join(f"'{each}'" for each in wanted)
    soql = f"SELECT Id FROM Opportunity WHERE Id IN ({named})"
    assert 20 * len(wanted) < len(soql) < 100_000
    calls = 0

    def count(_: object, event: str, __: object) -> None:
        nonlocal calls
        calls += event.endswith("call")

    sys.setprofile(count)
    try:
        found = world.org.query(soql, user_id=world.admin, include_deleted=False).ids()
    finally:
        sys.setprofile(None)
    assert found == wanted
    return calls


def test_links_of_files_need_a_filter_by_id(world: World) -> None:
    """API sheet 5; Object Reference, ContentDocumentLink: without Query All Files a query must name documents or entities."""
    world.take("QueryAllFiles")
    deal = world.add("Opportunity")
    wanted = "SELECT ContentDocumentId FROM ContentDocumentLink"
    one = "Implementation restriction: ContentDocumentLink requires a filter by a single Id on ContentDocumentId or LinkedEntityId"
    other = "Implementation restriction: filtering on non-id fields is only permitted when filtering by"
    for where in (
        "",
        " WHERE ShareType = 'V'",
        f" WHERE LinkedEntityId != '{deal}'",
        f" WHERE LinkedEntityId = '{deal}' OR ShareType = 'V'",
    ):
        refusal = world.refusal(wanted + where)
        assert (refusal.status, refusal.code) == (400, "MALFORMED_QUERY")
        assert refusal.message.startswith(one)
    assert world.refusal(
        f"{wanted} WHERE LinkedEntityId IN ('{deal}') AND ShareType = 'V'"
    ).message.startswith(other)
    assert world.records(f"{wanted} WHERE LinkedEntityId = '{deal}' AND ShareType = 'V'") == []
    assert world.records(f"{wanted} WHERE LinkedEntityId IN ('{deal}')") == []
    assert world.records(wanted, by=_with_all_files(world)) == []


def _with_all_files(world: World) -> str:
    permissions = {"Name": "AllFiles", "Label": "All files", "PermissionsQueryAllFiles": True}
    permission_set = world.add("PermissionSet", **permissions)
    world.add("PermissionSetAssignment", PermissionSetId=permission_set, AssigneeId=world.admin)
    return world.admin
