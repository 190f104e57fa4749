"""A large file on its way into the org and out: memory stays flat. Slow, since the bytes have to go somewhere."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local_org.org_process import V, org_process

PART, PARTS = bytes(range(256)) * 4_096, 500


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_half_a_gigabyte_goes_through_without_lying_in_memory(tmp_path: Path) -> None:
    """API sheet 5: multipart up to 2 GB per ContentVersion. Fault: the body is read whole, and two uploads end the org."""
    head = b'--b\r\nContent-Disposition: form-data; name="entity_content"\r\nContent-Type: application/json\r\n\r\n'
    head += b'{"PathOnClient": "large.bin", "Title": "Large"}\r\n--b\r\n'
    head += b'Content-Disposition: form-data; name="VersionData"; filename="large.bin"\r\n\r\n'

    def body() -> Iterator[bytes]:
        yield head
        for _ in range(PARTS):
            yield PART
        yield b"\r\n--b--\r\n"

    with org_process(tmp_path, "--opportunities", "30") as org:
        before = org.most_megabytes()
        address = f"{org.card.base_url}{V}/sobjects/ContentVersion"
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        made = org.http.post(address, data=body(), headers=headers, timeout=500)
        assert made.status_code == 201, made.text
        digest, size = hashlib.md5(usedforsecurity=False), 0
        with org.http.get(f"{address}/{made.json()['id']}/VersionData", stream=True, timeout=500) as answer:
            for chunk in answer.iter_content(1 << 20):
                digest.update(chunk)
                size += len(chunk)
        soql = f"SELECT ContentSize, Checksum FROM ContentVersion WHERE Id = '{made.json()['id']}'"
        (row,) = org.http.get(f"{org.card.base_url}{V}/query", params={"q": soql}, timeout=60).json()[
            "records"
        ]
        assert (row["ContentSize"], row["Checksum"]) == (size, digest.hexdigest())
        assert size == len(PART) * PARTS
        assert org.most_megabytes() - before < 100
