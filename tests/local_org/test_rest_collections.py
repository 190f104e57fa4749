"""Up to 200 records created, updated or deleted in one call."""

from __future__ import annotations

from typing import Any

from tests.local_org.conftest import World

GOOD = {"attributes": {"type": "Account"}, "Name": "Acme"}
BAD = {"attributes": {"type": "Contact"}, "FirstName": "x"}


def results(world: World, method: str, body: object = None, **query: str) -> list[dict[str, Any]]:
    """Returns the result of each record."""
    answer = world.call(method, "/composite/sobjects", body, **query)
    assert answer.status == 200
    assert isinstance(answer.body, list)
    return answer.body


def test_each_record_has_its_own_result(world: World) -> None:
    """REST API Developer Guide, sObject Collections: 200 over all, success and errors per record, by statusCode."""
    created, failed = results(world, "POST", {"records": [GOOD, BAD]})
    assert created == {"id": created["id"], "success": True, "errors": []}
    text = "Required fields are missing: [LastName]"
    assert failed == {
        "success": False,
        "errors": [{"statusCode": "REQUIRED_FIELD_MISSING", "message": text, "fields": ["LastName"]}],
    }
    changed = results(world, "PATCH", {"records": [GOOD | {"id": created["id"], "Name": "Zenith"}]})
    assert changed == [created]
    assert world.column("SELECT Name FROM Account") == ["Zenith"]
    gone, missing = results(world, "DELETE", ids=f"{created['id']},003000000000001AAA")
    assert (gone["success"], missing["errors"][0]["statusCode"]) == (True, "NOT_FOUND")
    assert world.column("SELECT Id FROM Account") == []


def test_all_or_none_keeps_none_when_one_fails(world: World) -> None:
    """REST API Developer Guide, sObject Collections, allOrNone: the good ones say that they were rolled back."""
    good, bad = results(world, "POST", {"allOrNone": True, "records": [GOOD, BAD]})
    assert good["errors"][0]["statusCode"] == "ALL_OR_NONE_OPERATION_ROLLED_BACK"
    assert bad["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    assert world.column("SELECT Id FROM Account") == []


def test_more_than_200_records_are_refused(world: World) -> None:
    """REST API Developer Guide, sObject Collections, limits: the limit itself is accepted."""
    assert len(results(world, "POST", {"records": [GOOD] * 200})) == 200
    answer = world.call("POST", "/composite/sobjects", {"records": [GOOD] * 201})
    assert isinstance(answer.body, list)
    assert (answer.status, answer.body[0]["errorCode"]) == (400, "EXCEEDED_ID_LIMIT")
