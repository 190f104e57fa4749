"""Files over TLS: a version with document and link in one call, by JSON and by multipart, the rules, and the bytes back."""

import base64
import hashlib
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from local_org.server import OrgServer
from tests.local_org.wire.conftest import Person, Web

VERSIONS = "/services/data/v66.0/sobjects/ContentVersion"
CONTENT = b"%PDF-1.7\r\n--boundary\x00\xff not a boundary\r\n"
HEAD = (
    b'--b\r\nContent-Disposition: form-data; name="e"\r\n\r\n{"PathOnClient":"a.bin"}\r\n'
    b'--b\r\nContent-Disposition: form-data; name="VersionData"; filename="a.bin"\r\n\r\n'
)
SHOWN = "ContentDocumentId, VersionNumber, IsLatest, Title, PathOnClient, FileType, FileExtension, ContentSize, Checksum"


def queried(api: Web, soql: str) -> list[dict[str, object]]:
    """The records of a query, without their attributes."""
    answer = api.get("/services/data/v66.0/query", params={"q": soql})
    assert answer.status_code == 200, answer.text
    return [
        {name: value for name, value in each.items() if name != "attributes"}
        for each in answer.json()["records"]
    ]


def posted(
    api: Web, values: object, content: bytes | Iterator[bytes] = CONTENT, part: str = "entity_content"
) -> requests.Response:
    """Creates a version by multipart, as the REST guide shows it: JSON first, then the bytes."""
    files = {
        part: (None, json.dumps(values), "application/json"),
        "VersionData": ("offer.pdf", content, "application/pdf"),
    }
    return api.post(VERSIONS, files=files)  # type: ignore[arg-type]


@pytest.fixture
def deal(served: OrgServer) -> str:
    """An opportunity that the integration user may edit."""
    return str(served.org.store.select("select Id from Opportunity where IsDeleted = 0")[0][0])


def offer(**more: object) -> dict[str, object]:
    """A record with what a file needs, and more."""
    return {"PathOnClient": "Offer 2026.PDF", **more}


def test_a_first_version_on_a_record_makes_document_and_link_with_it(api: Web, deal: str) -> None:
    """One call, one transaction: without the link nobody finds the file, without the document there is no next version."""
    answer = posted(api, offer(Title="Offer", FirstPublishLocationId=deal))
    assert answer.status_code == 201
    version_id = answer.json()["id"]
    assert answer.json() == {"id": version_id, "success": True, "errors": []}
    assert answer.headers["Location"] == f"{VERSIONS}/{version_id}"
    assert (version_id[:3], len(version_id)) == ("068", 18)
    version = queried(api, f"SELECT {SHOWN} FROM ContentVersion WHERE Id = '{version_id}'")[0]
    document_id = version.pop("ContentDocumentId")
    assert version == {
        "VersionNumber": "1", "IsLatest": True, "Title": "Offer", "PathOnClient": "Offer 2026.PDF", "FileType": "PDF",
        "FileExtension": "pdf", "ContentSize": len(CONTENT), "Checksum": hashlib.md5(CONTENT, usedforsecurity=False).hexdigest(),
    }  # fmt: skip
    links = queried(
        api,
        "SELECT ContentDocumentId, ShareType, ContentDocument.Title, ContentDocument.LatestPublishedVersionId"
        f" FROM ContentDocumentLink WHERE LinkedEntityId = '{deal}' AND ContentDocumentId = '{document_id}'",
    )
    assert len(links) == 1
    assert (links[0]["ContentDocumentId"], links[0]["ShareType"]) == (document_id, "V")
    shown = links[0]["ContentDocument"]
    assert isinstance(shown, dict)
    assert (shown["Title"], shown["LatestPublishedVersionId"]) == ("Offer", version_id)


def test_a_next_version_takes_the_place_of_the_latest(api: Web, deal: str) -> None:
    """Two latest versions, or a second document, is what a rep would see as two files."""
    first = posted(api, offer(FirstPublishLocationId=deal)).json()["id"]
    document_id = queried(api, f"SELECT ContentDocumentId FROM ContentVersion WHERE Id = '{first}'")[0][
        "ContentDocumentId"
    ]
    second = posted(
        api, offer(PathOnClient="Offer v2.docx", ContentDocumentId=document_id), b"second"
    ).json()["id"]
    soql = (
        "SELECT Id, VersionNumber, IsLatest, FileType FROM ContentVersion"
        f" WHERE ContentDocumentId = '{document_id}' ORDER BY VersionNumber"
    )
    assert queried(api, soql) == [
        {"Id": first, "VersionNumber": "1", "IsLatest": False, "FileType": "PDF"},
        {"Id": second, "VersionNumber": "2", "IsLatest": True, "FileType": "WORD_X"},
    ]
    document = queried(
        api,
        f"SELECT Title, LatestPublishedVersionId, ContentSize FROM ContentDocument WHERE Id = '{document_id}'",
    )
    assert document == [{"Title": "Offer v2", "LatestPublishedVersionId": second, "ContentSize": 6}]


def test_the_bytes_come_back_as_they_were_sent(api: Web, deal: str) -> None:
    """Bytes that look like a boundary, NUL, and every value of a byte survive."""
    content = bytes(range(256)) * 5_000 + CONTENT
    version_id = posted(api, offer(FirstPublishLocationId=deal), content).json()["id"]
    answer = api.get(f"{VERSIONS}/{version_id}/VersionData")
    assert answer.content == content
    assert answer.headers["Content-Type"] == "application/octet-stream"
    path = queried(api, f"SELECT VersionData FROM ContentVersion WHERE Id = '{version_id}'")[0]["VersionData"]
    assert path == f"{VERSIONS}/{version_id}/VersionData"


def test_json_with_base64_makes_the_same_version(api: Web, deal: str) -> None:
    """Both ways of the guide must lead to the same record."""
    body = offer(FirstPublishLocationId=deal, VersionData=base64.b64encode(CONTENT).decode())
    version_id = api.post(VERSIONS, json=body).json()["id"]
    assert api.get(f"{VERSIONS}/{version_id}/VersionData").content == CONTENT
    assert queried(api, f"SELECT Title FROM ContentVersion WHERE Id = '{version_id}'") == [
        {"Title": "Offer 2026"}
    ]


def test_a_composite_makes_a_file_too(api: Web, deal: str) -> None:
    """Whatever way a version comes in, document and link come with it."""
    body = offer(
        FirstPublishLocationId=deal, Title="By composite", VersionData=base64.b64encode(CONTENT).decode()
    )
    part = {"method": "POST", "url": VERSIONS, "referenceId": "file", "body": body}
    answer = api.post("/services/data/v66.0/composite", json={"compositeRequest": [part]}).json()[
        "compositeResponse"
    ][0]
    assert answer["httpStatusCode"] == 201, answer
    assert api.get(f"{VERSIONS}/{answer['body']['id']}/VersionData").content == CONTENT


@pytest.mark.parametrize("part", ["entity_content", "entity_document", "anything"])
def test_the_first_part_may_have_any_name(api: Web, part: str) -> None:
    """Salesforce's own examples differ in it."""
    assert posted(api, offer(), part=part).status_code == 201


def test_a_content_disposition_that_ends_in_a_semicolon_is_read(api: Web) -> None:
    """The guide prints it so, and clients copied it."""
    body = (
        b'--b\r\nContent-Disposition: form-data; name="entity_content";\r\nContent-Type: application/json\r\n\r\n'
        b'{"PathOnClient":"a.txt"}\r\n'
        b'--b\r\nContent-Type: text/plain\r\nContent-Disposition: form-data; name="VersionData"; filename="a.txt"\r\n\r\n'
        b"bytes\r\n--b--"
    )
    answer = api.post(VERSIONS, data=body, headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert answer.status_code == 201, answer.text
    assert api.get(f"{VERSIONS}/{answer.json()['id']}/VersionData").content == b"bytes"


def test_identical_bytes_make_a_second_file(api: Web) -> None:
    """Nothing is de-duplicated: an upload that is repeated after a lost answer is there twice."""
    ids = {posted(api, offer()).json()["id"] for _ in range(2)}
    soql = "SELECT ContentDocumentId FROM ContentVersion WHERE Id IN ('{}')".format("', '".join(ids))
    assert len({each["ContentDocumentId"] for each in queried(api, soql)}) == 2


@pytest.mark.parametrize(
    ("values", "code", "fields"),
    [
        ({"Title": "No path"}, "REQUIRED_FIELD_MISSING", ["PathOnClient"]),
        (offer(Title="x" * 256), "STRING_TOO_LONG", ["Title"]),
        ({"PathOnClient": "x" * 501}, "STRING_TOO_LONG", ["PathOnClient"]),
        (offer(FirstPublishLocationId="006000000000001AAA"), "INVALID_CROSS_REFERENCE_KEY", []),
        (offer(ContentDocumentId="069000000000001AAA"), "INVALID_CROSS_REFERENCE_KEY", []),
        (offer(FirstPublishLocationId="nonsense"), "MALFORMED_ID", ["FirstPublishLocationId"]),
        (offer(Checksum="x"), "INVALID_FIELD_FOR_INSERT_UPDATE", ["Checksum"]),
        (offer(Nonsense="x"), "INVALID_FIELD", None),
        ("not a record", "JSON_PARSER_ERROR", None),
    ],
)
def test_a_record_that_breaks_a_rule_is_refused_and_leaves_nothing(
    api: Web, served: OrgServer, values: object, code: str, fields: list[str] | None
) -> None:
    """A refusal that left a document behind would be a file without a version."""
    before = served.org.store.select("select count(*) from ContentDocument")
    answer = posted(api, values)
    assert answer.status_code == 400
    assert (answer.json()[0]["errorCode"], answer.json()[0].get("fields")) == (code, fields)
    assert served.org.store.select("select count(*) from ContentDocument") == before
    assert leftovers(served) == []


def leftovers(served: OrgServer) -> list[Path]:
    """Files of uploads that came to nothing."""
    return list((served.org.directory / "files" / "incoming").iterdir())


def test_a_deleted_target_is_said_to_be_deleted(api: Web, served: OrgServer) -> None:
    """The upload then waits for a person, and the text must tell deleted from never there."""
    deleted = str(served.org.store.select("select Id from Opportunity where IsDeleted = 1")[0][0])
    answer = posted(api, offer(FirstPublishLocationId=deleted))
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "ENTITY_IS_DELETED")


@pytest.fixture
def reader(served: OrgServer) -> Iterator[Web]:
    """A rep who sees every opportunity and may change only those of his own."""
    store, admin = served.org.store, served.org.system_user_id
    rep = served.org.user_by_username("edward.moore@acme.example")
    assert rep is not None
    granted = store.insert("PermissionSet", {"Name": "Sees_deals", "Label": "Sees deals"}, by=admin)
    flags = {"PermissionsRead": True, "PermissionsViewAllRecords": True}
    store.insert("ObjectPermissions", {"ParentId": granted, "SobjectType": "Opportunity", **flags}, by=admin)
    values = {"PermissionSetId": granted, "AssigneeId": rep["Id"], "IsActive": True}
    assignment = store.insert("PermissionSetAssignment", values, by=admin)
    yield Web(served, Person(served, str(rep["Username"])).connect()["access_token"])
    store.delete("PermissionSetAssignment", assignment, by=admin)


@pytest.mark.parametrize("status", [400, 403])
def test_a_record_that_the_user_may_only_read_takes_no_file(
    reader: Web, served: OrgServer, status: int
) -> None:
    """Sources differ on the status, so the client must take either; the code is what tells."""
    reader.switch(insufficient_access_status=status)
    others = "SELECT Id FROM Opportunity WHERE Owner.Username != 'edward.moore@acme.example' LIMIT 1"
    answer = posted(reader, offer(FirstPublishLocationId=queried(reader, others)[0]["Id"]))
    code = "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY"
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (status, code)


def test_a_document_that_the_user_may_only_see_takes_no_version(
    reader: Web, api: Web, served: OrgServer
) -> None:
    """A viewer's link shows the file; only its owner and collaborators put a version on it."""
    own = "SELECT Id FROM Opportunity WHERE Owner.Username = 'edward.moore@acme.example' LIMIT 1"
    deal = queried(reader, own)[0]["Id"]
    version_id = posted(api, offer(FirstPublishLocationId=deal)).json()["id"]
    soql = f"SELECT ContentDocumentId FROM ContentVersion WHERE Id = '{version_id}'"
    document_id = queried(reader, soql)[0]["ContentDocumentId"]
    answer = posted(reader, offer(ContentDocumentId=document_id))
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INSUFFICIENT_ACCESS_OR_READONLY")
    link = f"update ContentDocumentLink set ShareType = 'C' where ContentDocumentId = '{document_id}'"
    served.org.store.execute(link)
    assert posted(reader, offer(ContentDocumentId=document_id)).status_code == 201


def test_a_new_version_cannot_move_the_document(api: Web, deal: str) -> None:
    """Location belongs to the first version alone."""
    first = posted(api, offer()).json()["id"]
    document_id = queried(api, f"SELECT ContentDocumentId FROM ContentVersion WHERE Id = '{first}'")[0][
        "ContentDocumentId"
    ]
    answer = posted(api, offer(ContentDocumentId=document_id, FirstPublishLocationId=deal))
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "FIELD_INTEGRITY_EXCEPTION")


def test_an_upload_without_bytes_is_refused(api: Web) -> None:
    """A record without its file must not come into being."""
    answer = api.post(VERSIONS, json=offer())
    assert answer.json()[0]["fields"] == ["VersionData"]
    only_json = api.post(VERSIONS, files={"entity_content": (None, json.dumps(offer()), "application/json")})
    assert only_json.json()[0]["fields"] == ["VersionData"]


def test_a_body_that_ends_too_early_makes_nothing(api: Web, served: OrgServer) -> None:
    """A connection that breaks during the upload must not leave half a file that looks whole."""
    before = served.org.store.select("select count(*) from ContentVersion")
    body = HEAD + b"half"
    answer = api.post(VERSIONS, data=body, headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert answer.status_code == 400
    assert served.org.store.select("select count(*) from ContentVersion") == before
    assert leftovers(served) == []


def test_the_days_versions_and_the_storage_are_limited_as_limits_says(api: Web) -> None:
    """The upload must stop before the org is full, and it learns from /limits when that is."""
    posted(api, offer())
    limit = api.get("/services/data/v66.0/limits").json()["ContentPublicationLimit"]
    used = limit["Max"] - limit["Remaining"]
    assert used > 0
    api.switch(daily_content_versions=used)
    assert posted(api, offer()).json()[0]["errorCode"] == "LIMIT_EXCEEDED"
    api.switch(daily_content_versions=used + 5, file_storage_mb=0)
    full = posted(api, offer())
    assert (full.status_code, full.json()[0]["errorCode"]) == (403, "STORAGE_LIMIT_EXCEEDED")


def test_links_are_only_found_by_an_id(api: Web) -> None:
    """The recorded refusal of a query without Id, ContentDocumentId or LinkedEntityId (section 5)."""
    answer = api.get("/services/data/v66.0/query", params={"q": "SELECT Id FROM ContentDocumentLink"})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "MALFORMED_QUERY")
    assert "ContentDocumentLink requires a filter by a single Id" in answer.json()[0]["message"]


def test_a_file_of_someone_else_is_as_good_as_absent(api: Web, served: OrgServer) -> None:
    """Without Query All Files a file in another user's library is not seen; its bytes must not be either."""
    version_id = posted(api, offer()).json()["id"]
    rep = Web(served, Person(served, "edward.moore@acme.example").connect()["access_token"])
    assert queried(rep, f"SELECT Id FROM ContentVersion WHERE Id = '{version_id}'") == []
    answer = rep.get(f"{VERSIONS}/{version_id}/VersionData")
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (404, "NOT_FOUND")


def test_a_large_upload_is_streamed_to_disk(api: Web, served: OrgServer) -> None:
    """Two gigabytes are allowed: the org may hold a block of it in memory, never the whole."""
    size, block = 64 * 1024 * 1024, b"\x5a" * (1024 * 1024)

    def body() -> Iterator[bytes]:
        yield HEAD
        for _ in range(size // len(block)):
            yield block
        yield b"\r\n--b--"

    tracemalloc.start()
    answer = api.post(VERSIONS, data=body(), headers={"Content-Type": "multipart/form-data; boundary=b"})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert answer.status_code == 201, answer.text
    assert peak < size / 4
