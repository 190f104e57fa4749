"""Odd values in the org: what a person may write comes back as it was written, and what Salesforce could not hold is refused."""

from __future__ import annotations

import json

import pytest

from local_org.rest import _response
from local_org.rest.dispatch import Answer
from tests.local_org.conftest import World
from tests.sync.test_odd_data import FACTS, USUAL


def _usual(sobject: str) -> dict[str, object]:
    """What a record needs in this org."""
    return USUAL[sobject] | ({"StageName": "Qualification"} if sobject == "Opportunity" else {})


def _create(world: World, sobject: str, values: dict[str, object]) -> str:
    answer = world.call("POST", f"/sobjects/{sobject}", _usual(sobject) | values)
    assert answer.status == 201, answer
    assert isinstance(answer.body, dict)
    return str(answer.body["id"])


@pytest.mark.parametrize("fact", FACTS)
def test_an_odd_value_is_taken_and_given_back_as_it_is(world: World, fact: str) -> None:
    """A stand-in that cannot hold what breaks others proves nothing about what arrives."""
    sobject, field, value, _ = FACTS[fact]
    made = _create(world, sobject, {field: value})
    (held,) = world.column(f"SELECT {field} FROM {sobject} WHERE Id = '{made}'")
    # REST writes times with an offset, and a text without a character is none.
    expected = {"MessageDate": str(value).replace("Z", "+0000"), "NextStep": None}.get(field, value)
    assert held == expected


def test_half_of_a_surrogate_pair_leaves_as_an_escape() -> None:
    """UTF-8 has no bytes for it; an answer that cannot be written would be a fault of the stand-in's own."""
    body = _response(Answer({"TextBody": "cut \ud83d here, whole \U0001f98a"})).body
    assert b"\\ud83d" in bytes(body)
    assert json.loads(bytes(body)) == {"TextBody": "cut \ud83d here, whole \U0001f98a"}


@pytest.mark.parametrize(
    ("sobject", "values", "code"),
    [
        ("Opportunity", {"CloseDate": "1699-12-31"}, "JSON_PARSER_ERROR"),
        ("Opportunity", {"CloseDate": "4001-01-01"}, "JSON_PARSER_ERROR"),
        ("EmailMessage", {"MessageDate": "1699-12-31T23:59:59Z"}, "JSON_PARSER_ERROR"),
        ("Opportunity", {"Amount": 10**16}, "NUMBER_OUTSIDE_VALID_RANGE"),
        ("Opportunity", {"Name": ""}, "REQUIRED_FIELD_MISSING"),
        ("Opportunity", {"Name": "x" * 121}, "STRING_TOO_LONG"),
        ("EmailMessage", {"ToAddress": "x" * 4_001}, "STRING_TOO_LONG"),
        ("EmailMessage", {"HtmlBody": "x" * 131_073}, "STRING_TOO_LONG"),
        ("EmailMessage", {"TextBody": "\ud83d" * 131_073}, "STRING_TOO_LONG"),
    ],
)
def test_what_salesforce_could_not_hold_is_refused(
    world: World, sobject: str, values: dict[str, object], code: str
) -> None:
    """As strict as the real one: a value that no org can hold would be read, and prove a case that never comes."""
    answer = world.call("POST", f"/sobjects/{sobject}", _usual(sobject) | values)
    assert answer.status == 400
    assert isinstance(answer.body, list)
    assert answer.body[0]["errorCode"] == code


def test_custom_fields_may_be_written_anew_in_capitals_and_many(world: World) -> None:
    """Names have no case for a question, and one for the answer; an object may have 800 fields of its own."""
    world.org.switches.set({"custom_fields": True, "custom_names_in_capitals": True, "custom_formulas": 760})
    account = world.add("Account", Industry="Energy")
    world.add("Opportunity", Competition__c="them", AccountId=account)
    (record,) = world.records("SELECT competition__c, Formula_Of_A_Past_Project_752__c FROM Opportunity")
    assert record == {"COMPETITION__c": "them", "Formula_Of_A_Past_Project_752__c": "Energy"}
    names = [field["name"] for field in world.get("/sobjects/Opportunity/describe")["fields"]]
    assert len(names) > 800
    assert len(set(names)) == len(names)
