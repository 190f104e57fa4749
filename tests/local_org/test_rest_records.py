"""Single records by REST, and the change lists /updated and /deleted."""

from __future__ import annotations

from datetime import timedelta

import pytest

from local_org import standard
from local_org.clock import Clock
from local_org.rest.dispatch import Answer
from tests.local_org.conftest import World

MISSING = [{"message": "The requested resource does not exist", "errorCode": "NOT_FOUND"}]
DEAL = {"Name": "Deal", "StageName": "Proposal", "CloseDate": "2026-06-30"}


def test_a_record_is_created_read_changed_and_deleted(world: World) -> None:
    """REST API Developer Guide, sObject Rows: 201 with Location, 200, 204, 204, and 404 from then on."""
    created = world.call(
        "POST",
        "/sobjects/Opportunity",
        DEAL | {"Amount": 5, "attributes": {"type": "Opportunity"}},
        by=world.rep,
    )
    assert isinstance(created.body, dict)
    path = f"/sobjects/Opportunity/{created.body['id']}"
    assert (created.status, created.headers) == (201, {"Location": f"/services/data/v66.0{path}"})
    assert created.body == {"id": created.body["id"], "success": True, "errors": []}
    record = world.get(path, fields="Amount,stagename", by=world.rep)
    assert {name: value for name, value in record.items() if name != "attributes"} == {
        "Amount": 5.0,
        "StageName": "Proposal",
    }
    assert (world.call("PATCH", path, {"Amount": None}, by=world.rep).status, world.get(path)["Amount"]) == (
        204,
        None,
    )
    assert world.get(path)["LastModifiedById"] == world.rep
    assert world.call("DELETE", path, by=world.rep) == Answer(status=204)
    assert world.call("GET", path).body == MISSING
    again = world.call("DELETE", path, by=world.rep)
    assert (again.status, again.body) == (
        400,
        [{"message": "entity is deleted", "errorCode": "ENTITY_IS_DELETED", "fields": []}],
    )


@pytest.mark.parametrize(
    "path",
    ["/sobjects/Opportunity/006000000000001AAA", "/sobjects/Opportunity/x", "/sobjects/Nothing", "/nowhere"],
)
def test_what_does_not_exist_is_not_found(world: World, path: str) -> None:
    """REST API Developer Guide, Status Codes, 404: a wrong id, an unknown object and an unknown path answer alike."""
    answer = world.call("GET", path)
    assert (answer.status, answer.body) == (404, MISSING)


def test_a_record_that_sharing_hides_is_not_found(world: World) -> None:
    """REST API Developer Guide, Status Codes, 404: invisible is not "forbidden", for reading and for writing."""
    path = f"/sobjects/Opportunity/{world.add('Opportunity')}"
    assert [world.call(method, path, {}, by=world.rep).status for method in ("GET", "PATCH", "DELETE")] == [
        404,
        404,
        404,
    ]


def test_a_method_that_a_resource_lacks_names_those_it_has(world: World) -> None:
    """REST API Developer Guide, Status Codes, 405."""
    answer = world.call("PUT", f"/sobjects/Opportunity/{world.add('Opportunity')}")
    text = "HTTP Method 'PUT' not allowed. Allowed are HEAD,GET,PATCH,DELETE"
    assert (answer.status, answer.body) == (405, [{"message": text, "errorCode": "METHOD_NOT_ALLOWED"}])


@pytest.mark.parametrize(
    ("values", "code", "text", "fields"),
    [
        ({"Name": None}, "REQUIRED_FIELD_MISSING", "Required fields are missing: [Name]", ["Name"]),
        ({"foo": 1}, "INVALID_FIELD", "No such column 'foo' on sobject of type Opportunity", None),
        (
            {"IsClosed": True},
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            "Unable to create fields: IsClosed.",
            ["IsClosed"],
        ),
        ({"Name": "x" * 121}, "STRING_TOO_LONG", "(max length=120)", ["Name"]),
        ({"Amount": "much"}, "JSON_PARSER_ERROR", "Cannot deserialize instance of currency", None),
        ({"CloseDate": "soon"}, "JSON_PARSER_ERROR", "Cannot deserialize instance of date", None),
        ({"IsPrivate": "yes"}, "JSON_PARSER_ERROR", "Cannot deserialize instance of boolean", None),
        (
            {"Probability": 1000},
            "NUMBER_OUTSIDE_VALID_RANGE",
            "value outside of valid range",
            ["Probability"],
        ),
        ({"AccountId": "x"}, "MALFORMED_ID", "id value of incorrect type: x", ["AccountId"]),
        ({"AccountId": "003000000000001AAA"}, "MALFORMED_ID", "id value of incorrect type", ["AccountId"]),
        (
            {"AccountId": "001000000000001AAA"},
            "INVALID_CROSS_REFERENCE_KEY",
            "invalid cross reference id",
            [],
        ),
    ],
)
def test_a_create_that_breaks_a_rule_is_refused(
    world: World, values: dict[str, object], code: str, text: str, fields: list[str] | None
) -> None:
    """SOAP API Developer Guide, Core Status Codes: the code, the text, and the fields concerned."""
    answer = world.call("POST", "/sobjects/Opportunity", DEAL | values)
    assert isinstance(answer.body, list)
    error = answer.body[0]
    assert (answer.status, error["errorCode"], error.get("fields")) == (400, code, fields)
    assert text in error["message"]
    assert world.column("SELECT Id FROM Opportunity") == []


def test_missing_fields_are_named_together(world: World) -> None:
    """SOAP API Developer Guide, REQUIRED_FIELD_MISSING: all of them, so that a form can be mended at once."""
    answer = world.call("POST", "/sobjects/Opportunity", {})
    assert isinstance(answer.body, list)
    assert answer.body[0]["fields"] == ["Name", "StageName", "CloseDate"]


def test_a_reference_to_a_deleted_or_invisible_record_is_refused(world: World) -> None:
    """SOAP API Developer Guide, ENTITY_IS_DELETED and INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY (its status is a switch)."""
    account = world.add("Account")
    world.org.switches.insufficient_access_status = 403
    hidden = world.call("POST", "/sobjects/Opportunity", DEAL | {"AccountId": account}, by=world.rep)
    assert isinstance(hidden.body, list)
    assert (hidden.status, hidden.body[0]["errorCode"]) == (
        403,
        "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
    )
    world.org.store.delete("Account", account, by=world.admin)
    deleted = world.call("POST", "/sobjects/Opportunity", DEAL | {"AccountId": account})
    assert isinstance(deleted.body, list)
    assert (deleted.status, deleted.body[0]["errorCode"]) == (400, "ENTITY_IS_DELETED")


def test_seeing_a_record_is_not_yet_changing_it(world: World) -> None:
    """Help, "View All and Modify All Permissions": View All reads everything and writes nothing."""
    deal = world.add("Opportunity")
    flags = ["PermissionsRead", "PermissionsEdit", "PermissionsDelete", "PermissionsViewAllRecords"]
    standard.grant_object(
        world.org.store, world.permission_set(standard.ORDINARY), "Opportunity", flags, by=world.admin
    )
    path = f"/sobjects/Opportunity/{deal}"
    assert world.get(path, by=world.rep)["Id"] == deal
    for method in ("PATCH", "DELETE"):
        answer = world.call(method, path, {"NextStep": "x"}, by=world.rep)
        assert isinstance(answer.body, list)
        assert answer.body[0]["errorCode"] == "INSUFFICIENT_ACCESS_OR_READONLY"
    assert world.call("POST", "/sobjects/Opportunity", DEAL, by=world.rep).status == 400


def test_what_an_object_does_not_allow_is_refused(world: World) -> None:
    """Object Reference: documents are not created, versions not deleted, sent mails not changed but for their visibility."""
    document = world.org.store.insert("ContentDocument", {"Title": "x"}, by=world.admin)
    version = world.add("ContentVersion", ContentDocumentId=document, Title="x")
    mail = world.add("EmailMessage", Status="3", Subject="Offer")
    answers = {
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": world.call(
            "POST", "/sobjects/ContentDocument", {"Title": "x"}
        ),
        "INVALID_TYPE_FOR_OPERATION": world.call("DELETE", f"/sobjects/ContentVersion/{version}"),
        "INSUFFICIENT_ACCESS_OR_READONLY": world.call(
            "PATCH", f"/sobjects/EmailMessage/{mail}", {"Subject": "other"}
        ),
    }
    for code, answer in answers.items():
        assert isinstance(answer.body, list)
        assert (answer.status, answer.body[0]["errorCode"]) == (400, code)
    assert world.call("PATCH", f"/sobjects/EmailMessage/{mail}", {"IsExternallyVisible": True}).status == 204
    assert world.call("DELETE", f"/sobjects/ContentDocument/{document}").status == 204
    assert world.column("SELECT Id FROM ContentVersion") == []


WINDOW = {"start": "2026-05-13T12:29:59Z", "end": "2026-05-13T12:40:59Z"}


def test_updated_rows_are_listed_by_minute(world: World, clock: Clock) -> None:
    """REST API Developer Guide, sObject Get Updated: seconds are cut off, live rows only, by SystemModstamp."""
    changed, deleted, later = (world.add("Opportunity") for _ in range(3))
    world.org.store.delete("Opportunity", deleted, by=world.admin)
    clock.turn(timedelta(minutes=9, seconds=20))
    world.org.store.update("Opportunity", later, {"NextStep": "x"}, by=world.admin)
    clock.turn(timedelta(hours=1))
    body = world.get("/sobjects/Opportunity/updated", **WINDOW)
    assert body == {"ids": [changed], "latestDateCovered": "2026-05-13T12:40:00.000+0000"}
    ahead = world.get(
        "/sobjects/Opportunity/updated", start="2026-05-13T12:30:00+00:00", end="2026-05-14T00:00:00 00:00"
    )
    assert ahead == {"ids": [changed, later], "latestDateCovered": "2026-05-13T13:40:00.000+0000"}
    assert world.get("/sobjects/Opportunity/updated", **WINDOW, by=world.rep)["ids"] == []


def test_deleted_rows_are_listed_with_the_time_even_when_purged(world: World, clock: Clock) -> None:
    """REST API Developer Guide, sObject Get Deleted: id and time of each, as far back as the bin reaches."""
    deals = [world.add("Opportunity") for _ in range(3)]
    for deal in deals:
        world.org.store.delete("Opportunity", deal, by=world.admin)
    world.org.store.purge("Opportunity", deals[0])
    world.org.store.undelete("Opportunity", deals[1], by=world.admin)
    clock.turn(timedelta(hours=1))
    body = world.get("/sobjects/Opportunity/deleted/", **WINDOW)
    when = "2026-05-13T12:30:45.000+0000"
    assert body["deletedRecords"] == [{"id": deal, "deletedDate": when} for deal in (deals[0], deals[2])]
    assert body["earliestDateAvailable"] == "2026-04-28T13:30:00.000+0000"
    assert body["latestDateCovered"] == "2026-05-13T12:40:00.000+0000"


@pytest.mark.parametrize(
    ("resource", "start", "end"),
    [
        ("updated", "2026-05-13T12:30:00Z", "2026-05-13T12:31:00Z"),
        ("updated", "2026-05-13T12:30:00Z", "2026-05-13T12:00:00Z"),
        ("updated", "2026-04-12T12:30:00Z", "2026-05-13T12:00:00Z"),
        ("updated", "yesterday", "2026-05-13T12:00:00Z"),
        ("deleted", "2026-04-28T12:29:00Z", "2026-05-13T12:00:00Z"),
    ],
)
def test_a_window_that_is_empty_or_too_far_back_is_refused(
    world: World, resource: str, start: str, end: str
) -> None:
    """REST API Developer Guide, sObject Get Updated and Get Deleted: 30 and 15 days, more than one minute."""
    answer = world.call("GET", f"/sobjects/Opportunity/{resource}", start=start, end=end)
    assert isinstance(answer.body, list)
    assert (answer.status, answer.body[0]["errorCode"]) == (400, "INVALID_REPLICATION_DATE")


def test_objects_that_are_not_replicateable_have_no_change_lists(world: World) -> None:
    """REST API Developer Guide, Describe Global, replicateable: stages and files have none."""
    for sobject in ("OpportunityStage", "ContentDocument"):
        assert world.call("GET", f"/sobjects/{sobject}/updated", **WINDOW).status == 400
