"""Bulk API 2.0 query jobs over TLS: what is accepted, the states, and the pages byte for byte."""

import csv
import io
import time
from collections.abc import Sequence
from datetime import timedelta

import pytest
import requests

from local_org.demo_data import cast
from local_org.server import OrgServer
from tests.local_org.wire.conftest import Person, Web

JOBS = "/services/data/v66.0/jobs/query"
OPPORTUNITIES = "SELECT Id, Name, Amount, IsWon, CloseDate, SystemModstamp, Account.Name FROM Opportunity"
TERMINAL = {"JobComplete", "Failed", "Aborted"}


def created(api: Web, query: str, **more: str) -> requests.Response:
    """Asks for a job."""
    return api.post(JOBS, json={"operation": "query", "query": query} | more)


def ended(api: Web, job_id: str) -> dict[str, object]:
    """Waits for a job's end and gives its document."""
    for _ in range(200):
        document = dict(api.get(f"{JOBS}/{job_id}").json())
        if document["state"] in TERMINAL:
            return document
        time.sleep(0.02)
    raise TimeoutError(f"Job {job_id} did not end")


def finished(api: Web, query: str, **more: str) -> str:
    """Runs a job to its end and gives its id."""
    answer = created(api, query, **more)
    assert answer.status_code == 200, answer.text
    job_id = str(answer.json()["id"])
    assert ended(api, job_id)["state"] == "JobComplete"
    return job_id


def pages(api: Web, job_id: str, **parameters: object) -> list[requests.Response]:
    """Reads all pages of a job, following the locator to the text `null`."""
    found: list[requests.Response] = []
    locator = ""
    while locator != "null":
        given = {**parameters, **({"locator": locator} if locator else {})}
        found.append(api.get(f"{JOBS}/{job_id}/results", params=given))
        assert found[-1].status_code == 200, found[-1].text
        locator = found[-1].headers["Sforce-Locator"]
    return found


def rows_of(answers: Sequence[requests.Response]) -> list[list[str]]:
    """The data rows of pages, each without its header line."""
    found: list[list[str]] = []
    for answer in answers:
        lines = list(csv.reader(io.StringIO(answer.content.decode(), newline="")))
        assert len(lines) - 1 == int(answer.headers["Sforce-NumberOfRecords"])
        found += lines[1:]
    return found


def ids_in(served: OrgServer, where: str) -> list[str]:
    """Ids straight from the store: the oracle that shares nothing with SOQL or Bulk."""
    return [str(row[0]) for row in served.org.store.select(f"select Id from {where}")]


def test_a_created_job_is_described_as_the_guide_shows(api: Web, served: OrgServer) -> None:
    """200 and not 201, no counters yet, and the version as a number (section 3.1)."""
    answer = created(api, OPPORTUNITIES)
    document = answer.json()
    assert answer.status_code == 200
    assert document.keys() == {
        "id", "operation", "object", "createdById", "createdDate", "systemModstamp", "state", "concurrencyMode",
        "contentType", "apiVersion", "lineEnding", "columnDelimiter",
    }  # fmt: skip
    assert (document["object"], document["state"], document["apiVersion"]) == (
        "Opportunity",
        "UploadComplete",
        66.0,
    )
    assert (document["id"][:3], len(document["id"])) == ("750", 18)
    assert document["createdDate"].endswith(".000+0000")


def test_a_job_goes_through_its_states_and_then_tells_its_count(api: Web, served: OrgServer) -> None:
    """A client that reads results before JobComplete, or trusts its own count, is wrong on every large object."""
    api.switch(bulk_queued_seconds=0.2, bulk_processing_seconds=0.2)
    job_id = created(api, OPPORTUNITIES).json()["id"]
    seen = [str(api.get(f"{JOBS}/{job_id}").json()["state"])]
    early = api.get(f"{JOBS}/{job_id}/results")
    while seen[-1] not in TERMINAL:
        time.sleep(0.02)
        seen.append(str(api.get(f"{JOBS}/{job_id}").json()["state"]))
    assert list(dict.fromkeys(seen)) == ["UploadComplete", "InProgress", "JobComplete"]
    assert (early.status_code, early.json()[0]["errorCode"]) == (400, "INVALIDJOBSTATE")
    document = api.get(f"{JOBS}/{job_id}").json()
    assert document["numberRecordsProcessed"] == len(ids_in(served, "Opportunity where IsDeleted = 0"))
    assert (document["jobType"], document["retries"], document["isPkChunkingSupported"]) == (
        "V2Query",
        0,
        True,
    )
    assert document["totalProcessingTime"] >= 200


def test_the_pages_of_a_job_hold_each_row_once_with_a_header_each(api: Web, served: OrgServer) -> None:
    """A row lost or doubled at a page's edge is the classic fault of a reader."""
    job_id = finished(api, OPPORTUNITIES)
    answers = pages(api, job_id, maxRecords=7)
    assert {answer.content.split(b"\n")[0] for answer in answers} == {
        b'"Id","Name","Amount","IsWon","CloseDate","SystemModstamp","Account.Name"'
    }
    rows = rows_of(answers)
    assert sorted(row[0] for row in rows) == sorted(ids_in(served, "Opportunity where IsDeleted = 0"))
    again = api.get(f"{JOBS}/{job_id}/results", params={"maxRecords": 7})
    assert again.content == answers[0].content


def test_rows_come_in_no_order_unless_the_query_asks_for_one(api: Web) -> None:
    """A client that takes the last row for the newest works on a small org and loses rows on a large one."""
    unordered = [row[0] for row in rows_of(pages(api, finished(api, "SELECT Id FROM Opportunity")))]
    ordered = [
        row[0] for row in rows_of(pages(api, finished(api, "SELECT Id FROM Opportunity ORDER BY Id DESC")))
    ]
    assert ordered == sorted(ordered, reverse=True)
    assert unordered not in (sorted(unordered), ordered)


def test_values_are_written_in_salesforces_csv_dialect(api: Web, served: OrgServer) -> None:
    """All quoted, quotes doubled, null and blank alike empty, lower-case booleans, times with Z, raw NUL and line breaks kept."""
    store = served.org.store
    user_id = served.org.user_by_username(served.registration.username)["Id"]  # type: ignore[index]
    name = 'Ünïcode "quoted", with\ncomma'
    stage = store.select("select ApiName from OpportunityStage where IsWon = 1")[0][0]
    values = {
        "Name": name,
        "StageName": stage,
        "CloseDate": "2026-05-01",
        "Description": "before\x00after",
        "Amount": 1234.5,
    }
    deal_id = store.insert("Opportunity", values, by=str(user_id))
    fields = "Name, Description, Amount, NextStep, IsWon, CloseDate, Account.Name, CreatedDate"
    job_id = finished(api, f"SELECT {fields} FROM Opportunity WHERE Id = '{deal_id}'")
    text = pages(api, job_id)[0].content.decode()
    stamp = str(store.get("Opportunity", deal_id)["CreatedDate"])  # type: ignore[index]
    store.delete("Opportunity", deal_id, by=str(user_id))
    assert text.partition("\n")[2] == (
        f'"Ünïcode ""quoted"", with\ncomma","before\x00after","1234.5","","true","2026-05-01","","{stamp}"\n'
    )
    assert stamp.endswith(".000Z")


def test_another_delimiter_and_line_ending_are_used_when_asked_for(api: Web) -> None:
    """Both are part of the job, and a reader that assumes commas must fail here."""
    job_id = finished(
        api, "SELECT Id, Name FROM Opportunity LIMIT 1", columnDelimiter="TAB", lineEnding="CRLF"
    )
    content = pages(api, job_id)[0].content
    assert content.startswith(b'"Id"\t"Name"\r\n')
    assert content.endswith(b'"\r\n')


@pytest.mark.parametrize(("header", "expected"), [(True, b'"Id"\n'), (False, b"")])
def test_a_job_without_rows_answers_a_header_or_nothing(api: Web, header: bool, expected: bytes) -> None:
    """Nobody could confirm which (section 3.3): the client must take both for zero rows."""
    api.switch(bulk_header_when_empty=header)
    job_id = finished(api, "SELECT Id FROM Opportunity WHERE Name = 'no such deal'")
    answer = api.get(f"{JOBS}/{job_id}/results")
    assert (answer.content, answer.headers["Sforce-NumberOfRecords"], answer.headers["Sforce-Locator"]) == (
        expected,
        "0",
        "null",
    )


def test_query_all_returns_deleted_rows_and_query_does_not(api: Web, served: OrgServer) -> None:
    """Tombstones come from queryAll alone."""
    deleted = set(ids_in(served, "Opportunity where IsDeleted = 1"))
    soql = "SELECT Id FROM Opportunity"
    live = {row[0] for row in rows_of(pages(api, finished(api, soql)))}
    everything = {row[0] for row in rows_of(pages(api, finished(api, soql, operation="queryAll")))}
    assert deleted
    assert everything - live == deleted


def test_pages_are_cut_by_size_too(api: Web) -> None:
    """A page may hold fewer rows than maxRecords: the locator ends the reading, not a short page."""
    api.switch(bulk_page_bytes=2_000)
    job_id = finished(api, OPPORTUNITIES)
    answers = pages(api, job_id, maxRecords=1_000)
    assert len(answers) > 3
    assert max(len(answer.content) for answer in answers) < 2_200
    assert len(rows_of(answers)) == ended(api, job_id)["numberRecordsProcessed"]


def test_a_compressed_page_says_so_and_holds_the_same(api: Web) -> None:
    """Readers that stream must decode what they asked to have encoded."""
    job_id = finished(api, OPPORTUNITIES)
    answers = [
        api.get(f"{JOBS}/{job_id}/results", headers={"Accept-Encoding": encoding})
        for encoding in ("gzip", "identity")
    ]
    assert [answer.headers.get("Content-Encoding") for answer in answers] == ["gzip", None]
    assert answers[0].content == answers[1].content


def test_result_pages_lead_to_all_pages_five_at_a_time(api: Web, served: OrgServer) -> None:
    """Parallel readers take their links from here; the links of one answer do not overlap (v58 and later)."""
    api.switch(bulk_page_records=8)
    job_id = finished(api, OPPORTUNITIES)
    assert api.get(f"/services/data/v57.0/jobs/query/{job_id}/resultPages").status_code == 404
    links: list[str] = []
    url, done = f"{JOBS}/{job_id}/resultPages", False
    while not done:
        answer = api.get(url).json()
        assert len(answer["resultPages"]) <= 5
        links += [link["resultUrl"] for link in answer["resultPages"]]
        url, done = answer["nextRecordsUrl"], answer["done"]
    rows = rows_of([api.get(link) for link in links])
    assert len(links) > 5
    assert sorted(row[0] for row in rows) == sorted(ids_in(served, "Opportunity where IsDeleted = 0"))


@pytest.mark.parametrize("resource", ["results", "resultPages"])
def test_results_asked_for_with_another_version_are_refused_with_409(api: Web, resource: str) -> None:
    """A client that upgrades its version while a job runs meets this."""
    job_id = finished(api, OPPORTUNITIES)
    assert api.get(f"/services/data/v65.0/jobs/query/{job_id}/{resource}").status_code == 409


def test_links_without_an_id_filter_end_as_a_failed_job_with_its_reason(api: Web) -> None:
    """The refusal is found when the job runs: a client must read state and errorMessage, not the answer to create alone."""
    job_id = created(api, "SELECT Id, LinkedEntityId FROM ContentDocumentLink").json()["id"]
    document = ended(api, job_id)
    assert document["state"] == "Failed"
    assert "Implementation restriction" in str(document["errorMessage"])
    assert api.get(f"{JOBS}/{job_id}/results").status_code == 400


def test_a_job_can_be_aborted_until_it_ends_and_deleted_after(api: Web) -> None:
    """The client cleans up after itself: abort what runs, delete what ended, never the other way round."""
    api.switch(bulk_queued_seconds=5.0)
    job = f"{JOBS}/{created(api, OPPORTUNITIES).json()['id']}"
    too_early = api.delete(job)
    assert (too_early.status_code, too_early.json()[0]["errorCode"]) == (400, "API_ERROR")
    aborted = api.patch(job, json={"state": "Aborted"})
    assert (aborted.status_code, aborted.json()["state"]) == (200, "Aborted")
    too_late = api.patch(job, json={"state": "Aborted"})
    assert too_late.json() == [
        {"message": "Aborting already Completed Job not allowed", "errorCode": "INVALIDJOBSTATE"}
    ]
    assert (api.delete(job).status_code, api.get(job).status_code) == (204, 404)


def test_an_aborted_job_stays_aborted_when_its_work_would_have_ended(api: Web) -> None:
    """The worker must not overwrite the state that a person set."""
    api.switch(bulk_queued_seconds=0.0, bulk_processing_seconds=0.4)
    job = f"{JOBS}/{created(api, OPPORTUNITIES).json()['id']}"
    while api.get(job).json()["state"] == "UploadComplete":
        time.sleep(0.01)
    api.patch(job, json={"state": "Aborted"})
    time.sleep(0.6)
    assert api.get(job).json()["state"] == "Aborted"


def test_only_the_creator_or_an_integration_manager_aborts_a_job(api: Web, served: OrgServer) -> None:
    """Clients of other teams share the org and its list of jobs."""
    api.switch(bulk_queued_seconds=5.0)
    job = f"{JOBS}/{created(api, OPPORTUNITIES).json()['id']}"
    names = {str(each["role"]): str(each["username"]) for each in cast(served.org)}
    rep, manager = (
        Web(served, Person(served, names[role]).connect()["access_token"])
        for role in ("rep", "administrator")
    )
    refused = rep.patch(job, json={"state": "Aborted"})
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (400, "INVALIDUSER")
    assert manager.patch(job, json={"state": "Aborted"}).json()["state"] == "Aborted"


def test_the_list_shows_all_jobs_and_only_of_the_type_asked_for(api: Web) -> None:
    """Orphans of a killed client are found here."""
    job_id = finished(api, OPPORTUNITIES)
    listed = api.get(JOBS).json()
    assert listed["done"] is True
    assert job_id in [job["id"] for job in listed["records"]]
    assert api.get(JOBS, params={"jobType": "Classic"}).json()["records"] == []


def test_the_days_jobs_are_limited_and_the_limit_is_said(api: Web) -> None:
    """10,000 jobs a day are shared by all clients of the org; /limits must tell the same number."""
    limits = api.get("/services/data/v66.0/limits").json()["DailyBulkV2QueryJobs"]
    used = limits["Max"] - limits["Remaining"]
    assert used > 0
    api.switch(daily_bulk_query_jobs=used)
    text = f"Max bulk v2 query jobs ({used}) per 24 hrs has been reached"
    assert created(api, OPPORTUNITIES).json() == [{"message": text, "errorCode": "LIMIT_EXCEEDED"}]


def test_a_job_is_gone_seven_days_after_its_end(api: Web, served: OrgServer) -> None:
    """A client that comes back after a week must start again, not wait."""
    job_id = finished(api, OPPORTUNITIES)
    served.org.clock.turn(timedelta(days=8))
    answer = Web(served, Person(served).connect()["access_token"]).get(f"{JOBS}/{job_id}")
    served.org.clock.turn(-timedelta(days=8))
    assert answer.status_code == 404
    assert not list((served.org.directory / "bulk").iterdir())


@pytest.mark.parametrize("locator", ["!!!", "MTAwMDAwMDA", "x"])
def test_a_locator_that_the_org_did_not_give_is_refused(api: Web, locator: str) -> None:
    """A locator of another job must not be read as a place in this one."""
    job_id = finished(api, OPPORTUNITIES)
    answer = api.get(f"{JOBS}/{job_id}/results", params={"locator": locator})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_QUERY_LOCATOR")


def test_the_log_ties_the_calls_of_a_job_together(api: Web) -> None:
    """A test of the client asks: which query, how many polls, how many rows read."""
    api.delete("/__local_org__/log")
    job_id = finished(api, OPPORTUNITIES)
    count = len(rows_of(pages(api, job_id)))
    entries = [entry for entry in api.log() if entry["job_id"] == job_id]
    assert (entries[0]["method"], entries[0]["soql"]) == ("POST", [OPPORTUNITIES])
    assert sum(int(str(entry["rows"] or 0)) for entry in entries) == count
