"""Facts of API sheet 2 that no other file here holds: shapes, limits, what a description costs, and refusals by status, code and text."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from local_org import standard
from local_org.bulk_jobs import Jobs
from local_org.clock import Clock
from local_org.rest import discovery, replication
from local_org.rest.dispatch import Answer
from tests.local_org.conftest import START, World

PREFIX = "/services/data/v66.0"
DEAL = {"Name": "Deal", "StageName": "Qualification", "CloseDate": "2026-06-30"}
# API sheet 2.1, GET /sobjects [R]: the keys of an item.
ITEM_KEYS = {
    "name", "label", "labelPlural", "keyPrefix", "custom", "customSetting", "activateable", "associateEntityType",
    "associateParentEntity", "createable", "updateable", "deletable", "undeletable", "deepCloneable", "deprecatedAndHidden",
    "feedEnabled", "hasSubtypes", "isInterface", "isSubtype", "layoutable", "mergeable", "mruEnabled", "queryable", "replicateable",
    "retrieveable", "searchable", "triggerable", "urls",
}  # fmt: skip
# API sheet 2.1, describe [R]: what it adds, and the keys of its parts.
DESCRIBE_KEYS = {
    "childRelationships",
    "fields",
    "recordTypeInfos",
    "supportedScopes",
    "sobjectDescribeOption",
}
CHILD_KEYS = {
    "cascadeDelete", "childSObject", "deprecatedAndHidden", "field", "junctionIdListNames", "junctionReferenceTo", "relationshipName",
    "restrictedDelete",
}  # fmt: skip
RECORD_TYPE_KEYS = {
    "active", "available", "defaultRecordTypeMapping", "developerName", "master", "name", "recordTypeId", "urls",
}  # fmt: skip
FIELD_KEYS = {
    "name", "label", "type", "soapType", "length", "byteLength", "precision", "scale", "digits", "nillable", "createable", "updateable",
    "defaultedOnCreate", "permissionable", "filterable", "sortable", "groupable", "calculated", "compoundFieldName", "extraTypeInfo",
    "custom", "externalId", "nameField", "namePointing", "polymorphicForeignKey", "referenceTo", "relationshipName",
    "restrictedPicklist", "picklistValues",
}  # fmt: skip
LIMITS = {
    "DailyApiRequests": 15_000, "DailyBulkV2QueryJobs": 10_000, "DailyBulkV2QueryFileStorageMB": 976_562,
    "DailyBulkApiBatches": 15_000, "ContentPublicationLimit": 2_500, "MaxContentDocumentsLimit": 30_000_000, "DataStorageMB": 5,
    "DailyDeliveredPlatformEvents": 10_000,
}  # fmt: skip


def error_of(answer: Answer) -> Mapping[str, Any]:
    """Returns the one error of a refusal."""
    assert isinstance(answer.body, list)
    assert len(answer.body) == 1
    found: Mapping[str, Any] = answer.body[0]
    return found


def test_describes_have_the_recorded_keys(world: World) -> None:
    """API sheet 2.1, describes [R]: a client that looks for a key must find it, whatever its value."""
    listed = world.get("/sobjects")
    assert (listed["encoding"], listed["maxBatchSize"]) == ("UTF-8", 200)
    assert {frozenset(each) for each in listed["sobjects"]} == {frozenset(ITEM_KEYS)}
    body = world.get("/sobjects/Opportunity/describe")
    assert body.keys() >= ITEM_KEYS | DESCRIBE_KEYS
    assert {frozenset(each) for each in body["childRelationships"]} == {frozenset(CHILD_KEYS)}
    assert {frozenset(each) for each in body["recordTypeInfos"]} == {frozenset(RECORD_TYPE_KEYS)}
    assert all(each.keys() >= FIELD_KEYS for each in body["fields"])
    assert body["recordTypeInfos"][-1]["recordTypeId"] == "012000000000000AAA"
    assert body["sobjectDescribeOption"] == "FULL"
    assert world.get("/sobjects/Opportunity").keys() == {"objectDescribe", "recentItems"}


def test_limits_have_the_recorded_names(world: World) -> None:
    """API sheet 2.1, limits [R get-limits]: Max and Remaining of each name that a pipeline reads."""
    Jobs(world.org).close()
    body = world.get("/limits")
    assert {name: body[name]["Max"] for name in LIMITS} == LIMITS
    assert {frozenset(each) for each in body.values()} == {frozenset({"Max", "Remaining"})}


@pytest.mark.parametrize("newest", [66, 67, 68])
def test_the_newest_version_is_a_matter_of_the_season(newest: int) -> None:
    """API sheet 2.1, versions: 67.0 is Summer '26, 68.0 Winter '27 with an unconfirmed date; a client takes what is listed."""
    labels = {66: "Spring '26", 67: "Summer '26", 68: "Winter '27"}
    assert discovery.versions(newest)[-1]["label"] == labels[newest]
    discovery.check_version(f"{newest}.0", newest)


@pytest.mark.parametrize(
    "path", ["/sobjects", "/sobjects/Opportunity/describe", "/sobjects/Opportunity/describe/layouts"]
)
def test_a_description_that_the_caller_has_is_answered_304(world: World, clock: Clock, path: str) -> None:
    """API sheet 2.1, If-Modified-Since [R]: 304 with ETag and Last-Modified."""
    first = world.call("GET", path)
    stamp, tag = first.headers["Last-Modified"], first.headers["ETag"]
    for known in ({"if-modified-since": stamp}, {"if-none-match": tag}):
        again = world.call("GET", path, headers=known)
        assert (again.status, again.body) == (304, None)
        assert dict(again.headers) == {"ETag": tag, "Last-Modified": stamp}
    clock.turn(timedelta(hours=1))
    earlier = format_datetime(START - timedelta(days=1), usegmt=True)
    assert world.call("GET", path, headers={"if-modified-since": earlier}).status == 200
    assert world.call("GET", path, headers={"if-modified-since": "yesterday"}).status == 200
    assert world.call("GET", path, headers={"if-none-match": '"other"'}).status == 200


def test_two_changes_in_one_second_are_both_seen(world: World) -> None:
    """API sheet 2.1, If-Modified-Since: its resolution is a second; whoever read between two changes must not keep the first."""
    path, seen = "/sobjects/Opportunity/describe", []
    for field in ("NextStep", "Amount"):
        seen.append(world.call("GET", path).headers["Last-Modified"])
        world.hide("Opportunity", field)
        assert world.call("GET", path, headers={"if-modified-since": seen[-1]}).status == 200
    assert seen[0] < seen[1]


def test_latest_date_covered_may_lag_behind_the_end(world: World) -> None:
    """API sheet 2.3 [M]: the next start is latestDateCovered, which long transactions hold back; what lies behind it comes later."""
    deal = world.add("Opportunity")
    window = {"start": "2026-05-13T12:00:00Z", "end": "2026-05-13T13:00:00Z"}
    world.org.clock.turn(timedelta(minutes=5))
    body = world.get("/sobjects/Opportunity/updated", **window)
    assert body == {"ids": [deal], "latestDateCovered": "2026-05-13T12:35:00.000+0000"}
    world.org.switches.set({"replication_lag_seconds": 600.0})
    lagging = {"ids": [], "latestDateCovered": "2026-05-13T12:25:00.000+0000"}
    assert world.get("/sobjects/Opportunity/updated", **window) == lagging


@pytest.mark.parametrize(("days", "earliest"), [(15.0, "2026-04-28"), (3.0, "2026-05-10")])
def test_deleted_rows_are_listed_as_far_back_as_their_log_goes(
    world: World, days: float, earliest: str
) -> None:
    """API sheet 2.3 [D]: 15 days, less if the log was purged; whoever asks for more is told and must compare ids instead."""
    world.org.switches.set({"deleted_list_days": days})
    path, end = "/sobjects/Contact/deleted", "2026-05-13T12:30:00Z"
    body = world.get(path, start=f"{earliest}T12:30:00Z", end=end)
    assert body["earliestDateAvailable"] == f"{earliest}T12:30:00.000+0000"
    refused = world.call("GET", path, start=f"{earliest}T12:29:00Z", end=end)
    assert (refused.status, error_of(refused)["errorCode"]) == (400, "INVALID_REPLICATION_DATE")


def test_more_changed_ids_than_the_limit_are_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """API sheet 2.3, EXCEEDED_ID_LIMIT: 600,000 ids; a window is to be halved, not cut off in silence."""
    assert replication.MAX_IDS == 600_000
    monkeypatch.setattr(replication, "MAX_IDS", 2)
    window = {"start": "2026-05-13T12:00:00Z", "end": "2026-05-14T12:00:00Z"}
    for _ in range(3):
        world.add("Contact")
    world.org.clock.turn(timedelta(minutes=5))
    answer = world.call("GET", "/sobjects/Contact/updated", **window)
    assert (answer.status, error_of(answer)["errorCode"]) == (400, "EXCEEDED_ID_LIMIT")


@pytest.mark.parametrize("most", [5, 3])
def test_a_composite_takes_as_many_queries_as_the_switch_says(world: World, most: int) -> None:
    """API sheet 2.4 [M]: five queries or collections among the 25 subrequests."""
    world.org.switches.set({"composite_queries": most})
    query = {"method": "GET", "url": f"{PREFIX}/query?q=SELECT+Id+FROM+User", "referenceId": "q"}
    statuses = []
    for count in (most, most + 1):
        requests = [query | {"referenceId": f"q{n}"} for n in range(count)]
        body = world.call("POST", "/composite", {"compositeRequest": requests}).body
        assert isinstance(body, dict)
        statuses.append([each["httpStatusCode"] for each in body["compositeResponse"]])
    assert statuses == [[200] * most, [400]]


@pytest.mark.parametrize(("null", "expected"), [(True, [None, "Deal"]), (False, ["Deal"])])
def test_a_retrieve_answers_null_or_nothing_for_a_missing_row(
    world: World, null: bool, expected: list[object]
) -> None:
    """API sheet 2.4, retrieve [M]: null in the row's place, or the row left out; the limit of ids is a switch too."""
    world.org.switches.set({"retrieve_answers_null": null, "retrieve_ids": 2})
    deal, path = world.add("Opportunity"), "/composite/sobjects/Opportunity"
    body = {"ids": ["006000000000001AAA", deal], "fields": ["Name"]}
    found = world.call("POST", path, body).body
    assert isinstance(found, list)
    assert [each and each["Name"] for each in found] == expected
    answer = world.call("POST", path, body | {"ids": [deal] * 3})
    assert (answer.status, error_of(answer)["errorCode"]) == (400, "EXCEEDED_ID_LIMIT")


TYPES = "Please reference your WSDL or the describe call for the appropriate names."


@pytest.mark.parametrize(
    ("soql", "status", "code", "text"),
    [
        ("SELECT Id FROM XYZZY", 400, "INVALID_TYPE",
         "\nSELECT Id FROM XYZZY\n               ^\nERROR at Row:1:Column:16\nsObject type 'XYZZY' is not supported. If you are attempting"
         f" to use a custom object, be sure to append the '__c' after the entity name. {TYPES}"),
        ("SELECT Id, F FROM User", 400, "INVALID_FIELD",
         "\nSELECT Id, F FROM User\n           ^\nERROR at Row:1:Column:12\nNo such column 'F' on entity 'User'. If you are attempting to"
         f" use a custom field, be sure to append the '__c' after the custom field name. {TYPES}"),
        ("SELECT Id FROM Opportunity WHERE Description = 'x'", 400, "INVALID_FIELD",
         "field 'Description' can not be filtered in a query call"),
        ("SELECT Id FROM", 400, "MALFORMED_QUERY", ""),
    ],
    ids=["type", "field", "filter", "grammar"],
)  # fmt: skip
def test_a_query_is_refused_by_status_code_and_text(
    world: World, soql: str, status: int, code: str, text: str
) -> None:
    """API sheet 2.5: INVALID_TYPE as recorded [R CCI], INVALID_FIELD as in public logs [R], and what may not be filtered."""
    answer = world.call("GET", "/query", q=soql)
    error = error_of(answer)
    assert (answer.status, error["errorCode"]) == (status, code)
    assert error["message"].endswith(text)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code", "text"),
    [
        ("GET", "/query/0r8000000000001AAA-2000", None, 400, "INVALID_QUERY_LOCATOR", "invalid query locator"),
        ("GET", "/sobjects/Nothing", None, 404, "NOT_FOUND", "The requested resource does not exist"),
        ("DELETE", "/query", None, 405, "METHOD_NOT_ALLOWED", "HTTP Method 'DELETE' not allowed. Allowed are HEAD,GET"),
        ("PUT", "/sobjects/Contact/003000000000001AAA", None, 405, "METHOD_NOT_ALLOWED",
         "HTTP Method 'PUT' not allowed. Allowed are HEAD,GET,PATCH,DELETE"),
        ("POST", "/sobjects/Contact", {}, 400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]"),
        ("POST", "/sobjects/Contact", {"LastName": "x", "foo": 1}, 400, "INVALID_FIELD", "No such column 'foo' on sobject of type Contact"),
        ("GET", "/sobjects/OpportunityStage/updated", None, 400, "INVALID_TYPE_FOR_OPERATION",
         "entity type OpportunityStage does not support replication"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isupper() else "",
)  # fmt: skip
def test_a_call_is_refused_by_status_code_and_text(
    world: World, method: str, path: str, body: object, status: int, code: str, text: str
) -> None:
    """API sheet 2.5: `[{"message","errorCode"}]`, where the client decides by the code and people by the text."""
    answer = world.call(method, path, body)
    error = error_of(answer)
    assert (answer.status, error["errorCode"], error["message"]) == (status, code, text)


@pytest.mark.parametrize("status", [400, 404])
def test_a_dead_locator_is_answered_with_either_status(world: World, status: int) -> None:
    """API sheet 2.5, INVALID_QUERY_LOCATOR [C]: 400, by one list 404."""
    world.org.switches.set({"invalid_query_locator_status": status})
    assert world.call("GET", "/query/0r8000000000001AAA-2000").status == status


@pytest.mark.parametrize("status", [400, 403])
def test_insufficient_access_is_answered_with_either_status(world: World, status: int) -> None:
    """API sheet 2.5, INSUFFICIENT_ACCESS_OR_READONLY [U]: the status varies in the sources, the code does not."""
    world.org.switches.set({"insufficient_access_status": status})
    deal = world.add("Opportunity")
    set_id = world.permission_set(standard.ORDINARY)
    standard.grant_object(
        world.org.store,
        set_id,
        "Opportunity",
        ["PermissionsRead", "PermissionsViewAllRecords"],
        by=world.admin,
    )
    answer = world.call("PATCH", f"/sobjects/Opportunity/{deal}", {"NextStep": "x"}, by=world.rep)
    assert (answer.status, error_of(answer)["errorCode"]) == (status, "INSUFFICIENT_ACCESS_OR_READONLY")
    assert error_of(answer)["message"] == "insufficient access rights on object id"


def test_a_validation_rule_refuses_every_save_of_its_object(world: World) -> None:
    """API sheet 2.5, FIELD_CUSTOM_VALIDATION_EXCEPTION: the administrator's text, with the fields of the rule."""
    deal = world.add("Opportunity")
    world.org.switches.set({"validation_rule_on": "Opportunity"})
    answers = [
        world.call("POST", "/sobjects/Opportunity", DEAL),
        world.call("PATCH", f"/sobjects/Opportunity/{deal}", {"NextStep": "x"}),
    ]
    assert [(each.status, error_of(each)["errorCode"]) for each in answers] == [
        (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION")
    ] * 2
    assert world.call("POST", "/sobjects/Account", {"Name": "x"}).status == 201


@pytest.mark.parametrize("code", ["TXN_SECURITY_NO_ACCESS", "TXN_SECURITY_METERING_ERROR"])
def test_a_transaction_security_policy_refuses_queries(world: World, code: str) -> None:
    """API sheet 2.5, TXN_SECURITY_…: 403 with its own code, which is neither the call limit nor a missing permission."""
    world.org.switches.set({"transaction_security_code": code})
    answer = world.call("GET", "/query", q="SELECT Id FROM User")
    assert (answer.status, error_of(answer)["errorCode"]) == (403, code)
    assert world.call("GET", "/sobjects").status == 200


def test_a_query_that_runs_too_long_is_refused_and_a_smaller_one_is_not(world: World) -> None:
    """API sheet 2.5, QUERY_TIMEOUT: without it nobody would see whether a client asks for less, or for the same again."""
    for number in range(3):
        world.add("Contact", LastName=f"Doe {number}")
    world.org.switches.set({"slow_query": "LastName LIKE", "slow_query_rows": 2})
    refused = world.call("GET", "/query", q="SELECT Id FROM Contact WHERE LastName LIKE 'Doe%'")
    assert refused.status == 400
    assert error_of(refused) == {
        "errorCode": "QUERY_TIMEOUT",
        "message": "Your query request was running for too long.",
    }
    grouped = "SELECT LastName, COUNT(Id) FROM Contact WHERE LastName LIKE 'Doe%' GROUP BY LastName"
    assert world.call("GET", "/query", q=grouped).status == 400
    for smaller in ("LastName LIKE 'Doe 1%'", "LastName > 'Doe'"):
        assert world.call("GET", "/query", q=f"SELECT Id FROM Contact WHERE {smaller}").status == 200


def test_activities_of_too_many_people_and_records_take_view_all_data(world: World) -> None:
    """API sheet 2.5, OPERATION_TOO_LARGE: users without View All Data meet it on Task; a count of rows meets it too."""
    for number in range(3):
        contact = world.add("Contact", LastName=f"Doe {number}")
        world.add("Task", by=world.rep, Subject="Call", WhoId=contact)
    world.org.switches.set({"activity_relations": 3})
    soql = "SELECT Id FROM Task"
    assert len(world.column(soql, by=world.rep)) == 3
    world.org.switches.set({"activity_relations": 2})
    refused = world.refusal(soql, by=world.rep)
    assert (refused.code, refused.message) == ("OPERATION_TOO_LARGE", "exceeded 2 distinct who/what's")
    assert len(world.column(soql)) == 3
