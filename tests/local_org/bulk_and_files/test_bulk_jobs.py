"""Bulk query jobs from create to their end. Each test names the section of the API sheet that it holds the org to."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from local_org.bulk_table import add_other_job
from local_org.ids import number_of
from tests.local_org.bulk_and_files.served import Served

STAGES = "SELECT Id, ApiName FROM OpportunityStage"
CREATED = {
    "id", "operation", "object", "createdById", "createdDate", "systemModstamp", "state", "concurrencyMode", "contentType", "apiVersion",
    "lineEnding", "columnDelimiter",
}  # fmt: skip
COUNTERS = {"numberRecordsProcessed", "retries", "totalProcessingTime", "isPkChunkingSupported"}


def waiting(api: Served, **more: str) -> str:
    """A job that does not leave its first state by itself."""
    api.org.switches.set({"bulk_queued_seconds": 600.0})
    return str(api.create(STAGES, **more)["id"])


def working(api: Served) -> str:
    """A job that is at work until it is aborted."""
    api.org.switches.set({"bulk_processing_seconds": 600.0})
    job_id = str(api.create(STAGES)["id"])
    while state(api, job_id) != "InProgress":
        pass
    return job_id


def state(api: Served, job_id: str) -> str:
    """The state of a job."""
    return str(api.call("GET", f"/jobs/query/{job_id}").json()["state"])


def test_a_created_job_has_the_documented_form_and_no_counters(api: Served) -> None:
    """API sheet 3.1: 200 and not 201; no jobType or counters yet; apiVersion is a number."""
    body = {"operation": "query", "query": STAGES, "contentType": "CSV"}
    answer = api.call("POST", "/jobs/query", body)
    job = answer.json()
    assert answer.status_code == 200
    assert job.keys() == CREATED
    assert job["id"].startswith("750")
    assert len(job["id"]) == 18
    assert job["createdById"] == api.world.admin
    assert job["createdDate"].endswith(".000+0000")
    assert {name: job[name] for name in CREATED - {"id", "createdById", "createdDate", "systemModstamp"}} == {
        "operation": "query", "object": "OpportunityStage", "state": "UploadComplete", "concurrencyMode": "Parallel", "contentType": "CSV",
        "apiVersion": 66.0, "lineEnding": "LF", "columnDelimiter": "COMMA",
    }  # fmt: skip


def test_a_polled_job_has_its_counters(api: Served) -> None:
    """API sheet 3.1: the poll adds jobType, numberRecordsProcessed, retries, totalProcessingTime, isPkChunkingSupported."""
    job = api.run(STAGES)
    assert job.keys() == CREATED | COUNTERS | {"jobType"}
    assert (job["state"], job["jobType"], job["numberRecordsProcessed"], job["retries"]) == (
        "JobComplete",
        "V2Query",
        4,
        0,
    )
    assert job["totalProcessingTime"] > 0


def test_counters_may_be_missing_until_a_job_has_ended(api: Served) -> None:
    """API sheet 3.1: a public client takes the counters for optional. A switch: there from the start, or with the end."""
    job_id = waiting(api)
    assert api.call("GET", f"/jobs/query/{job_id}").json().keys() >= COUNTERS
    api.org.switches.set({"bulk_counters_while_working": False})
    assert COUNTERS.isdisjoint(api.call("GET", f"/jobs/query/{job_id}").json().keys())
    api.call("PATCH", f"/jobs/query/{job_id}", {"state": "Aborted"})
    assert api.call("GET", f"/jobs/query/{job_id}").json().keys() >= COUNTERS


def test_a_job_goes_through_its_states_in_time(api: Served) -> None:
    """API sheet 3.1: UploadComplete, InProgress, JobComplete, never Open. Fault: a client that never sees a job unfinished."""
    api.org.switches.set({"bulk_queued_seconds": 2.0, "bulk_processing_seconds": 2.0})
    job_id = str(api.create(STAGES)["id"])
    seen = [state(api, job_id)]
    while seen[-1] != "JobComplete":
        now = state(api, job_id)
        seen += [now] if now != seen[-1] else []
    assert seen == ["UploadComplete", "InProgress", "JobComplete"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"operation": "insert"}, "INVALIDJOB"),
        ({"operation": ""}, "INVALIDJOB"),
        ({"query": ""}, "INVALIDJOB"),
        ({"contentType": "JSON"}, "INVALIDJOB"),
        ({"columnDelimiter": ","}, "INVALIDJOB"),
        ({"lineEnding": "CR"}, "INVALIDJOB"),
        ({"object": "Contact"}, "JSON_PARSER_ERROR"),
    ],
)
def test_a_create_call_with_other_values_is_refused(api: Served, change: dict[str, str], code: str) -> None:
    """API sheet 3.1: operation, query, contentType, columnDelimiter, lineEnding and their values. Fault: a typo is ignored."""
    status, found, _ = api.refused("POST", "/jobs/query", {"operation": "query", "query": STAGES} | change)
    assert (status, found) == (400, code)


def test_query_jobs_exist_from_v47_on(api: Served) -> None:
    """API sheet 3.1: available from v47."""
    assert api.create(STAGES, version="47.0")["apiVersion"] == 47.0
    assert (
        api.refused("POST", "/jobs/query", {"operation": "query", "query": STAGES}, version="46.0")[0] == 404
    )


def test_query_leaves_deleted_rows_out_and_query_all_does_not(api: Served) -> None:
    """API sheet 3.1: operation query or queryAll. Fault: a sync that asks for queryAll misses the recycle bin."""
    deal = api.world.add("Opportunity", Name="In the bin")
    api.org.store.delete("Opportunity", deal, by=api.world.admin)
    soql = "SELECT Id, IsDeleted FROM Opportunity WHERE Name = 'In the bin'"
    assert api.rows(soql)[1:] == []
    assert api.rows(soql, operation="queryAll")[1:] == [[deal, "true"]]


@pytest.mark.parametrize("begin", [waiting, working])
def test_a_job_that_has_not_ended_can_be_aborted_and_then_deleted(api: Served, begin: object) -> None:
    """API sheet 3.1: abort from UploadComplete or InProgress, 200 with the job; delete 204; afterwards 404 NOT_FOUND."""
    job_id = begin(api)  # type: ignore[operator]
    answer = api.call("PATCH", f"/jobs/query/{job_id}", {"state": "Aborted"})
    assert (answer.status_code, answer.json()["state"], answer.json()["id"]) == (200, "Aborted", job_id)
    answer = api.call("DELETE", f"/jobs/query/{job_id}")
    assert (answer.status_code, answer.content) == (204, b"")
    gone = (404, "NOT_FOUND", "The requested resource does not exist")
    assert api.refused("GET", f"/jobs/query/{job_id}") == gone
    assert api.refused("GET", f"/jobs/query/{job_id}/results") == gone


def test_an_aborted_job_stays_aborted_and_leaves_no_result(api: Served) -> None:
    """API sheet 3.1: state Aborted is an end. Fault: the worker overwrites the state that a person set, or forgets its file."""
    job_id = working(api)
    result = api.org.directory / "bulk" / f"{number_of(job_id)}.csv"
    until(result.exists)  # the job is in progress a moment before its file is there
    api.call("PATCH", f"/jobs/query/{job_id}", {"state": "Aborted"})
    until(lambda: not result.exists())
    assert state(api, job_id) == "Aborted"


def until(condition: Callable[[], bool]) -> None:
    """Returns when it has come true; fails after a minute."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_log_ties_the_calls_of_a_job_together(api: Served) -> None:
    """API sheet 3.5: every call counts. A test of the client asks: which query, how many polls, how many rows read."""
    api.http.delete(f"{api.url}/__local_org__/log", timeout=60)
    job_id = api.run(STAGES)["id"]
    api.page(job_id)
    entries = api.http.get(f"{api.url}/__local_org__/log", timeout=60).json()
    mine = [entry for entry in entries if entry["job_id"] == job_id]
    assert (mine[0]["method"], mine[0]["soql"]) == ("POST", [STAGES])
    assert sum(entry["rows"] or 0 for entry in mine) == 4


def test_a_job_that_has_ended_cannot_be_aborted(api: Served) -> None:
    """API sheet 3.1: 400 INVALIDJOBSTATE in these words."""
    job_id = api.run(STAGES)["id"]
    expected = (400, "INVALIDJOBSTATE", "Aborting already Completed Job not allowed")
    assert api.refused("PATCH", f"/jobs/query/{job_id}", {"state": "Aborted"}) == expected
    assert state(api, job_id) == "JobComplete"


@pytest.mark.parametrize("begin", [waiting, working])
def test_a_job_that_has_not_ended_cannot_be_deleted(api: Served, begin: object) -> None:
    """API sheet 3.1: 400 API_ERROR in these words, and the job goes on."""
    job_id = begin(api)  # type: ignore[operator]
    text = "Error encountered when deleting the job because the job is not terminated"
    assert api.refused("DELETE", f"/jobs/query/{job_id}") == (400, "API_ERROR", text)
    assert state(api, job_id) in ("UploadComplete", "InProgress")
    api.call("PATCH", f"/jobs/query/{job_id}", {"state": "Aborted"})


def test_somebody_elses_job_takes_a_permission_to_abort(api: Served) -> None:
    """API sheet 3.1: by the creator or a user with Manage Data Integrations; 3.6: InvalidUser, upper-case on the wire."""
    job_id = waiting(api)
    assert api.refused("PATCH", f"/jobs/query/{job_id}", {"state": "Aborted"}, by=api.world.rep)[:2] == (
        400,
        "INVALIDUSER",
    )
    assert state(api, job_id) == "UploadComplete"
    rights = api.org.store
    mine = api.world.permission_set("Standard User")
    rights.update("PermissionSet", mine, {"PermissionsManageDataIntegrations": True}, by=api.world.admin)
    answer = api.call("PATCH", f"/jobs/query/{job_id}", {"state": "Aborted"}, by=api.world.rep)
    rights.update("PermissionSet", mine, {"PermissionsManageDataIntegrations": False}, by=api.world.admin)
    assert answer.json()["state"] == "Aborted"


def test_a_platform_that_retries_too_often_fails_the_job(api: Served) -> None:
    """API sheet 3.1: at most 15 internal retries, then Failed with an errorMessage; fewer show as a number alone."""
    api.org.switches.set({"bulk_internal_retries": 15})
    assert (job := api.run(STAGES))["state"] == "JobComplete"
    assert job["retries"] == 15
    api.org.switches.set({"bulk_internal_retries": 16})
    assert (job := api.run(STAGES))["state"] == "Failed"
    assert job["retries"] == 16
    assert "retried more than 15 times" in job["errorMessage"]


def test_jobs_and_results_are_gone_seven_days_after_their_end(api: Served) -> None:
    """API sheet 3.5: job and results are kept 7 days once terminal, by the org's clock."""
    before = set((api.org.directory / "bulk").iterdir())
    job_id, unfinished = api.run(STAGES)["id"], waiting(api)
    api.turn(timedelta(days=6, hours=23))
    assert api.page(job_id).headers["Sforce-NumberOfRecords"] == "4"
    api.turn(timedelta(hours=2))
    assert api.refused("GET", f"/jobs/query/{job_id}")[0] == 404
    assert api.refused("GET", f"/jobs/query/{job_id}/results")[0] == 404
    assert set((api.org.directory / "bulk").iterdir()) == before
    assert state(api, unfinished) == "UploadComplete"
    api.call("PATCH", f"/jobs/query/{unfinished}", {"state": "Aborted"})


def test_the_list_holds_the_jobs_of_every_api(api: Served) -> None:
    """API sheet 3.1: all jobs of the org, also Bulk v1 and ingest, unless jobType names one."""
    mine = api.run(STAGES)["id"]
    classic = add_other_job(api.org, "Classic", "Lead").id
    ingest = add_other_job(api.org, "V2Ingest", "Contact").id
    listed = api.call("GET", "/jobs/query").json()
    assert (listed["done"], listed["nextRecordsUrl"]) == (True, None)
    assert {job["id"]: job["jobType"] for job in listed["records"]} == {
        mine: "V2Query", classic: "Classic", ingest: "V2Ingest",
    }  # fmt: skip
    for kind, job_id in (("V2Query", mine), ("Classic", classic), ("V2Ingest", ingest)):
        records = api.call("GET", "/jobs/query", jobType=kind).json()["records"]
        assert [job["id"] for job in records] == [job_id]
    assert api.refused("GET", f"/jobs/query/{ingest}")[0] == 404
    assert api.refused("GET", "/jobs/query", jobType="Query")[0] == 400


@pytest.mark.parametrize("kind", ["", "V2Query"])
def test_the_list_comes_in_pages_of_a_thousand(api: Served, kind: str) -> None:
    """API sheet 3.1: at most 1,000 a page, {done, records, nextRecordsUrl}. Fault: the second page forgets the jobType."""
    api.run(STAGES)
    api.org.store.execute(
        "with recursive n (i) as (select 1 union all select i + 1 from n where i < 1004) insert into _bulk_job (operation, query,"
        " sobject, is_ordered, is_chunkable, created_by, created_at, modified_at, state, api_version, column_delimiter, line_ending)"
        " select operation, query, sobject, is_ordered, is_chunkable, created_by, created_at, modified_at, state, api_version,"
        " column_delimiter, line_ending from _bulk_job, n where job_type = 'V2Query' and not is_deleted"
    )
    add_other_job(api.org, "Classic", "Lead")  # the newest: it stands on the second page
    first = api.call("GET", "/jobs/query", **({"jobType": kind} if kind else {})).json()
    assert (first["done"], len(first["records"])) == (False, 1_000)
    second = api.call("GET", first["nextRecordsUrl"]).json()
    assert (second["done"], second["nextRecordsUrl"], len(second["records"])) == (True, None, 5 + (not kind))
    jobs = [job["id"] for page in (first, second) for job in page["records"]]
    assert len(set(jobs)) == len(jobs)


def test_the_days_jobs_are_counted_over_24_hours(api: Served) -> None:
    """API sheet 3.5: 10,000 query jobs per rolling 24 hours; 3.6: 400 LIMIT_EXCEEDED in these words. Deleting one gives none back."""
    assert api.org.switches.daily_bulk_query_jobs == 10_000
    before = api.call("GET", "/limits").json()["DailyBulkV2QueryJobs"]["Remaining"]
    job_id = api.run(STAGES)["id"]
    api.call("DELETE", f"/jobs/query/{job_id}")
    assert api.call("GET", "/limits").json()["DailyBulkV2QueryJobs"] == {
        "Max": 10_000,
        "Remaining": before - 1,
    }
    api.org.switches.set({"daily_bulk_query_jobs": 1})
    body = {"operation": "query", "query": STAGES}
    text = "Max bulk v2 query jobs (1) per 24 hrs has been reached"
    assert api.refused("POST", "/jobs/query", body) == (400, "LIMIT_EXCEEDED", text)
    api.turn(timedelta(hours=24, seconds=2))
    assert api.create(STAGES)["state"] == "UploadComplete"


def test_the_days_results_are_counted_in_kilobytes(api: Served) -> None:
    """API sheet 3.5: 1 TB of results per rolling 24 hours, 976562 MB in /limits; 3.6: 400 LIMIT_EXCEEDED in these words."""
    assert api.call("GET", "/limits").json()["DailyBulkV2QueryFileStorageMB"] == {
        "Max": 976_562,
        "Remaining": 976_562,
    }
    api.world.add("Opportunity", Name="Long", Description="x" * 30_000)
    api.run("SELECT Description FROM Opportunity WHERE Name = 'Long'")
    api.org.switches.set({"daily_bulk_query_result_kb": 29})
    text = "Max bulk v2 query result size stored (29) kb per 24 hrs has been exceeded"
    body = {"operation": "query", "query": STAGES}
    assert api.refused("POST", "/jobs/query", body) == (400, "LIMIT_EXCEEDED", text)
    api.org.switches.set({"daily_bulk_query_result_kb": 100})
    assert api.run(STAGES)["state"] == "JobComplete"


def test_every_call_about_a_job_counts_against_the_days_calls(api: Served) -> None:
    """API sheet 3.5: create, poll and page each count as one; 3.6: 403 REQUEST_LIMIT_EXCEEDED when they are used up."""

    def used() -> int:
        return int(
            api.call("GET", "/jobs/query").headers["Sforce-Limit-Info"].partition("=")[2].partition("/")[0]
        )

    job_id = str(api.run(STAGES)["id"])
    before = used()
    api.call("GET", f"/jobs/query/{job_id}")
    api.page(job_id)
    api.create(STAGES)
    assert used() == before + 4
    api.org.switches.set({"daily_api_limit": before})
    assert api.refused("GET", f"/jobs/query/{job_id}/results")[:2] == (403, "REQUEST_LIMIT_EXCEEDED")


def test_a_dead_token_is_refused_as_everywhere(api: Served) -> None:
    """API sheet 1 and 3.6: 401 INVALID_SESSION_ID, the same shape as REST."""
    answer = api.http.get(
        f"{api.url}/services/data/v66.0/jobs/query", headers={"Authorization": "Bearer dead"}, timeout=60
    )
    assert answer.status_code == 401
    assert answer.json() == [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
