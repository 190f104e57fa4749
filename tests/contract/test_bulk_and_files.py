"""Bulk query jobs and uploads against the local org, and what the org's own log says the client ever does."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pytest

from orchestration.errors import (
    BulkUnavailableError,
    MissingFieldError,
    RejectedRequestError,
    TransientSalesforceError,
)
from orchestration.salesforce import soql
from orchestration.salesforce.client import Salesforce
from tests.contract.running_org import RunningOrg, V
from tests.salesforce.scripted_org import MemoryStore

MAILS = soql.select(["Id", "Subject", "TextBody", "RelatedToId", "Incoming", "MessageDate"], "EmailMessage")


def read(client: Salesforce, statement: str) -> tuple[list[list[str]], list[int], int]:
    """Returns all rows of a job, the header lines left out, with what the pages and the job announced."""
    rows: list[list[str]] = []
    announced: list[int] = []
    with client.bulk_query(statement) as job:
        for page in job.pages():
            text = io.StringIO(b"".join(page.chunks).decode().replace("\0", ""), newline="")
            rows += list(csv.reader(text))[1:]
            announced.append(page.announced)
        return rows, announced, job.record_count


def jobs(org: RunningOrg, store: MemoryStore) -> list[dict[str, object]]:
    """The query jobs that the org still holds; other tests of this org may have lost some, with the answer that named them."""
    records: list[dict[str, object]] = org.call(store.tokens, "GET", "/jobs/query").json()["records"]
    return records


def test_a_bulk_job_gives_every_row_that_rest_gives(
    org: RunningOrg, client: Salesforce, store: MemoryStore
) -> None:
    """In several pages, with messy texts, and nothing left behind."""
    before = jobs(org, store)
    org.admin("PATCH", "/switches", {"bulk_page_records": 500})
    rows, announced, count = read(client, MAILS)
    by_rest = {row["Id"] for page in client.query("SELECT Id FROM EmailMessage") for row in page.records()}
    assert len(announced) > 2
    assert len(rows) == sum(announced) == count == len(by_rest)
    assert {row[0] for row in rows} == by_rest
    assert any("\n" in row[2] for row in rows)
    assert jobs(org, store) == before


def test_the_jobs_time_lies_before_anything_that_it_read(client: Salesforce) -> None:
    """It is the read_at of all its rows: later, a stale row would win."""
    before = client.server_time()
    with client.bulk_query("SELECT Id FROM User") as job:
        assert job.created_at - before < timedelta(seconds=30)
        assert job.created_at <= client.server_time()


@pytest.mark.parametrize("has_header", [True, False])
def test_a_job_without_rows_is_empty_and_not_broken(
    org: RunningOrg, client: Salesforce, has_header: bool
) -> None:
    """Nobody could confirm which of the two a real org answers."""
    org.admin("PATCH", "/switches", {"bulk_header_when_empty": has_header})
    statement = soql.select(["Id"], "Opportunity", [soql.equal("Name", "there is no such deal")])
    assert read(client, statement) == ([], [0], 0)


def test_a_day_without_jobs_left_leaves_the_read_to_rest(org: RunningOrg, client: Salesforce) -> None:
    """The sync goes on within its calls."""
    org.admin("PATCH", "/switches", {"daily_bulk_query_jobs": 0})
    with pytest.raises(BulkUnavailableError, match="read by REST instead"):
        read(client, MAILS)


def test_a_hidden_field_is_told_like_everywhere_else(client: Salesforce) -> None:
    """The permission is missing whichever API is asked."""
    with pytest.raises(MissingFieldError, match=r"EmailMessage\.Nope__c"):
        read(client, "SELECT Id, Nope__c FROM EmailMessage")


def test_a_stuck_job_is_aborted_and_removed(org: RunningOrg, client: Salesforce, store: MemoryStore) -> None:
    """The run goes on, the org is left clean."""
    before = jobs(org, store)
    org.admin("PATCH", "/switches", {"bulk_processing_seconds": 60.0})
    with (
        pytest.raises(BulkUnavailableError, match="in time"),
        client.bulk_query(MAILS, deadline=timedelta(seconds=0.5)),
    ):
        pass
    assert jobs(org, store) == before


def test_results_that_break_off_are_a_failed_read(
    org: RunningOrg, client: Salesforce, store: MemoryStore
) -> None:
    """What came before the break must not count."""
    before = jobs(org, store)
    org.admin("POST", "/faults", {"kind": "drop", "after_bytes": 2_000, "path": ".*/results"})
    with pytest.raises(TransientSalesforceError, match="cut off"):
        read(client, MAILS)
    assert jobs(org, store) == before


def upload(client: Salesforce, content: bytes, **fields: str) -> str:
    """Uploads a PDF."""
    named = {"Title": "Plan – „Übersicht“", "PathOnClient": "plan.pdf", **fields}
    return client.create_content_version(
        named, io.BytesIO(content), file_name="plan.pdf", content_type="application/pdf", size=len(content)
    )


def test_two_versions_of_a_document_lie_on_the_deal_with_their_bytes(
    org: RunningOrg, client: Salesforce, store: MemoryStore
) -> None:
    """First with the deal, then with the document: one file on the record, two versions in it."""
    (deal,) = next(client.query("SELECT Id FROM Opportunity WHERE IsDeleted = false LIMIT 1")).records()
    first = upload(client, b"%PDF-1 \0\xff\r\n--first", FirstPublishLocationId=deal["Id"])
    (row,) = next(
        client.query(f"SELECT ContentDocumentId FROM ContentVersion WHERE Id = '{first}'")
    ).records()
    second = upload(client, b"%PDF-2", ContentDocumentId=row["ContentDocumentId"])
    links = next(
        client.query(
            f"SELECT ContentDocumentId FROM ContentDocumentLink WHERE LinkedEntityId = '{deal['Id']}'"
        )
    )
    assert row["ContentDocumentId"] in {link["ContentDocumentId"] for link in links.records()}
    bodies = [
        org.call(store.tokens, "GET", f"/sobjects/ContentVersion/{one}/VersionData").content
        for one in (first, second)
    ]
    assert bodies == [b"%PDF-1 \0\xff\r\n--first", b"%PDF-2"]
    versions = next(
        client.query(
            f"SELECT Title, VersionNumber FROM ContentVersion WHERE ContentDocumentId = '{row['ContentDocumentId']}'"
        )
    )
    assert sorted(one["VersionNumber"] for one in versions.records()) == ["1", "2"]
    assert {one["Title"] for one in versions.records()} == {"Plan – „Übersicht“"}


def test_a_file_for_a_deal_that_is_not_there_is_refused_with_its_code(client: Salesforce) -> None:
    """The outbox keeps the reason with the document."""
    with pytest.raises(RejectedRequestError) as caught:
        upload(client, b"x", FirstPublishLocationId="006000000000000AAA")
    assert caught.value.code


def test_an_upload_whose_answer_is_lost_was_stored_once(org: RunningOrg, client: Salesforce) -> None:
    """The client does not send again by itself: the outbox looks first."""
    org.admin("POST", "/faults", {"kind": "lose_answer", "path": ".*/sobjects/ContentVersion"})
    with pytest.raises(TransientSalesforceError):
        upload(client, b"once", PathOnClient="lost-answer.pdf")
    found = next(client.query("SELECT Id FROM ContentVersion WHERE PathOnClient = 'lost-answer.pdf'"))
    assert found.count == 1


ALLOWED = (
    ("GET", rf"{V}/(query|queryAll)(/|/0r8\w+-\d+)?"),
    ("GET", rf"{V}/sobjects/\w+/(describe|deleted/?)"),
    ("POST", rf"{V}/composite(/sobjects/\w+)?"),
    ("POST", rf"{V}/jobs/query"),
    ("GET|PATCH|DELETE", rf"{V}/jobs/query/750\w+"),
    ("GET", rf"{V}/jobs/query/750\w+/results"),
    ("POST", rf"{V}/sobjects/ContentVersion"),
    ("GET", r"/services/data"),
)


def test_the_orgs_log_shows_nothing_but_what_the_client_may_do(org: RunningOrg, client: Salesforce) -> None:
    """Read-only by construction, proven by the other side."""
    org.admin("DELETE", "/log")
    now = client.server_time()
    client.organization()
    client.describe("Contact")
    list(client.query("SELECT Id FROM EmailMessage"))
    client.query_many(["SELECT Id FROM User"])
    client.deleted("Opportunity", now - timedelta(hours=1), now)
    read(client, "SELECT Id FROM User")
    upload(client, b"log")
    seen = {(entry["method"], entry["path"]) for entry in org.log(14)}
    strays = [
        (method, path)
        for method, path in seen
        if not any(re.fullmatch(m, method) and re.fullmatch(p, path) for m, p in ALLOWED)
    ]
    assert len(seen) >= 9
    assert not strays
