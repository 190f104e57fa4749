"""What SOQL means: fields, parents, children, filters, null, order, aggregates. Each docstring names the section it holds."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from local_org.clock import Clock
from local_org.ids import to_18
from tests.local_org.conftest import World


def names(world: World, where: str) -> list[str]:
    """Returns the names of the deals that fulfil a condition."""
    return sorted(world.column(f"SELECT Name FROM Opportunity WHERE {where}"))


@pytest.fixture
def deals(world: World) -> World:
    """Four deals: `a` to `c` with an amount of 1 to 3 and a type but for `c`, `d` with nothing but its name."""
    account = world.add("Account", Name="Zenith")
    world.add("Opportunity", Name="a", Amount=1, Type="Renewal", AccountId=account, NextStep="50% off_er")
    world.add("Opportunity", Name="b", Amount=2, Type="Upsell", NextStep="500 off")
    world.add("Opportunity", Name="c", Amount=3, IsPrivate=True)
    world.add("Opportunity", Name="d")
    return world


def test_values_come_in_the_types_and_formats_of_the_rest_api(world: World) -> None:
    """API sheet 2.2; REST Guide, Query: times in UTC with +0000, dates alone, amounts with a point, blank as null, ids of 18."""
    world.add("Opportunity", Name="x", Amount=23)
    assert world.records("SELECT Id, Name, Amount, CloseDate, CreatedDate, IsWon, NextStep, FiscalYear FROM Opportunity") == [
        {
            "Id": "006Qy0000000001IAA", "Name": "x", "Amount": 23.0, "CloseDate": "2026-06-30",
            "CreatedDate": "2026-05-13T12:30:45.000+0000", "IsWon": False, "NextStep": None, "FiscalYear": 2026,
        }
    ]  # fmt: skip


def test_records_say_what_they_are_in_the_spelling_of_the_describe(world: World) -> None:
    """API sheet 2.2; REST API Developer Guide, Query: attributes with type and url; names as described, however the query spells them."""
    deal_id = world.add("Opportunity")
    record = world.get("/query", q="select ID, stagename from OPPORTUNITY")["records"][0]
    url = f"/services/data/v66.0/sobjects/Opportunity/{deal_id}"
    assert record == {
        "attributes": {"type": "Opportunity", "url": url},
        "Id": deal_id,
        "StageName": "Qualification",
    }


def test_a_parent_is_a_record_of_its_own_or_null(deals: World) -> None:
    """API sheet 2.2; SOQL Reference, "Understanding Relationship Query Results": an empty lookup gives null, not a record of nulls."""
    records = deals.records(
        "SELECT Name, Account.Name, Account.Owner.Username, Owner.Profile.Name FROM Opportunity ORDER BY Name LIMIT 2"
    )
    account = records[0]["Account"]
    assert (account["attributes"]["type"], account["Name"], account["Owner"]["Username"]) == (
        "Account",
        "Zenith",
        "admin@acme.example",
    )
    assert records[1]["Account"] is None
    assert records[1]["Owner"]["Profile"]["Name"] == "System Administrator"


def test_an_alias_of_the_object_and_its_own_name_lead_to_its_fields(deals: World) -> None:
    """SOQL and SOSL Reference, "Alias Notation"."""
    assert deals.column("SELECT o.Name FROM Opportunity o WHERE o.Account.Name = 'zenith'") == ["a"]
    assert deals.column("SELECT Opportunity.Name FROM Opportunity WHERE Opportunity.Name = 'b'") == ["b"]


def test_children_come_as_a_result_inside_the_record_or_null(world: World) -> None:
    """API sheet 2.2; SOQL Reference, "Relationship Queries": sub-selects have totalSize, done and records, and null where none is."""
    with_role, without = world.add("Opportunity", Name="a"), world.add("Opportunity", Name="b")
    for last_name in ("One", "Two"):
        contact = world.add("Contact", LastName=last_name)
        world.add("OpportunityContactRole", OpportunityId=with_role, ContactId=contact, Role="Evaluator")
    records = world.records(
        "SELECT Id, (SELECT Contact.Name FROM OpportunityContactRoles WHERE Role = 'Evaluator' ORDER BY Contact.Name DESC LIMIT 1)"
        " FROM Opportunity ORDER BY Name"
    )
    children = records[0]["OpportunityContactRoles"]
    assert (children["totalSize"], children["done"], children["records"][0]["Contact"]["Name"]) == (
        1,
        True,
        "Two",
    )
    assert records[1] == {"Id": without, "OpportunityContactRoles": None}


def test_a_polymorphic_parent_shows_what_all_its_objects_share(world: World) -> None:
    """API sheet 2.2; SOQL and SOSL Reference, "Polymorphic Relationships": the parent is a Name, and its Type can be filtered by."""
    deal, account = world.add("Opportunity", Name="Deal"), world.add("Account", Name="Acme")
    for related in (deal, account, None):
        world.add("EmailMessage", RelatedToId=related)
    records = world.records(
        "SELECT RelatedTo.Name, RelatedTo.Type FROM EmailMessage ORDER BY RelatedTo.Name NULLS LAST"
    )
    assert [each["RelatedTo"] and each["RelatedTo"]["Name"] for each in records] == ["Acme", "Deal", None]
    assert records[0]["RelatedTo"]["attributes"] == {
        "type": "Name",
        "url": f"/services/data/v66.0/sobjects/Account/{account}",
    }
    assert world.column("SELECT RelatedToId FROM EmailMessage WHERE RelatedTo.Type = 'Opportunity'") == [deal]


def test_an_address_is_one_object_of_its_parts(world: World) -> None:
    """API sheet 2.2; Object Reference, "Address Compound Fields": all parts, null where blank; null when the whole address is blank."""
    world.add("Account", Name="a", BillingCity="Bonn")
    world.add("Account", Name="b")
    addresses = world.column("SELECT BillingAddress FROM Account ORDER BY Name")
    assert addresses[0]["city"] == "Bonn"
    assert set(addresses[0]) == {
        "street",
        "city",
        "state",
        "postalCode",
        "country",
        "latitude",
        "longitude",
        "geocodeAccuracy",
    }
    assert addresses[1] is None


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("Name = 'A'", "a"),
        ("Type = 'renewal'", "a"),
        ("Type != 'Renewal'", "bcd"),
        ("Type = null", "cd"),
        ("Type = ''", "cd"),
        ("Type != null", "ab"),
        ("Amount > 1", "bc"),
        ("Amount != 1", "bcd"),
        ("Amount <= 2.0", "ab"),
        ("Amount IN (1, 3)", "ac"),
        ("Amount NOT IN (1, 3)", "bd"),
        ("Type IN ('Renewal', null)", "acd"),
        ("Type NOT IN ('Renewal', null)", "b"),
        ("Type NOT IN ('renewal')", "bcd"),
        ("NOT Amount > 1", "ad"),
        ("NOT (Type = 'Renewal' OR Amount = 2)", "cd"),
        ("(Name = 'a' OR Name = 'b') AND Amount > 1", "b"),
        ("IsPrivate = TRUE", "c"),
        ("IsPrivate != true", "abd"),
        ("Account.Name = 'Zenith'", "a"),
        ("Account.Name != 'Zenith'", "bcd"),
        ("Account.IsDeleted = false", "abcd"),
        ("NextStep LIKE '50%'", "ab"),
        ("NextStep LIKE '50\\%%'", "a"),
        ("NextStep LIKE '%OFF\\_ER'", "a"),
        ("NextStep LIKE '50_ off'", "b"),
        ("CloseDate = 2026-06-30 AND Name = 'd'", "d"),
        ("CreatedDate = 2026-05-13T12:30:45Z", "abcd"),
        ("CreatedDate > 2026-05-13T12:30:44.999Z", "abcd"),
        ("CreatedDate < 2026-05-13T14:30:45+02:00", ""),
        ("CALENDAR_YEAR(CreatedDate) = 2026 AND DAY_ONLY(CreatedDate) = 2026-05-13", "abcd"),
    ],
)
def test_a_condition_holds_for_the_rows_that_soql_means(deals: World, where: str, expected: str) -> None:
    """API sheet 2.2; SOQL and SOSL Reference, "WHERE" and "null": text without case; != and NOT IN hold for null, < and > do not."""
    assert names(deals, where) == list(expected)


def test_ids_are_found_by_both_forms_and_told_apart_by_case(world: World) -> None:
    """API sheet 6; SOQL and SOSL Reference, "Comparison Operators": 15-character ids are case-sensitive, both lengths are accepted."""
    wanted, other = ("006Qy00000000bb", "006Qy00000000BB")
    for short in (wanted, other):
        world.add("Opportunity", Id=to_18(short))
    assert world.column(f"SELECT Id FROM Opportunity WHERE Id = '{wanted}'") == [to_18(wanted)]
    assert world.column(f"SELECT Id FROM Opportunity WHERE Id IN ('{to_18(other)}')") == [to_18(other)]
    assert world.column(f"SELECT Id FROM Opportunity WHERE Id > '{other}' ORDER BY Id") == [to_18(wanted)]


def test_quotes_and_escapes_in_a_string_are_resolved(world: World) -> None:
    """SOQL and SOSL Reference, "Reserved Characters": an apostrophe in a name must neither break nor widen a query."""
    world.add("Account", Name="O'Hara \\ Söhne")
    assert world.column("SELECT Name FROM Account WHERE Name = 'O\\'Hara \\\\ S\\u00f6hne'") == [
        "O'Hara \\ Söhne"
    ]
    assert world.column("SELECT Name FROM Account WHERE Name LIKE '%\\\\%'") == ["O'Hara \\ Söhne"]


def test_null_comes_first_in_both_directions_unless_said_otherwise(deals: World) -> None:
    """SOQL and SOSL Reference, "ORDER BY": a page boundary by amount would skip rows if null moved with the direction."""
    order = "SELECT Name FROM Opportunity ORDER BY Amount"
    assert [deals.column(f"{order}{rest}") for rest in ("", " DESC", " NULLS LAST", " DESC NULLS LAST")] == [
        ["d", "a", "b", "c"],
        ["d", "c", "b", "a"],
        ["a", "b", "c", "d"],
        ["c", "b", "a", "d"],
    ]
    assert deals.column("SELECT Name FROM Opportunity ORDER BY Name LIMIT 2 OFFSET 1") == ["b", "c"]


def test_count_alone_is_the_total_and_no_rows(deals: World) -> None:
    """API sheet 2.2; SOQL and SOSL Reference, "COUNT()": totalSize is the number and records is empty."""
    assert deals.get("/query", q="SELECT COUNT() FROM Opportunity WHERE Amount > 1") == {
        "totalSize": 2,
        "done": True,
        "records": [],
    }


def test_groups_are_named_by_field_alias_or_number(deals: World) -> None:
    """API sheet 2.2; SOQL and SOSL Reference, "GROUP BY": expr0 counts only the unnamed, a grouped field keeps its name."""
    soql = (
        "SELECT Account.Name, CALENDAR_MONTH(CloseDate), COUNT(Id) n, SUM(Amount), MAX(Name) FROM Opportunity"
        " GROUP BY Account.Name, CALENDAR_MONTH(CloseDate) HAVING COUNT(Id) > 1 ORDER BY COUNT(Id) DESC"
    )
    body = deals.get("/query", q=soql)
    assert body["records"] == [
        {
            "attributes": {"type": "AggregateResult"},
            "Name": None,
            "expr0": 6,
            "n": 3,
            "expr1": 5.0,
            "expr2": "d",
        }
    ]
    assert deals.records(
        "SELECT COUNT(Id), COUNT(Amount), AVG(Amount), COUNT_DISTINCT(StageName) FROM Opportunity"
    ) == [{"expr0": 4, "expr1": 3, "expr2": 2.0, "expr3": 1}]


def test_deleted_rows_are_only_in_query_all(world: World) -> None:
    """API sheet 2.2; REST API Developer Guide, QueryAll: the one way by which a soft delete is seen in a query."""
    deal_id = world.add("Opportunity")
    world.org.store.delete("Opportunity", deal_id, by=world.admin)
    assert world.column("SELECT Id FROM Opportunity") == []
    assert world.records("SELECT Id, IsDeleted FROM Opportunity WHERE IsDeleted = true", deleted=True) == [
        {"Id": deal_id, "IsDeleted": True}
    ]


@pytest.mark.parametrize(
    ("literal", "first", "last"),
    [
        ("TODAY", "2026-05-13", "2026-05-13"),
        ("YESTERDAY", "2026-05-12", "2026-05-12"),
        ("TOMORROW", "2026-05-14", "2026-05-14"),
        ("THIS_WEEK", "2026-05-10", "2026-05-16"),
        ("LAST_MONTH", "2026-04-01", "2026-04-30"),
        ("NEXT_QUARTER", "2026-07-01", "2026-09-30"),
        ("THIS_YEAR", "2026-01-01", "2026-12-31"),
        ("LAST_90_DAYS", "2026-02-12", "2026-05-13"),
        ("NEXT_90_DAYS", "2026-05-14", "2026-08-11"),
        ("LAST_N_DAYS:2", "2026-05-11", "2026-05-13"),
        ("NEXT_N_DAYS:2", "2026-05-14", "2026-05-15"),
        ("LAST_N_MONTHS:2", "2026-03-01", "2026-04-30"),
        ("N_DAYS_AGO:2", "2026-05-11", "2026-05-11"),
        ("N_YEARS_AGO:1", "2025-01-01", "2025-12-31"),
        ("LAST_FISCAL_QUARTER", "2026-01-01", "2026-03-31"),
    ],
)
def test_a_date_literal_is_its_range_of_days(world: World, literal: str, first: str, last: str) -> None:
    """API sheet 6; SOQL and SOSL Reference, "Date Formats and Date Literals": both ends belong to it, the days around do not."""
    for day in (first, last):
        for offset in (-1, 0, 1):
            world.add("Opportunity", CloseDate=(date.fromisoformat(day) + timedelta(days=offset)).isoformat())
    inside = world.column(f"SELECT CloseDate FROM Opportunity WHERE CloseDate = {literal}")
    assert (min(inside), max(inside)) == (first, last)
    below = world.column(f"SELECT CloseDate FROM Opportunity WHERE CloseDate < {literal}")
    above = world.column(f"SELECT CloseDate FROM Opportunity WHERE CloseDate > {literal}")
    assert max(below) < first <= last < min(above)
    assert len(inside) + len(below) + len(above) == 6
    assert sorted(inside + above) == sorted(
        world.column(f"SELECT CloseDate FROM Opportunity WHERE CloseDate >= {literal}")
    )
    assert sorted(below + above) == sorted(
        world.column(f"SELECT CloseDate FROM Opportunity WHERE NOT CloseDate IN ({literal})")
    )


def test_today_begins_at_the_users_midnight(world: World, clock: Clock) -> None:
    """API sheet 6; SOQL and SOSL Reference, "Date Formats and Date Literals": literals use the user's time zone, stored times are UTC."""
    world.org.store.update("User", world.admin, {"TimeZoneSidKey": "America/Los_Angeles"}, by=world.admin)
    world.add("Opportunity", Name="before", CreatedDate="2026-05-13T06:59:59.000Z")
    world.add("Opportunity", Name="after", CreatedDate="2026-05-13T07:00:00.000Z")
    assert names(world, "CreatedDate = TODAY") == ["after"]
    clock.turn(timedelta(hours=-6))
    assert names(world, "CreatedDate = TODAY") == ["before"]


def test_fields_of_a_kind_can_be_asked_for_together(world: World) -> None:
    """SOQL and SOSL Reference, "FIELDS()": ALL needs a LIMIT of at most 200, hidden fields stay out."""
    world.add("Contact", Title="CFO")
    world.hide("Contact", "Title")
    record = world.records("SELECT FIELDS(STANDARD) FROM Contact")[0]
    assert "LastName" in record
    assert "Title" not in record
    assert world.refusal("SELECT FIELDS(ALL) FROM Contact LIMIT 201").code == "MALFORMED_QUERY"
    assert len(world.records("SELECT FIELDS(ALL) FROM Contact LIMIT 200")) == 1
