"""The uploader under faults: whatever happens to a request or to a look, the deal ends with exactly one version.

One loaded workspace serves the whole file; each test sends a document of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests

from orchestration.documents import upload
from orchestration.documents.library import add_version
from orchestration.documents.upload import UploadReport, drain
from orchestration.salesforce.client import Salesforce
from orchestration.salesforce.transport import Timeouts
from tests.salesforce.scripted_org import MemoryStore
from tests.sync.bench import Bench

CREATE = {"method": "POST", "path": ".*/sobjects/ContentVersion/?"}
LOOK = {"path": ".*/query(All)?", "about": "FROM ContentDocumentLink"}
Fault = dict[str, Any]


def _add(bench: Bench, folder: Path, title: str) -> str:
    file = folder / "case.md"
    file.write_text(title)
    deal = sorted(bench.live("opportunity") & bench.entitled())[0]
    add_version(bench.database, file, opportunity_id=deal, title=title)
    return deal


def _drain(bench: Bench) -> UploadReport:
    return drain(bench.database, bench.client, run_id="upload")


def _count(bench: Bench, deal: str, title: str) -> int:
    """How many versions with a title lie on a deal."""
    links = bench.records(
        f"SELECT ContentDocumentId FROM ContentDocumentLink WHERE LinkedEntityId = '{deal}'"
    )
    ids = ",".join(f"'{link['ContentDocumentId']}'" for link in links)
    where = f"ContentDocumentId IN ({ids}) AND Title = '{title}'"
    return len(bench.ids(f"SELECT Id FROM ContentVersion WHERE {where}")) if ids else 0


def _settle(bench: Bench) -> UploadReport:
    """A look, the time in which a commit could still happen by the org's clock, and another look; the last drain's report."""
    _due_now(bench)
    report = _drain(bench)
    bench.org.admin("POST", "/clock", {"seconds": upload.LATE_COMMIT.total_seconds() + 1})
    _due_now(bench)
    again = _drain(bench)
    again.found += report.found
    return again


def _due_now(bench: Bench) -> None:
    with bench.database.transaction() as connection:
        connection.execute("update fluint_sync.upload set retry_at = null")


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"kind": "unavailable_json"}, marks=pytest.mark.slow),
        pytest.param({"kind": "unavailable_html"}, marks=pytest.mark.slow),
        pytest.param({"kind": "too_many_requests"}, marks=pytest.mark.slow),
        pytest.param({"kind": "drop", "after_bytes": 5}, marks=pytest.mark.slow),
        pytest.param({"kind": "reset"}, marks=pytest.mark.slow),
        pytest.param({"kind": "lose_answer"}, marks=pytest.mark.slow),
        {"kind": "truncated_gzip"},
        pytest.param(
            {"kind": "answer", "status": 200, "body": "<html>log in to the network</html>"},
            marks=pytest.mark.slow,
        ),
        pytest.param({"kind": "expired_token"}, marks=pytest.mark.slow),
    ],
    ids=lambda fault: fault["kind"],
)
def test_a_version_whose_upload_goes_wrong_lies_on_the_deal_once(
    bench: Bench, tmp_path: Path, fault: Fault
) -> None:
    """simple-salesforce#535: carried out or not, answered or not, one document is one version."""
    title = f"Case {fault['kind']}"
    deal = _add(bench, tmp_path, title)
    bench.org.admin("POST", "/faults", {**fault, **CREATE})
    _drain(bench)
    assert bench.org.admin("GET", "/faults/hits")
    _settle(bench)
    assert bench.ask("select state from fluint_sync.upload") == [("uploaded",)]
    assert _count(bench, deal, title) == 1


def test_a_version_committed_after_our_time_out_is_found_and_not_sent_again(
    bench: Bench, tmp_path: Path
) -> None:
    """Not there at the first look, there at the second: a quarter of an hour is what keeps it from being there twice."""
    deal = _add(bench, tmp_path, "Late case")
    bench.org.admin("POST", "/faults", {"kind": "late_commit", **CREATE})
    tokens = bench.client._transport.tokens
    with requests.Session() as session:
        hasty = Salesforce(
            bench.org.app(),
            MemoryStore(tokens),
            session=session,
            sleep=lambda _: None,
            timeout=Timeouts(10, 0.5, 2),
        )
        assert drain(bench.database, hasty, run_id="upload").not_uploaded == {"answer_lost": 1}
    _due_now(bench)
    assert _drain(bench).uploaded == 0
    assert bench.org.admin("POST", "/faults/release") == {"carried_out": 1}
    assert _settle(bench).found == 1
    assert _count(bench, deal, "Late case") == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "hide_row"},
        pytest.param({"kind": "unavailable_html"}, marks=pytest.mark.slow),
        pytest.param({"kind": "truncated_gzip"}, marks=pytest.mark.slow),
        pytest.param({"kind": "quota_used_up"}, marks=pytest.mark.slow),
    ],
    ids=lambda fault: fault["kind"],
)
def test_a_look_that_goes_wrong_does_not_make_a_second_version(
    bench: Bench, tmp_path: Path, fault: Fault
) -> None:
    """A look that failed, taken for one that found nothing: the file is sent again and is there twice."""
    title = f"Look {fault['kind']}"
    deal = _add(bench, tmp_path, title)
    bench.org.admin("POST", "/faults", {"kind": "lose_answer", **CREATE})
    _drain(bench)
    bench.org.admin("POST", "/faults", {"times": 9, **fault, **LOOK})
    meanwhile = _settle(bench)
    assert meanwhile.uploaded == 0
    bench.org.admin("DELETE", "/faults")
    bench.client._transport.usage = None
    with bench.database.transaction() as connection:
        connection.execute("delete from fluint_sync.api_usage")
    assert meanwhile.found + _settle(bench).found == 1
    assert _count(bench, deal, title) == 1


def test_a_look_that_is_answered_from_a_cache_does_not_make_a_second_version(
    bench: Bench, tmp_path: Path
) -> None:
    """The answer of the first look, from before the file was there, is served for the second one."""
    deal = _add(bench, tmp_path, "Behind a cache")
    bench.org.admin("POST", "/faults", [{"kind": "unavailable_html", **CREATE}, {"kind": "repeat", **LOOK}])
    _drain(bench)  # not carried out
    _due_now(bench)
    assert _drain(bench).uploaded == 0  # the first look, which is kept
    values = {"Title": "Behind a cache", "PathOnClient": _marker(bench), "VersionData": "eA=="}
    bench.write("POST", "/sobjects/ContentVersion", {**values, "FirstPublishLocationId": deal})
    bench.org.admin("POST", "/clock", {"seconds": upload.LATE_COMMIT.total_seconds() + 1})
    _due_now(bench)
    assert _drain(bench).uploaded == 0
    assert "repeat" in [hit["kind"] for hit in bench.org.admin("GET", "/faults/hits")]
    assert _settle(bench).found == 1
    assert _count(bench, deal, "Behind a cache") == 1


def _marker(bench: Bench) -> str:
    (document,) = bench.ask("select document_id from fluint_sync.upload")[0]
    return f"{document}.v1.md"
