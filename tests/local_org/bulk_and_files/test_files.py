"""Files of the org: creating, versions, links, limits, reading back. Each test names the section of the API sheet that it holds."""

from __future__ import annotations

import hashlib
import tracemalloc
from datetime import timedelta
from itertools import chain, repeat
from typing import Any

import pytest

from tests.local_org.bulk_and_files.served import Served
from tests.local_org.bulk_and_files.uploads import (
    CONTENT,
    JSON,
    PATH,
    document,
    download,
    encoded,
    multipart,
    records,
    refusal,
    send,
    upload,
    version,
)


@pytest.mark.parametrize(("name", "tail"), [("entity_content", ""), ("entity_document", ";")])
def test_a_multipart_body_makes_a_version_with_its_bytes(api: Served, name: str, tail: str) -> None:
    """API sheet 5: first part JSON whatever its name, then VersionData; a trailing `;` is borne. Fault: bytes are cut at a line end."""
    answer = send(api, multipart({"Title": "Plan", "PathOnClient": "plan.pdf"}, CONTENT, name, tail))
    made = answer.json()
    assert (answer.status_code, made.keys()) == (201, {"id", "success", "errors"})
    assert (made["id"][:3], made["success"], made["errors"]) == ("068", True, [])
    assert answer.headers["Location"] == f"/services/data/v66.0{PATH}/{made['id']}"
    assert download(api, made["id"]).content == CONTENT
    fields = "Title, PathOnClient, FileType, FileExtension, ContentSize, Checksum, VersionNumber, IsLatest"
    assert version(api, made["id"], fields) == {
        "Title": "Plan", "PathOnClient": "plan.pdf", "FileType": "PDF", "FileExtension": "pdf", "ContentSize": len(CONTENT),
        "Checksum": hashlib.md5(CONTENT, usedforsecurity=False).hexdigest(), "VersionNumber": "1", "IsLatest": True,
    }  # fmt: skip


def test_a_json_body_with_base64_makes_the_same(api: Served) -> None:
    """API sheet 5: JSON with VersionData in base64. Title defaults to the file's name."""
    made = upload(api)
    assert download(api, made).content == CONTENT
    assert version(api, made, "Title, FileType") == {"Title": "plan", "FileType": "PDF"}


def test_an_empty_file_is_a_file(api: Served) -> None:
    """API sheet 5: any bytes up to the limit, none at all included."""
    answer = send(api, multipart({"PathOnClient": "empty.txt"}, b""))
    assert answer.status_code == 201
    assert download(api, answer.json()["id"]).content == b""


@pytest.mark.parametrize(
    ("values", "code", "part"),
    [
        ({"PathOnClient": None}, "REQUIRED_FIELD_MISSING", "[PathOnClient]"),
        ({"VersionData": None}, "REQUIRED_FIELD_MISSING", "[VersionData]"),
        ({"VersionData": "no base64!"}, "JSON_PARSER_ERROR", "base64"),
        ({"Title": "x" * 256}, "STRING_TOO_LONG", "max length=255"),
        ({"PathOnClient": "x" * 501}, "STRING_TOO_LONG", "max length=500"),
        (
            {"FirstPublishLocationId": "006000000000000AAA"},
            "INVALID_CROSS_REFERENCE_KEY",
            "invalid cross reference id",
        ),
        (
            {"ContentDocumentId": "069000000000001AAA"},
            "INVALID_CROSS_REFERENCE_KEY",
            "invalid cross reference id",
        ),
        ({"FirstPublishLocationId": "012000000000000AAA"}, "MALFORMED_ID", "id value of incorrect type"),
        ({"Nope__c": "x"}, "INVALID_FIELD", "No such column 'Nope__c' on sobject of type ContentVersion"),
        ({"Checksum": "x"}, "INVALID_FIELD_FOR_INSERT_UPDATE", "Checksum"),
        ({"SharingOption": "Z"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "bad value"),
    ],
)
def test_a_version_that_breaks_a_rule_is_refused_with_its_code(
    api: Served, values: dict[str, object], code: str, part: str
) -> None:
    """API sheet 5, Limits and errors: REQUIRED_FIELD_MISSING, STRING_TOO_LONG, INVALID_CROSS_REFERENCE_KEY … and nothing is left behind."""
    before = records(api, "SELECT COUNT(Id) FROM ContentVersion")[0]["expr0"]
    status, found, message = refusal(api, **values)
    assert (status, found) == (400, code)
    assert part in message
    assert records(api, "SELECT COUNT(Id) FROM ContentVersion")[0]["expr0"] == before
    assert not list((api.org.directory / "files" / "incoming").iterdir())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--b\r\n" + JSON.format("x").encode() + b"{}",
        multipart({"PathOnClient": "a.txt"}, b"cut")[:-8],
        b"--b\r\n" + JSON.format("x").encode() + b'{"PathOnClient": "a.txt"}\r\n--b--\r\n',
        multipart({"PathOnClient": "a.txt"}, b"x").replace(b'{"', b'{'),
    ],
    ids=["empty", "no end", "cut off", "no blob", "bad JSON"],
)  # fmt: skip
def test_a_broken_multipart_body_makes_nothing(api: Served, body: bytes) -> None:
    """API sheet 5: the form of the body. Fault: a connection that broke off leaves half a file as a version."""
    before = records(api, "SELECT COUNT(Id) FROM ContentVersion")[0]["expr0"]
    assert send(api, body).status_code == 400
    assert records(api, "SELECT COUNT(Id) FROM ContentVersion")[0]["expr0"] == before
    assert not list((api.org.directory / "files" / "incoming").iterdir())


def test_a_refusal_names_the_field(api: Served) -> None:
    """API sheet 2.5: `fields` present. Fault: a person is told that something is too long, and not what."""
    body = {"PathOnClient": "x" * 501, "VersionData": encoded(CONTENT)}
    assert api.call("POST", PATH, body).json()[0]["fields"] == ["PathOnClient"]
    assert api.call("POST", PATH, {"PathOnClient": "a.txt"}).json()[0]["fields"] == ["VersionData"]
    assert api.refused("POST", PATH, ["no record"])[1] == "JSON_PARSER_ERROR"


def test_a_file_is_streamed_to_disk(api: Served) -> None:
    """API sheet 5: multipart up to 2 GB. Fault: the org holds the whole body in memory."""
    size, block = 64 * 1024 * 1024, b"Z" * (1024 * 1024)
    head, tail = multipart({"PathOnClient": "a.bin"}, b"|").split(b"|")
    body = chain([head], repeat(block, size // len(block)), [tail])
    tracemalloc.start()
    answer = send(api, body)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert answer.status_code == 201, answer.text
    assert peak < size / 4


def test_another_content_type_is_refused(api: Served) -> None:
    """API sheet 2.5: 415 UNSUPPORTED_MEDIA_TYPE."""
    answer = api.call("POST", PATH, data=b"x", headers={"Content-Type": "application/pdf"})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("announced", [True, False])
def test_a_json_body_of_more_than_50_mb_is_refused(api: Served, announced: bool) -> None:
    """API sheet 5: 50 MB of text, which is 37.5 MB of data. Fault: a body without Content-Length slips past the limit."""
    text = b'{"PathOnClient": "a.bin", "VersionData": "' + b"A" * (50 * 1024 * 1024) + b'"}'
    body: Any = text if announced else iter([text[:1_000], text[1_000:]])
    answer = api.call("POST", PATH, data=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "REQUEST_TOO_LARGE")


def test_a_multipart_file_has_its_own_limit(api: Served) -> None:
    """API sheet 5: at most 2 GB per ContentVersion, far more than JSON takes. The switch makes the limit small enough to try."""
    assert api.org.switches.multipart_limit_mb == 2_048
    api.org.switches.set({"multipart_limit_mb": 1})
    size = 1024 * 1024
    assert send(api, multipart({"PathOnClient": "a.bin"}, b"x" * size)).status_code == 201
    answer = send(api, multipart({"PathOnClient": "a.bin"}, b"x" * (size + 1)))
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "REQUEST_TOO_LARGE")
    assert not list((api.org.directory / "files" / "incoming").iterdir())


def test_the_next_version_of_a_document_takes_the_place_of_the_last(api: Served) -> None:
    """API sheet 5: ContentDocumentId makes the next version; VersionNumber is text; IsLatest is on one row; the document follows."""
    first = upload(api, b"one", Title="Plan")
    owner = document(api, first)
    second = upload(api, b"two!", Title="Plan 2", ContentDocumentId=owner, PathOnClient="plan.docx")
    found = records(
        api, f"SELECT Id, VersionNumber, IsLatest FROM ContentVersion WHERE ContentDocumentId = '{owner}'"
    )
    assert {row["Id"]: (row["VersionNumber"], row["IsLatest"]) for row in found} == {
        first: ("1", False),
        second: ("2", True),
    }
    fields = "LatestPublishedVersionId, Title, ContentSize, FileType"
    (row,) = records(api, f"SELECT {fields} FROM ContentDocument WHERE Id = '{owner}'")
    assert [row[name] for name in fields.split(", ")] == [second, "Plan 2", 4, "WORD_X"]
    assert [download(api, each).content for each in (first, second)] == [b"one", b"two!"]


def test_a_next_version_cannot_be_published_elsewhere(api: Served) -> None:
    """API sheet 5: with ContentDocumentId no FirstPublishLocationId."""
    owner = document(api, upload(api))
    deal = api.world.add("Opportunity")
    status, code, _ = refusal(api, ContentDocumentId=owner, FirstPublishLocationId=deal)
    assert (status, code) == (400, "FIELD_INTEGRITY_EXCEPTION")


@pytest.mark.parametrize("share_type", ["V", "I"])
def test_a_file_published_on_a_deal_is_linked_in_the_same_call(api: Served, share_type: str) -> None:
    """API sheet 5: FirstPublishLocationId creates the link in the same transaction; its ShareType is unconfirmed, a switch."""
    api.org.switches.set({"first_link_share_type": share_type})
    deal = api.world.add("Opportunity")
    made = upload(api, FirstPublishLocationId=deal)
    links = records(
        api,
        f"SELECT ContentDocumentId, ShareType, Visibility FROM ContentDocumentLink WHERE LinkedEntityId = '{deal}'",
    )
    assert [(row["ContentDocumentId"], row["ShareType"]) for row in links] == [
        (document(api, made), share_type)
    ]


def test_a_file_published_nowhere_lies_with_its_owner(api: Served) -> None:
    """API sheet 5: otherwise the file sits in the owner's private library; for the owner's own id there is one link and not two."""
    for values in ({}, {"FirstPublishLocationId": api.world.admin}):
        owner = document(api, upload(api, **values))
        links = records(
            api, f"SELECT LinkedEntityId FROM ContentDocumentLink WHERE ContentDocumentId = '{owner}'"
        )
        assert [row["LinkedEntityId"] for row in links] == [api.world.admin]


def test_a_file_can_be_found_again_by_what_it_was_uploaded_as(api: Served) -> None:
    """API sheet 5, idempotent upload: the query by LinkedEntityId with checksum, title and path of the latest version."""
    deal = api.world.add("Opportunity")
    upload(api, b"marked", Title="Plan v1", PathOnClient="plan-v1.pdf", FirstPublishLocationId=deal)
    latest = "ContentDocument.LatestPublishedVersion."
    soql = (
        f"SELECT ContentDocumentId, {latest}Checksum, {latest}Title, {latest}PathOnClient"
        f" FROM ContentDocumentLink WHERE LinkedEntityId = '{deal}'"
    )
    (row,) = records(api, soql)
    found = row["ContentDocument"]["LatestPublishedVersion"]
    assert found["Checksum"] == hashlib.md5(b"marked", usedforsecurity=False).hexdigest()
    assert (found["Title"], found["PathOnClient"]) == ("Plan v1", "plan-v1.pdf")


def test_identical_bytes_are_two_files(api: Served) -> None:
    """API sheet 5: identical bytes are not de-duplicated. Fault: the outbox looks idempotent because the org is."""
    assert document(api, upload(api, b"same")) != document(api, upload(api, b"same"))


def test_a_second_link_to_the_same_record_is_refused_or_not(api: Served) -> None:
    """API sheet 5: a duplicate link gives DUPLICATE_VALUE, unconfirmed. A switch."""
    deal = api.world.add("Opportunity")
    body = {"ContentDocumentId": document(api, upload(api)), "LinkedEntityId": deal}
    assert api.call("POST", "/sobjects/ContentDocumentLink", body).status_code == 201
    assert api.refused("POST", "/sobjects/ContentDocumentLink", body)[:2] == (400, "DUPLICATE_VALUE")
    api.org.switches.set({"duplicate_link_refused": False})
    assert api.call("POST", "/sobjects/ContentDocumentLink", body).status_code == 201


def test_documents_cannot_be_created_nor_versions_deleted(api: Served) -> None:
    """API sheet 5: ContentDocument cannot be inserted; versions cannot be deleted singly."""
    made = upload(api)
    assert api.refused("POST", "/sobjects/ContentDocument", {"Title": "x"})[0] == 400
    assert api.refused("DELETE", f"{PATH}/{made}")[0] == 400
    assert download(api, made).status_code == 200


def test_a_document_that_is_handed_over_has_versions_of_the_new_owner(api: Served) -> None:
    """Object Reference, ContentVersion, OwnerId: the document's owner. Fault: who no longer has the file goes on seeing its versions."""
    made = upload(api)
    rep = api.org.store.find_ids("User", IsActive=1)[-1]
    changed = api.call("PATCH", f"/sobjects/ContentDocument/{document(api, made)}", {"OwnerId": rep})
    assert changed.status_code == 204
    assert (api.org.store.get("ContentVersion", made) or {})["OwnerId"] == rep != api.world.admin


def test_deleting_a_document_takes_versions_and_links_along(api: Served) -> None:
    """API sheet 5: deleting a ContentDocument removes all versions; a version for it is ENTITY_IS_DELETED."""
    deal = api.world.add("Opportunity")
    first = upload(api, FirstPublishLocationId=deal)
    owner = document(api, first)
    second = upload(api, ContentDocumentId=owner)
    assert api.call("DELETE", f"/sobjects/ContentDocument/{owner}").status_code == 204
    assert records(api, f"SELECT Id FROM ContentVersion WHERE Id IN ('{first}', '{second}')") == []
    assert records(api, f"SELECT Id FROM ContentDocumentLink WHERE LinkedEntityId = '{deal}'") == []
    assert [download(api, each).status_code for each in (first, second)] == [404, 404]
    assert refusal(api, ContentDocumentId=owner)[:2] == (400, "ENTITY_IS_DELETED")


def test_a_file_on_a_deleted_deal_is_refused(api: Served) -> None:
    """API sheet 5: ENTITY_IS_DELETED. Fault: the outbox never learns that the deal is gone."""
    deal = api.world.add("Opportunity")
    api.org.store.delete("Opportunity", deal, by=api.world.admin)
    assert refusal(api, FirstPublishLocationId=deal)[:2] == (400, "ENTITY_IS_DELETED")


@pytest.mark.parametrize("status", [400, 403])
def test_a_full_org_takes_no_file(api: Served, status: int) -> None:
    """API sheet 5: STORAGE_LIMIT_EXCEEDED, whose status is unconfirmed. A switch."""
    api.org.switches.set({"file_storage_mb": 0, "storage_limit_status": status})
    assert refusal(api)[:2] == (status, "STORAGE_LIMIT_EXCEEDED")
    assert api.call("GET", "/limits").json()["FileStorageMB"]["Remaining"] == 0


def test_the_days_publications_are_counted_over_24_hours(api: Served) -> None:
    """API sheet 5: ContentPublicationLimit, 2,500 in a recorded org. Fault: the outbox goes on uploading instead of waiting for the day."""
    assert api.call("GET", "/limits").json()["ContentPublicationLimit"]["Max"] == 2_500
    used = 2_500 - api.call("GET", "/limits").json()["ContentPublicationLimit"]["Remaining"]
    api.org.switches.set({"daily_content_versions": used + 1})
    upload(api)
    assert refusal(api)[:2] == (400, "LIMIT_EXCEEDED")
    api.turn(timedelta(hours=24, seconds=2))
    upload(api)


def test_version_data_in_a_query_is_a_path_and_no_subrequest_reads_it(api: Served) -> None:
    """API sheet 5: in query JSON VersionData is that path; blob GETs are not allowed inside composite."""
    made = upload(api)
    path = f"/services/data/v66.0{PATH}/{made}/VersionData"
    assert version(api, made, "VersionData") == {"VersionData": path}
    assert api.call("GET", path).content == CONTENT
    body = {"compositeRequest": [{"method": "GET", "url": path, "referenceId": "blob"}]}
    answer = api.call("POST", "/composite", body).json()
    assert answer["compositeResponse"][0]["httpStatusCode"] == 400


def test_a_subrequest_can_create_a_small_file(api: Served) -> None:
    """API sheet 2.4 and 5: a composite POST of a ContentVersion follows the same rules."""
    values = {"PathOnClient": "sub.txt", "VersionData": encoded(b"sub")}
    url = f"/services/data/v66.0{PATH}"
    body = {"compositeRequest": [{"method": "POST", "url": url, "referenceId": "file", "body": values}]}
    made = api.call("POST", "/composite", body).json()["compositeResponse"][0]
    assert made["httpStatusCode"] == 201
    assert download(api, made["body"]["id"]).content == b"sub"


def test_the_past_of_a_file_can_be_told_on_its_first_version(api: Served) -> None:
    """API sheet 5: ContentModifiedDate is settable on the first insert."""
    made = upload(api, ContentModifiedDate="2020-02-03T04:05:06.000Z")
    assert version(api, made, "ContentModifiedDate") == {
        "ContentModifiedDate": "2020-02-03T04:05:06.000+0000"
    }


@pytest.mark.parametrize(
    ("switch", "value", "code"),
    [
        ("blocked_file_types", "exe, PDF", "FIELD_INTEGRITY_EXCEPTION"),
        ("users_may_create_files", False, "INSUFFICIENT_ACCESS_OR_READONLY"),
    ],
)
def test_what_an_administrator_forbids_of_files_is_refused_until_it_is_allowed_again(
    api: Served, switch: str, value: object, code: str
) -> None:
    """A rule for types of files, and a right that users lack: fault: a client's text for either could never be seen."""
    before = api.org.switches.as_dict()[switch]
    api.org.switches.set({switch: value})
    try:
        assert refusal(api, PathOnClient="plan.pdf")[1] == code
    finally:
        api.org.switches.set({switch: before})
    assert upload(api, PathOnClient="plan.pdf")
