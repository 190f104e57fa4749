"""How the values of a Bulk result look. Each test names the section of the API sheet that it holds the org to."""

from __future__ import annotations

import pytest

from local_org import bulk_csv
from tests.local_org.bulk_and_files.served import Served, read

NASTY = '  He said "yes",\r\nthen\n\tleft; a|b^c`d – „Ü“ 👍 \u2028 \0 end\\'


@pytest.fixture(scope="module")
def deal(served: Served) -> str:
    """A deal with a value of every type, and one without any."""
    world = served.world
    account = world.add("Account", Name='Acme "West", Inc.')
    world.add("Opportunity", Name="Typed: empty", Description=None, Amount=None, AccountId=None)
    return world.add(
        "Opportunity", Name="Typed: full", Description=NASTY, Amount=12_500_000.5, AccountId=account,
        Probability=None, CloseDate="2026-06-30", IsPrivate=True, CreatedDate="2021-11-02T10:11:12.000Z",
        TotalOpportunityQuantity=0.1,
    )  # fmt: skip


def one(api: Served, fields: str, *, name: str = "Typed: full", **more: str) -> list[str]:
    """The values of one deal."""
    lines = api.rows(f"SELECT {fields} FROM Opportunity WHERE Name = '{name}'", **more)
    assert len(lines) == 2
    return lines[1]


@pytest.mark.usefixtures("deal")
def test_every_value_and_the_header_stand_in_quotes(api: Served) -> None:
    """API sheet 3.3: all values double-quoted including the header, UTF-8 without BOM. Fault: the client's loader never sees quotes."""
    soql = "SELECT Name, Amount, IsPrivate, CloseDate, AccountId FROM Opportunity WHERE Name = 'Typed: empty'"
    expected = (
        '"Name","Amount","IsPrivate","CloseDate","AccountId"\n"Typed: empty","","false","2026-06-30",""\n'
    )
    assert api.text(soql) == expected


@pytest.mark.usefixtures("deal")
def test_text_comes_as_it_is_with_quotes_doubled(api: Served) -> None:
    """API sheet 3.3: `"` doubled, raw newlines inside quotes, raw NUL bytes occur. Fault: a text that SQLite cuts at its NUL."""
    text = api.text("SELECT Description FROM Opportunity WHERE Name = 'Typed: full'")
    assert text == '"Description"\n"' + NASTY.replace('"', '""') + '"\n'


def test_values_look_as_their_types_say(api: Served, deal: str) -> None:
    """API sheet 3.3: booleans true/false, dates YYYY-MM-DD, datetimes …Z, numbers plain. Fault: SQLite's own 0 and 1 shine through."""
    fields = "Id, IsPrivate, IsDeleted, CloseDate, CreatedDate, Amount, TotalOpportunityQuantity, FiscalYear"
    assert one(api, fields) == [
        deal, "true", "false", "2026-06-30", "2021-11-02T10:11:12.000Z", "12500000.5", "0.1", "2026",
    ]  # fmt: skip


@pytest.mark.usefixtures("deal")
def test_null_is_an_empty_value(api: Served) -> None:
    """API sheet 3.3: null = empty field. Fault: `None`, `null` or `\\N` in the file."""
    fields = "Description, Amount, LastStageChangeDate, AccountId, LastActivityDate, PushCount"
    assert one(api, fields, name="Typed: empty") == [""] * 6


@pytest.mark.usefixtures("deal")
def test_a_parent_is_a_column_with_a_dotted_head(api: Served) -> None:
    """API sheet 3.3: child-to-parent columns are headed with the dotted path. Fault: two columns named Name."""
    lines = api.rows(
        "SELECT Account.Name, Owner.IsActive, Name FROM Opportunity WHERE Name LIKE 'Typed:%' ORDER BY Name"
    )
    assert lines[0] == ["Account.Name", "Owner.IsActive", "Name"]
    assert lines[1] == ["", "true", "Typed: empty"]
    assert lines[2] == ['Acme "West", Inc.', "true", "Typed: full"]


@pytest.mark.usefixtures("deal")
def test_a_checkbox_of_a_parent_that_is_not_there_is_empty(api: Served) -> None:
    """API sheet 3.3: null = empty field. Fault: a deal without account looks as if its account were there and not deleted."""
    assert one(api, "Account.IsDeleted", name="Typed: empty") == [""]
    assert one(api, "Account.IsDeleted") == ["false"]


@pytest.mark.usefixtures("deal")
@pytest.mark.parametrize(
    ("name", "character"),
    [("BACKQUOTE", "`"), ("CARET", "^"), ("COMMA", ","), ("PIPE", "|"), ("SEMICOLON", ";"), ("TAB", "\t")],
)
def test_columns_are_parted_as_the_job_asks(api: Served, name: str, character: str) -> None:
    """API sheet 3.1: columnDelimiter. Fault: the header line keeps the comma while the rows do not."""
    text = api.text(
        "SELECT Name, IsPrivate FROM Opportunity WHERE Name = 'Typed: full'", columnDelimiter=name
    )
    assert text == f'"Name"{character}"IsPrivate"\n"Typed: full"{character}"true"\n'


@pytest.mark.usefixtures("deal")
def test_lines_end_as_the_job_asks(api: Served) -> None:
    """API sheet 3.1: lineEnding LF by default, or CRLF. Fault: line breaks inside values are changed with it."""
    soql = "SELECT Description FROM Opportunity WHERE Name = 'Typed: full'"
    text = api.text(soql, lineEnding="CRLF")
    assert text.startswith('"Description"\r\n"')
    assert text.endswith('end\\"\r\n')
    assert read(text) == read(api.text(soql))


@pytest.mark.usefixtures("deal")
@pytest.mark.parametrize(("version", "head"), [("50.0", "Name,Amount,Id"), ("49.0", "Amount,Id,Name")])
def test_columns_come_in_the_order_of_the_query_from_v50_on(api: Served, version: str, head: str) -> None:
    """API sheet 3.3: column order = SELECT order (v50+; earlier alphabetical). Fault: values under another column's name."""
    job = api.create("SELECT Name, Amount, Id FROM Opportunity WHERE Name = 'Typed: full'", version=version)
    api.ended(job["id"])
    lines = read(api.page(job["id"], version=version).content.decode())
    assert ",".join(lines[0]) == head
    assert dict(zip(*lines, strict=True))["Amount"] == "12500000.5"


@pytest.mark.usefixtures("deal")
@pytest.mark.parametrize(
    ("with_offset", "text"), [(False, "2021-11-02T10:11:12.000Z"), (True, "2021-11-02T10:11:12.000+0000")]
)
def test_datetimes_end_in_z_or_in_an_offset(api: Served, with_offset: bool, text: str) -> None:
    """API sheet 3.3, unconfirmed: the datetime text of CSV. A switch, so that the client is tried with both."""
    api.org.switches.set({"bulk_datetimes_with_offset": with_offset})
    assert one(api, "CreatedDate") == [text]
    assert one(api, "LastStageChangeDate", name="Typed: empty") == [""]


@pytest.mark.parametrize(
    ("amount", "plain", "scientific"),
    [
        (12_500_000.5, "12500000.5", "1.25000005E7"),
        (10_000_000.0, "10000000.0", "1.0E7"),
        (9_999_999.99, "9999999.99", "9999999.99"),
        (-98_765_432.1, "-98765432.1", "-9.87654321E7"),
        (9_999_999_999_999.99, "9999999999999.99", "9.99999999999999E12"),
        (12_345_678_901_234.56, "12345678901234.56", "1.234567890123456E13"),
        (0.0, "0.0", "0.0"),
    ],
)
def test_big_numbers_are_plain_or_scientific(api: Served, amount: float, plain: str, scientific: str) -> None:
    """API sheet 3.3: numbers plain, possibly scientific notation. A switch; and no cent is lost where SQLite shows 15 digits."""
    name = f"Amount {amount}"
    api.world.add("Opportunity", Name=name, Amount=amount)
    assert one(api, "Amount", name=name) == [plain]
    api.org.switches.set({"bulk_scientific_numbers": True})
    assert one(api, "Amount", name=name) == [scientific]
    assert one(api, "FiscalYear", name=name) == ["2026"]


def test_a_line_of_a_thousand_columns_can_be_written(api: Served) -> None:
    """API sheet 3.3: every column of the query. Fault: many columns are an expression deeper than SQLite allows."""
    plan = api.org.query(
        "SELECT MasterLabel FROM OpportunityStage", user_id=api.world.admin, include_deleted=False
    ).plan
    statement = plan.each(bulk_csv.line(plan.columns * 1_000, bulk_csv.Dialect()))
    written = [bytes(row[0]).decode() for row in api.org.store.select(statement.text, statement.parameters)]  # type: ignore[arg-type]
    assert [len(read(each)[0]) for each in written] == [1_000] * 4
