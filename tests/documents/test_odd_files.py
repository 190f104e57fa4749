"""Odd files against the org: names of people, stores that are no disk, a session that dies while several are under way."""

from __future__ import annotations

import hashlib
from pathlib import Path

import fsspec
import pytest

from orchestration.documents.library import add_version
from orchestration.documents.upload import drain
from tests.sync.bench import Bench

CREATE = ".*/sobjects/ContentVersion/?"
NAMES = {
    "Angebot „Müller & Söhne“.md": "Angebot „Müller & Söhne“",
    "見積書 🙂.md": "見積書 🙂",
    'it\'s "quoted" <b>; filename=.md': 'it\'s "quoted" <b>; filename=',
    "no extension": "no extension",
}


def test_names_of_any_kind_arrive_as_they_are_and_the_bytes_with_them(
    bench: Bench, deal: str, tmp_path: Path
) -> None:
    """A quote that ends a header, an umlaut that becomes two signs, a title that is cut off before the upload is refused."""
    expected = {}
    for number, (name, title) in enumerate(NAMES.items()):
        content = f"{number} of {name}".encode()
        (tmp_path / name).write_bytes(content)
        add_version(bench.database, tmp_path / name, opportunity_id=deal, title=title)
        expected[title] = hashlib.md5(content, usedforsecurity=False).hexdigest()
    file = tmp_path / "long.md"
    file.write_bytes(b"long")
    add_version(bench.database, file, opportunity_id=deal, title="L" * 300 + ".docx")
    expected["L" * 250 + ".docx"] = hashlib.md5(b"long", usedforsecurity=False).hexdigest()
    before = bench.log_position()
    assert drain(bench.database, bench.client, run_id="upload").uploaded == len(expected)
    posts = [
        e for e in bench.org.admin("GET", f"/log?after={before}") if e["path"].endswith("/ContentVersion")
    ]
    assert sorted(e["content_type"] for e in posts) == ["application/octet-stream"] + ["text/markdown"] * 4
    ids = bench.ask("select string_agg(quote_literal(content_version_id), ',') from fluint_sync.upload")[0][0]
    shown = bench.records(f"SELECT Title, Checksum FROM ContentVersion WHERE Id IN ({ids})")
    assert {row["Title"]: row["Checksum"] for row in shown} == expected
    assert bench.ask("select distinct state, reason from fluint_sync.upload") == [("uploaded", None)]


def test_bytes_are_read_from_any_store_that_fsspec_knows(bench: Bench, deal: str, tmp_path: Path) -> None:
    """A workspace that keeps its documents in an object store would need a disk of its own for them."""
    file = tmp_path / "stored.md"
    file.write_bytes(b"in a store")
    add_version(bench.database, file, opportunity_id=deal, title="Stored")
    with fsspec.open("memory://documents/stored.md", "wb") as stored:
        stored.write(b"in a store")
    with bench.database.transaction() as connection:
        connection.execute(
            "update fluint_app.document_version set content = null, content_uri = 'memory://documents/stored.md'"
        )
    assert drain(bench.database, bench.client, run_id="upload").uploaded == 1


def test_a_version_of_more_than_two_gigabytes_or_of_none_is_given_up_unsent(
    bench: Bench, deal: str, tmp_path: Path
) -> None:
    """Half an hour of sending for a refusal, again every day."""
    for name, size in (("large", 2 * 1024**3 + 1), ("empty", 0)):
        file = tmp_path / f"{name}.md"
        file.write_text(name)
        added = add_version(bench.database, file, opportunity_id=deal, title=name)
        with bench.database.transaction() as connection:
            connection.execute(
                "update fluint_app.document_version set byte_size = %s where document_id = %s",
                [size, added.document_id],
            )
    before = bench.log_position()
    report = drain(bench.database, bench.client, run_id="upload")
    assert report.not_uploaded == {"too_large": 1, "empty_file": 1}
    assert bench.ask("select distinct state, outlook from fluint_sync.upload") == [("given_up", "given_up")]
    assert not [e for e in bench.org.admin("GET", f"/log?after={before}") if e["method"] == "POST"]


@pytest.mark.slow
@pytest.mark.parametrize("times", [1, 3])
def test_a_session_that_dies_while_several_files_are_under_way_makes_none_of_them_twice(
    bench: Bench, deal: str, tmp_path: Path, times: int
) -> None:
    """Several threads find the token dead at once; with rotation, the second renewal would end the whole grant."""
    for number in range(12):
        file = tmp_path / f"{number}.md"
        file.write_text(f"{times} {number}")
        add_version(bench.database, file, opportunity_id=deal, title=f"Dying session {times}")
        with bench.database.transaction() as connection:  # one document each, not versions of one
            connection.execute(
                "update fluint_app.document set title = title || '.' where title not like '%%.'"
            )
    fault = {"kind": "expired_token", "method": "POST", "path": CREATE, "skip": 3, "times": times}
    bench.org.admin("POST", "/faults", fault)
    uploaded = 0
    for _ in range(3):  # a token that dies the moment it was given ends a run; the next one goes on
        uploaded += drain(bench.database, bench.client, run_id="upload").uploaded
        with bench.database.transaction() as connection:
            connection.execute("update fluint_sync.upload set retry_at = null")
    assert uploaded == 12
    rows = bench.records(f"SELECT PathOnClient FROM ContentVersion WHERE Title = 'Dying session {times}.'")
    assert len(rows) == len({row["PathOnClient"] for row in rows}) == 12
