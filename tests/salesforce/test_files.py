"""One file, sent once: its form on the wire, its size, and what an unclear end means."""

from __future__ import annotations

import io
import json
from email.parser import BytesParser
from pathlib import Path
from typing import BinaryIO

import pytest

from orchestration.errors import IncompleteReadError, RejectedRequestError, TransientSalesforceError
from orchestration.salesforce.client import Salesforce
from tests.salesforce.scripted_org import TOKEN_PATH, Answer, Request, ScriptedOrg, refusal

PATH = "/services/data/v66.0/sobjects/ContentVersion"
FIELDS = {
    "Title": "Plan – Übersicht",
    "PathOnClient": "plan.pdf",
    "FirstPublishLocationId": "006000000000001AAA",
}
CREATED = Answer(201, {"id": "068000000000001AAA", "success": True, "errors": []})


def send(client: Salesforce, content: BinaryIO, size: int, name: str = "plan.pdf") -> str:
    """Uploads the content under the given size and name."""
    return client.create_content_version(
        FIELDS, content, file_name=name, content_type="application/pdf", size=size
    )


def parts(request: Request) -> list[tuple[str, str, bytes]]:
    """Returns name, type and bytes of each part, read by the standard library's own parser."""
    head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
    message = BytesParser().parsebytes(head + request.body)
    return [
        (
            str(part.get_param("name", header="content-disposition")),
            part.get_content_type(),
            part.get_payload(decode=True),
        )
        for part in message.get_payload()  # type: ignore[union-attr]
    ]


def test_a_file_is_sent_as_its_fields_and_its_bytes(org: ScriptedOrg, client: Salesforce) -> None:
    """Salesforce reads the JSON part first and takes the bytes as they are."""
    org.on("POST", PATH, CREATED)
    content = bytes(range(256)) * 40
    assert send(client, io.BytesIO(content), len(content)) == "068000000000001AAA"
    (first, second) = parts(org.requests[0])
    assert (first[0], first[1], json.loads(first[2])) == ("entity_content", "application/json", FIELDS)
    assert second == ("VersionData", "application/pdf", content)
    assert org.requests[0].headers["Content-Length"] == str(len(org.requests[0].body))


def test_a_file_on_disk_is_streamed_and_not_read_whole(
    org: ScriptedOrg, client: Salesforce, tmp_path: Path
) -> None:
    """A version may have two gigabytes."""
    org.on("POST", PATH, CREATED)
    path = tmp_path / "plan.pdf"
    path.write_bytes(b"x" * 3_000_000)

    class Watched(io.FileIO):
        largest = 0

        def read(self, size: int | None = -1) -> bytes:
            Watched.largest = max(Watched.largest, 10**9 if size is None or size < 0 else size)
            return super().read(size)

    with Watched(path) as content:
        send(client, content, 3_000_000)  # type: ignore[arg-type]
    assert 0 < Watched.largest <= 100_000


def test_a_name_with_quotes_and_line_breaks_stays_inside_its_header(
    org: ScriptedOrg, client: Salesforce
) -> None:
    """A name is a person's text; as a header it could end the part."""
    org.on("POST", PATH, CREATED)
    send(client, io.BytesIO(b"abc"), 3, name='a"b\r\nX-Evil: 1.pdf')
    assert len(parts(org.requests[0])) == 2
    assert b"\r\nX-Evil" not in org.requests[0].body


@pytest.mark.parametrize(("size", "words"), [(5, "too early"), (2, "longer than recorded")])
def test_a_document_of_another_size_than_recorded_is_not_sent(
    org: ScriptedOrg, client: Salesforce, size: int, words: str
) -> None:
    """Short, the server would wait for the rest; long, another document than the recorded one would lie on the deal."""
    org.on("POST", PATH, CREATED)
    with pytest.raises(IncompleteReadError, match=words):
        send(client, io.BytesIO(b"abc"), size)


@pytest.mark.parametrize(
    "lost", [Answer(503, b""), Answer(201, {"id": 1}, cut_after=2), Answer(201, {"success": True})]
)
def test_an_upload_without_a_clear_answer_is_sent_once_only(
    org: ScriptedOrg, client: Salesforce, lost: Answer
) -> None:
    """Sent again before looking, the deal would show the document twice."""
    org.on("POST", PATH, lost, CREATED)
    with pytest.raises(TransientSalesforceError):
        send(client, io.BytesIO(b"abc"), 3)
    assert len(org.asked(PATH)) == 1


def test_an_upload_whose_session_has_died_is_sent_whole_again(org: ScriptedOrg, client: Salesforce) -> None:
    """A 401 is the one refusal that proves that nothing was stored; the bytes begin anew."""
    org.on("POST", PATH, refusal(401, "INVALID_SESSION_ID"), CREATED)
    org.on("POST", TOKEN_PATH, org.token_answer())
    assert send(client, io.BytesIO(b"abc"), 3) == "068000000000001AAA"
    assert [parts(request)[1][2] for request in org.asked(PATH)] == [b"abc", b"abc"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", "may not add files to this record"),
        ("STORAGE_LIMIT_EXCEEDED", "Storage Usage"),
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "Only PDFs on closed deals"),
    ],
)
def test_a_refused_file_says_what_the_org_wants_and_keeps_its_code(
    org: ScriptedOrg, client: Salesforce, code: str, words: str
) -> None:
    """One document fails with its reason; the batch goes on."""
    org.on("POST", PATH, refusal(400, code, "Only PDFs on closed deals"))
    with pytest.raises(RejectedRequestError, match=words) as caught:
        send(client, io.BytesIO(b"abc"), 3)
    assert caught.value.code == code
