"""Odd data, from the org into Postgres: each value arrives whole, or is cleaned and counted, by REST and by Bulk alike.

That the org takes these values from a person, and refuses what Salesforce would, is held by tests/local_org/test_odd_values.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from orchestration.sync.objects import EMAIL_MESSAGE
from orchestration.sync.options import Counts
from tests.sync.bench import Bench

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

LONG, WIDE = "x" * 131_072, "ü" * 131_072
ADDRESSES = "; ".join(f"person{number:04d}@customer.example" for number in range(133))
FACTS: dict[str, tuple[str, str, object, object]] = {
    "a NUL": ("EmailMessage", "TextBody", "before\0after", "beforeafter"),
    "half of a surrogate pair": ("EmailMessage", "TextBody", "cut \ud83d here", "cut  here"),
    "whole surrogate pairs": ("EmailMessage", "TextBody", "whole 👩🏽‍💻 here", "whole 👩🏽‍💻 here"),
    "an escape that somebody wrote": ("EmailMessage", "TextBody", r"C:\u0000 \\u0000 \ud83d", r"C:\u0000 \\u0000 \ud83d"),
    "line separators": ("EmailMessage", "TextBody", "a\u2028b\u2029c\x85d\rd\r\ne", "a\u2028b\u2029c\x85d\rd\r\ne"),
    "control characters": ("EmailMessage", "TextBody", "\x01\x0b\x1b\ufeff\ufffe", "\x01\x0b\x1b\ufeff\ufffe"),
    "what COPY reads as its own": ("EmailMessage", "TextBody", '\\N\n\\.\n"",\n', '\\N\n\\.\n"",\n'),
    "the longest body": ("EmailMessage", "HtmlBody", LONG, LONG),
    "the longest body in bytes": ("EmailMessage", "HtmlBody", WIDE, WIDE),
    "the longest list of addresses": ("EmailMessage", "ToAddress", ADDRESSES.ljust(4_000, "x"), ADDRESSES.ljust(4_000, "x")),
    "the earliest time": ("EmailMessage", "MessageDate", "1700-01-01T00:00:00.000Z", datetime(1700, 1, 1, tzinfo=UTC)),
    "the last time": ("EmailMessage", "MessageDate", "4000-12-31T23:59:59.000Z", datetime(4000, 12, 31, 23, 59, 59, tzinfo=UTC)),
    "the largest amount": ("Opportunity", "Amount", 9_999_999_999_999_998, Decimal(9_999_999_999_999_998)),
    "the smallest amount": ("Opportunity", "Amount", -9_999_999_999_999_998, Decimal(-9_999_999_999_999_998)),
    "a cent": ("Opportunity", "Amount", 0.01, Decimal("0.01")),
    "fifteen digits": ("Opportunity", "Amount", 1_234_567_890_123.45, Decimal("1234567890123.45")),
    "nothing at all": ("Opportunity", "Amount", 0, Decimal(0)),
    "the earliest day": ("Opportunity", "CloseDate", "1700-01-01", date(1700, 1, 1)),
    "the last day": ("Opportunity", "CloseDate", "4000-12-31", date(4000, 12, 31)),
    "a name like null": ("Opportunity", "Name", "\\N", "\\N"),
    "an empty text": ("Opportunity", "NextStep", "", None),
    "no first name": ("Contact", "FirstName", None, None),
    "the longest name": ("Contact", "LastName", "𝒩" * 80, "𝒩" * 80),
}  # fmt: skip
COLUMNS = {
    "TextBody": "text_body",
    "HtmlBody": "html_body",
    "ToAddress": "to_address",
    "MessageDate": "message_date",
    "CloseDate": "close_date",
    "NextStep": "next_step",
    "FirstName": "first_name",
    "LastName": "last_name",
}
USUAL: dict[str, dict[str, object]] = {
    "EmailMessage": {"Subject": "Odd", "Status": "3", "MessageDate": "2026-05-01T07:00:00.000Z"},
    "Opportunity": {"Name": "Odd", "StageName": "Prospecting", "CloseDate": "2027-01-31"},
    "Contact": {"FirstName": "Odd", "LastName": "Odd"},
}
TABLES = {"EmailMessage": "email_message", "Opportunity": "opportunity", "Contact": "contact"}


@dataclass(frozen=True)
class Arrived:
    """Fact → id of its record; and by each way the rows of all tables, with what was counted."""

    ids: dict[str, str]
    rows: dict[str, dict[str, dict[str, dict[str, Any]]]]
    values: dict[str, dict[str, object]]
    cleaned: dict[str, int]
    counts: Counts


@pytest.fixture(scope="module")
def arrived(loaded: Bench) -> Iterator[Arrived]:
    """Everything of the table above, written in the org and read by both ways."""
    deal = sorted(loaded.live("opportunity") & loaded.entitled())[0]
    ids = {fact: _make(loaded, deal, *what[:3]) for fact, what in FACTS.items()}
    reports = loaded.follow()
    rows, values = {"rest": _rows(loaded)}, {"rest": _read(loaded, ids)}
    cleaned = {"rest": reports["email_message"].counts.cleaned}
    loaded.org.admin("POST", "/clock", {"seconds": 90})  # or they are read once more for their stamps' sake
    options, loaded.options = loaded.options, replace(loaded.options, bulk_threshold=1)
    with loaded.database.transaction() as connection:
        for table in (*TABLES.values(), "opportunity_contact_role"):
            connection.execute(f"delete from raw_salesforce.{table}".encode())
        connection.execute("delete from fluint_sync.owner_coverage; delete from fluint_sync.deal_coverage")
    by_bulk = loaded.load()
    assert not [report.error for report in by_bulk.values() if report.error]
    rows["bulk"], values["bulk"] = _rows(loaded), _read(loaded, ids)
    cleaned["bulk"] = by_bulk["email_message"].counts.cleaned
    yield Arrived(ids, rows, values, cleaned, reports["email_message"].counts)
    loaded.options = options


def _make(bench: Bench, deal: str, sobject: str, field: str, value: object) -> str:
    """Writes one record in the org, and returns its id; tests/local_org/test_odd_values.py writes the same through its REST API."""
    owner = bench.owners("rep")[0]
    usual = USUAL[sobject] | {"EmailMessage": {"RelatedToId": deal}, "Opportunity": {"OwnerId": owner}}.get(
        sobject, {}
    )
    made = _insert(bench, sobject, usual | {field: value})
    if sobject == "Contact":
        _insert(bench, "OpportunityContactRole", {"OpportunityId": deal, "ContactId": made})
    return made


def _insert(bench: Bench, sobject: str, values: dict[str, object]) -> str:
    change = {"insert": sobject, "values": values}
    return str(bench.org.admin("POST", "/transactions", {"changes": [change], "commit": True})["ids"][0])


def _rows(bench: Bench) -> dict[str, dict[str, dict[str, Any]]]:
    return {table: {row["id"]: row for (row,) in bench.content(table)} for table in TABLES.values()}


def _read(bench: Bench, ids: dict[str, str]) -> dict[str, object]:
    found = {}
    for fact, (sobject, field, _, _) in FACTS.items():
        column = COLUMNS.get(field, field.lower())
        query = f"select {column} from raw_salesforce.{TABLES[sobject]} where id = '{ids[fact]}'"
        found[fact] = bench.ask(query)
    return found


@pytest.mark.parametrize("way", ["rest", "bulk"])
@pytest.mark.parametrize("fact", FACTS)
def test_an_odd_value_arrives_whole_or_cleaned(arrived: Arrived, fact: str, way: str) -> None:
    """airbyte#8300: one character, one date or one amount that costs a page, a mailbox or a whole load."""
    assert arrived.values[way][fact] == [(FACTS[fact][3],)]


def test_both_ways_give_the_same_rows(arrived: Arrived) -> None:
    """A deal that reads differently after a first load than after a change, and is taken for changed each time."""
    rest, bulk = arrived.rows["rest"], arrived.rows["bulk"]
    assert {table: {i: rest[table].get(i) for i in rows} for table, rows in bulk.items()} == bulk
    assert all(bulk.values())


def test_what_was_taken_out_is_counted_once(arrived: Arrived, loaded: Bench) -> None:
    """Texts that lost characters, and a count that says none, or five times as many as there were."""
    assert arrived.cleaned["rest"] == 2
    texts = [field.path for field in EMAIL_MESSAGE.fields if field.type == "text"]
    mails = loaded.records(f"SELECT {', '.join(texts)} FROM EmailMessage WHERE IsDeleted = false")
    held = loaded.live("email_message")
    nul = sum(str(mail[path]).count("\0") for mail in mails if mail["Id"] in held for path in texts)
    assert arrived.cleaned["bulk"] == nul + 3  # half of a pair is three bytes that are no UTF-8
