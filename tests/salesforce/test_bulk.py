"""Bulk query jobs: streaming, counts, the ends of a job, and what is left behind in the org."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest

from orchestration.errors import (
    BulkUnavailableError,
    IncompleteReadError,
    MissingFieldError,
    TransientSalesforceError,
)
from orchestration.salesforce.client import Salesforce
from tests.salesforce.scripted_org import TOKEN_PATH, Answer, ScriptedOrg, refusal

JOBS = "/services/data/v66.0/jobs/query"
JOB = f"{JOBS}/750000000000001AAA"
SOQL = "SELECT Id,Name FROM Opportunity"
CREATED = {
    "id": "750000000000001AAA",
    "operation": "queryAll",
    "object": "Opportunity",
    "createdDate": "2026-05-04T10:00:10.000+0000",
    "state": "UploadComplete",
    "apiVersion": 66.0,
}


def info(state: str, count: int | None = None, **more: object) -> Answer:
    """A poll's answer; counters are left out by some orgs until the end."""
    return Answer(
        body=CREATED
        | {"state": state, "jobType": "V2Query"}
        | ({"numberRecordsProcessed": count} if count is not None else {})
        | more
    )


def csv(*rows: str, locator: str = "null", announced: int | None = None, **wire: object) -> Answer:
    """A page of results with its header line."""
    body = "\n".join(['"Id","Name"', *rows, ""]).encode()
    headers = {
        "Content-Type": "text/csv; charset=UTF-8",
        "Sforce-Locator": locator,
        "Sforce-NumberOfRecords": str(len(rows) if announced is None else announced),
    }
    return Answer(200, body, headers, **wire)  # type: ignore[arg-type]


def a_job(org: ScriptedOrg, *states: Answer, results: tuple[Answer, ...] = ()) -> None:
    """Tells a job that is created, goes through the states, and gives the results."""
    org.on("POST", JOBS, Answer(body=CREATED))
    org.on("GET", JOB, *states)
    org.on("PATCH", JOB, info("Aborted"))
    org.on("DELETE", JOB, Answer(204))
    if results:
        org.on("GET", f"{JOB}/results", *results)


def methods(org: ScriptedOrg) -> list[str]:
    """Returns what was done with the job after its creation."""
    return [request.method for request in org.asked(JOB)]


def read(client: Salesforce, **options: timedelta) -> list[bytes]:
    """Reads a whole job, page by page."""
    with client.bulk_query(SOQL, **options) as job:  # type: ignore[arg-type]
        return [b"".join(page.chunks) for page in job.pages()]


def test_all_pages_are_read_until_the_locator_is_the_text_null(org: ScriptedOrg, client: Salesforce) -> None:
    """A client that waits for a missing header reads for ever, one that stops at the first page loses the rest."""
    results = (csv('"1","a"', '"2","b"', locator="MTAwMDA"), csv('"3","c"'))
    a_job(org, info("InProgress"), info("JobComplete", 3), results=results)
    with client.bulk_query(SOQL) as job:
        pages = [(page.announced, b"".join(page.chunks)) for page in job.pages()]
        assert (job.record_count, job.created_at) == (3, datetime(2026, 5, 4, 10, 0, 10, tzinfo=UTC))
    assert pages == [(2, b'"Id","Name"\n"1","a"\n"2","b"\n'), (1, b'"Id","Name"\n"3","c"\n')]
    assert [request.query for request in org.asked(f"{JOB}/results")] == [{}, {"locator": "MTAwMDA"}]
    assert org.asked(JOBS)[0].json() == {"operation": "queryAll", "query": SOQL}


def test_a_finished_job_is_deleted_with_its_results(org: ScriptedOrg, client: Salesforce) -> None:
    """Results are kept seven days and count against the org's storage for them."""
    a_job(org, info("JobComplete", 1), results=(csv('"1","a"'),))
    read(client)
    assert methods(org) == ["GET", "DELETE"]


@pytest.mark.parametrize(
    "empty", [csv(), Answer(200, b"", {"Sforce-Locator": "null", "Sforce-NumberOfRecords": "0"})]
)
def test_a_job_without_rows_gives_a_page_that_announces_none(
    org: ScriptedOrg, client: Salesforce, empty: Answer
) -> None:
    """An org may answer no rows with a header line or with nothing at all."""
    a_job(org, info("JobComplete", 0), results=(empty,))
    with client.bulk_query(SOQL) as job:
        assert [(page.announced, job.record_count) for page in job.pages()] == [(0, 0)]


def test_results_are_gunzipped_on_the_way(org: ScriptedOrg, client: Salesforce) -> None:
    """COPY would take compressed bytes for broken CSV."""
    a_job(org, info("JobComplete", 1), results=(csv('"1","a"', gzipped=True),))
    assert read(client) == [b'"Id","Name"\n"1","a"\n']


def test_memory_stays_flat_however_large_a_page_is(org: ScriptedOrg, client: Salesforce) -> None:
    """A page read whole made other connectors fall over at ten million rows."""
    filling = "x" * 1_000
    rows = tuple(f'"{number}","{filling}"' for number in range(40_000))
    a_job(org, info("JobComplete", len(rows)), results=(csv(*rows, gzipped=True),))
    with client.bulk_query(SOQL) as job:
        for page in job.pages():
            tracemalloc.start()
            size = sum(len(chunk) for chunk in page.chunks)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    assert size > 40_000_000
    assert peak < 4_000_000


def test_a_page_that_is_cut_off_fails_and_the_job_is_removed(org: ScriptedOrg, client: Salesforce) -> None:
    """Rows that arrived before the cut must not be taken for all."""
    a_job(org, info("JobComplete", 2), results=(csv('"1","a"', '"2","b"', cut_after=20),))
    with pytest.raises(TransientSalesforceError, match="cut off"):
        read(client)
    assert methods(org) == ["GET", "DELETE"]


def test_a_page_without_its_number_of_records_does_not_count(org: ScriptedOrg, client: Salesforce) -> None:
    """What was announced is the only proof that nothing was lost."""
    a_job(org, info("JobComplete", 2), results=(Answer(200, b'"Id"\n'),))
    with pytest.raises(IncompleteReadError, match="cannot be checked"):
        read(client)


def test_results_that_are_gone_make_the_read_incomplete(org: ScriptedOrg, client: Salesforce) -> None:
    """A locator that answers 404 must restart the window, not end it."""
    a_job(org, info("JobComplete", 2), results=(csv('"1","a"', locator="MQ"), refusal(404, "NOT_FOUND")))
    with pytest.raises(IncompleteReadError, match="Bulk results of Opportunity"):
        read(client)


@pytest.mark.parametrize("state", ["Failed", "Aborted"])
def test_a_job_that_ends_badly_says_why_and_leaves_the_read_to_rest(
    org: ScriptedOrg, client: Salesforce, state: str
) -> None:
    """A failed job with an empty result is not an empty object."""
    a_job(org, info(state, 0, errorMessage="TIMEOUT : retried more than 15 times"))
    with pytest.raises(BulkUnavailableError, match="retried more than 15 times") as caught:
        read(client)
    assert caught.value.code == "TIMEOUT"
    assert methods(org) == ["GET", "DELETE"]


def test_a_finished_job_without_its_number_of_records_leaves_the_read_to_rest(
    org: ScriptedOrg, client: Salesforce
) -> None:
    """Without it nothing proves that all pages came."""
    a_job(org, info("JobComplete"))
    with pytest.raises(BulkUnavailableError, match="no number of records"):
        read(client)


def test_a_job_that_is_stuck_is_aborted_at_its_deadline(org: ScriptedOrg, client: Salesforce) -> None:
    """A run that waits for a stuck job holds up every sync after it."""
    a_job(org, info("InProgress"))
    with pytest.raises(BulkUnavailableError, match="did not finish the Bulk job for Opportunity in time"):
        read(client, deadline=timedelta(0))
    assert methods(org) == ["GET", "PATCH", "DELETE"]
    assert org.asked(JOB)[1].json() == {"state": "Aborted"}


def test_polling_slows_down_the_longer_a_job_takes(
    org: ScriptedOrg, client: Salesforce, naps: list[float]
) -> None:
    """Every look is one call of the org's daily allowance."""
    a_job(org, *[info("InProgress")] * 12, info("JobComplete", 0), results=(csv(),))
    read(client)
    assert naps[0] <= 0.2
    assert naps == sorted(naps)
    assert naps[-1] == 30


@pytest.mark.parametrize(
    "refused",
    [
        refusal(400, "LIMIT_EXCEEDED", "Max bulk v2 query jobs (10000) per 24 hrs has been reached"),
        refusal(400, "INVALIDENTITY", "Entity 'OpportunityStage' is not supported by the Bulk API."),
        refusal(400, "API_ERROR", "Implementation restriction: needs View All Data"),
        refusal(400, "INVALID_TYPE_FOR_OPERATION", "entity type Opportunity does not support query"),
    ],
)
def test_a_job_that_the_org_does_not_take_leaves_the_read_to_rest(
    org: ScriptedOrg, client: Salesforce, refused: Answer
) -> None:
    """The ten-thousandth job of a day must not stop the sync."""
    org.on("POST", JOBS, refused)
    with pytest.raises(BulkUnavailableError, match="read by REST instead"):
        read(client)
    assert not org.asked(JOB)


def test_a_field_that_is_hidden_is_no_matter_of_bulk(org: ScriptedOrg, client: Salesforce) -> None:
    """REST would refuse it too: what helps is a permission."""
    org.on("POST", JOBS, refusal(400, "INVALID_FIELD", "No such column 'Foo__c' on entity 'Opportunity'."))
    with pytest.raises(MissingFieldError, match=r"Opportunity\.Foo__c"):
        read(client)


def test_a_reader_that_fails_leaves_no_job_behind(org: ScriptedOrg, client: Salesforce) -> None:
    """A COPY that breaks must show its own error, and the org must not keep the results for a week."""
    a_job(org, info("JobComplete", 1), results=(csv('"1","a"'),))

    def load() -> None:
        with client.bulk_query(SOQL) as job:
            next(job.pages())
            raise RuntimeError("COPY broke")

    with pytest.raises(RuntimeError, match="COPY broke"):
        load()
    assert methods(org) == ["GET", "DELETE"]


def test_a_job_that_cannot_be_removed_does_not_spoil_what_was_read(
    org: ScriptedOrg, client: Salesforce, caplog: pytest.LogCaptureFixture
) -> None:
    """Salesforce removes it after seven days; the rows are good."""
    a_job(org, info("JobComplete", 1), results=(csv('"1","a"'),))
    org.on("DELETE", JOB, refusal(400, "API_ERROR", "the job is not terminated"))
    assert len(read(client)) == 1
    assert "could not be removed" in caplog.text


def test_a_session_that_dies_between_two_pages_repeats_only_the_second(
    org: ScriptedOrg, client: Salesforce
) -> None:
    """A locator stays good while the job lives."""
    dead = refusal(401, "INVALID_SESSION_ID")
    a_job(org, info("JobComplete", 2), results=(csv('"1","a"', locator="MQ"), dead, csv('"2","b"')))
    org.on("POST", TOKEN_PATH, org.token_answer())
    assert [b'"2"' in body for body in read(client)] == [False, True]
