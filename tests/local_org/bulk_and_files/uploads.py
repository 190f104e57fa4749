"""Ways to bring a file into the served org, and to look at what became of it."""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.local_org.bulk_and_files.served import Served

PATH = "/sobjects/ContentVersion"
JSON = 'Content-Disposition: form-data; name="{}"\r\nContent-Type: application/json\r\n\r\n'
BLOB = 'Content-Disposition: form-data; name="VersionData"; filename="plan.pdf"{}\r\nContent-Type: application/pdf\r\n\r\n'
CONTENT = b"%PDF-1.7 \0\xff\r\n--not-the-boundary\r\n"


def encoded(content: bytes) -> str:
    """The bytes as the JSON form carries them."""
    return base64.b64encode(content).decode()


def upload(api: Served, content: bytes = CONTENT, *, by: str | None = None, **values: object) -> str:
    """Creates a version by JSON and returns its id."""
    body = {"PathOnClient": "plan.pdf", "VersionData": encoded(content), **values}
    answer = api.call("POST", PATH, body, by=by)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def refusal(api: Served, *, by: str | None = None, **values: object) -> tuple[int, str, str]:
    """How a create call is refused."""
    body = {"PathOnClient": "plan.pdf", "VersionData": encoded(CONTENT), **values}
    return api.refused("POST", PATH, {k: v for k, v in body.items() if v is not None}, by=by)


def multipart(
    values: dict[str, object], content: bytes, name: str = "entity_content", tail: str = ""
) -> bytes:
    """The body of the multipart form."""
    head = f"--b\r\n{JSON.format(name)}{json.dumps(values)}\r\n--b\r\n{BLOB.format(tail)}"
    return head.encode() + content + b"\r\n--b--\r\n"


def send(api: Served, body: Any) -> Any:
    """Sends a multipart body."""
    return api.call("POST", PATH, data=body, headers={"Content-Type": 'multipart/form-data; boundary="b"'})


def records(api: Served, soql: str, *, by: str | None = None) -> list[dict[str, Any]]:
    """The records of a query."""
    answer = api.call("GET", "/query", by=by, q=soql)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["records"]
    return found


def version(api: Served, version_id: str, fields: str = "ContentDocumentId") -> dict[str, Any]:
    """Fields of one version."""
    (found,) = records(api, f"SELECT {fields} FROM ContentVersion WHERE Id = '{version_id}'")
    return {name: value for name, value in found.items() if name != "attributes"}


def document(api: Served, version_id: str) -> str:
    """The document of a version."""
    return str(version(api, version_id)["ContentDocumentId"])


def download(api: Served, version_id: str, *, by: str | None = None) -> Any:
    """Asks for the bytes of a version."""
    return api.call("GET", f"{PATH}/{version_id}/VersionData", by=by)
