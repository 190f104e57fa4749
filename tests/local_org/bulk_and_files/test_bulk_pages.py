"""The pages of a Bulk result. Each test names the section of the API sheet that it holds the org to."""

from __future__ import annotations

import gzip
import re

import pytest

from tests.local_org.bulk_and_files.served import Served, read

COUNT = 120
NUMBERS = "SELECT Id, Name FROM Contact WHERE LastName LIKE 'Paged%'"


@pytest.fixture(scope="module", autouse=True)
def contacts(served: Served) -> list[str]:
    """Ids of contacts in the order of their names."""
    with served.org.store.transaction():
        return [served.world.add("Contact", LastName=f"Paged {number:04}") for number in range(COUNT)]


def test_the_result_is_csv_with_its_number_and_the_end_as_a_word(api: Served) -> None:
    """API sheet 3.3: Content-Type text/csv; charset=UTF-8, Sforce-NumberOfRecords, and Sforce-Locator is the string null at the end."""
    job = api.run(NUMBERS)
    page = api.page(job["id"])
    assert page.headers["Content-Type"] == "text/csv; charset=UTF-8"
    assert (page.headers["Sforce-Locator"], page.headers["Sforce-NumberOfRecords"]) == ("null", str(COUNT))
    assert job["numberRecordsProcessed"] == COUNT == len(read(page.content.decode())) - 1


def test_pages_of_max_records_have_a_header_each_and_every_row_once(api: Served, contacts: list[str]) -> None:
    """API sheet 3.3: locator and maxRecords; every page repeats the header row; per page the rows are as many as announced."""
    pages = api.pages(api.run(NUMBERS)["id"], maxRecords="50")
    texts = [read(page.content.decode()) for page in pages]
    assert [len(lines) - 1 for lines in texts] == [50, 50, 20]
    assert [page.headers["Sforce-NumberOfRecords"] for page in pages] == ["50", "50", "20"]
    assert {tuple(lines[0]) for lines in texts} == {("Id", "Name")}
    assert sorted(line[0] for lines in texts for line in lines[1:]) == sorted(contacts)


def test_without_max_records_the_server_cuts_pages_by_rows_and_by_size(api: Served) -> None:
    """API sheet 3.3: the server picks the page size and may cut by size. Fault: a client that counts on its own size."""
    job_id = api.run(NUMBERS)["id"]
    api.org.switches.set({"bulk_page_records": 70})
    assert [page.headers["Sforce-NumberOfRecords"] for page in api.pages(job_id)] == ["70", "50"]
    api.org.switches.set({"bulk_page_bytes": 1_000})
    pages = api.pages(job_id, maxRecords="100")
    assert all(len(page.content) <= 1_000 + len(b'"Id","Name"\n') for page in pages)
    assert sum(int(page.headers["Sforce-NumberOfRecords"]) for page in pages) == COUNT


def test_a_locator_is_opaque_and_its_page_can_be_read_again(api: Served) -> None:
    """API sheet 3.3: opaque, stable while the job lives. Fault: a retry of a page gives other rows."""
    job_id = api.run(NUMBERS)["id"]
    locator = api.page(job_id, maxRecords="30").headers["Sforce-Locator"]
    assert re.fullmatch(r"[A-Za-z0-9_-]+", locator)
    assert not locator.isdigit()
    again = [api.page(job_id, maxRecords="30", locator=locator).content for _ in range(2)]
    assert again[0] == again[1]


@pytest.mark.parametrize("locator", ["nonsense!", "MQ==MQ", "OTk5OTk5"])
def test_a_locator_of_nowhere_is_refused(api: Served, locator: str) -> None:
    """API sheet 2.2: INVALID_QUERY_LOCATOR. Fault: an invented locator begins from the start."""
    job_id = api.run(NUMBERS)["id"]
    assert api.refused("GET", f"/jobs/query/{job_id}/results", locator=locator)[1] == "INVALID_QUERY_LOCATOR"


@pytest.mark.parametrize("number", ["0", "-1", "many"])
def test_max_records_is_a_positive_number(api: Served, number: str) -> None:
    """API sheet 3.1: maxRecords. Fault: a page of nothing that leads to itself for ever."""
    job_id = api.run(NUMBERS)["id"]
    assert api.refused("GET", f"/jobs/query/{job_id}/results", maxRecords=number)[0] == 400


def test_rows_come_in_no_order_unless_the_query_asks_for_one(api: Served, contacts: list[str]) -> None:
    """API sheet 3.2: expect arbitrary order; ORDER BY is accepted. Fault: a client that takes the last row for the newest."""
    unordered = [line[0] for line in api.rows(NUMBERS)[1:]]
    assert unordered != contacts
    assert unordered != contacts[::-1]
    assert sorted(unordered) == sorted(contacts)
    assert [line[0] for line in api.rows(f"{NUMBERS} ORDER BY LastName DESC")[1:]] == contacts[::-1]


def test_a_limit_is_accepted(api: Served) -> None:
    """API sheet 3.2: LIMIT is accepted."""
    assert len(api.rows(f"{NUMBERS} LIMIT 7")) == 8


@pytest.mark.parametrize("path", ["results", "resultPages", "resultpages"])
def test_results_under_another_version_are_a_conflict(api: Served, path: str) -> None:
    """API sheet 3.3 and 3.4: the same API version as the create call, else 409."""
    job_id = api.run(NUMBERS)["id"]
    assert api.refused("GET", f"/jobs/query/{job_id}/{path}", version="65.0")[0] == 409
    assert api.call("GET", f"/jobs/query/{job_id}/{path}").status_code == 200


@pytest.mark.parametrize("code", ["INVALIDJOBSTATE", "API_ERROR"])
@pytest.mark.parametrize("path", ["results", "resultPages"])
def test_results_before_the_end_are_refused(api: Served, code: str, path: str) -> None:
    """API sheet 3.3: before JobComplete 400, code unconfirmed. A switch."""
    api.org.switches.set({"bulk_queued_seconds": 600.0, "bulk_early_results_code": code})
    job_id = api.create(NUMBERS)["id"]
    assert api.refused("GET", f"/jobs/query/{job_id}/{path}")[:2] == (400, code)
    api.call("PATCH", f"/jobs/query/{job_id}", {"state": "Aborted"})
    assert api.refused("GET", f"/jobs/query/{job_id}/{path}")[:2] == (400, code)


@pytest.mark.parametrize(("has_header", "text"), [(True, '"Id","Name"\n'), (False, "")])
def test_a_result_without_rows_is_a_header_or_nothing(api: Served, has_header: bool, text: str) -> None:
    """API sheet 3.3, unconfirmed: header line only, or an empty body with Sforce-NumberOfRecords 0. A switch."""
    api.org.switches.set({"bulk_header_when_empty": has_header})
    job = api.run("SELECT Id, Name FROM Contact WHERE LastName = 'Nobody'")
    page = api.page(job["id"])
    assert job["numberRecordsProcessed"] == 0
    assert page.content.decode() == text
    assert (page.headers["Sforce-NumberOfRecords"], page.headers["Sforce-Locator"]) == ("0", "null")


@pytest.mark.parametrize("honoured", [True, False])
def test_gzip_is_honoured_or_ignored(api: Served, honoured: bool) -> None:
    """API sheet 3.3: Accept-Encoding gzip gives Content-Encoding gzip, though the server may ignore it. A switch."""
    api.org.switches.set({"bulk_gzip": honoured})
    address = f"{api.url}/services/data/v66.0/jobs/query/{api.run(NUMBERS)['id']}/results"
    headers = {"Authorization": f"Bearer {api.token(api.world.admin)}", "Accept-Encoding": "gzip"}
    with api.http.get(address, headers=headers, stream=True, timeout=60) as answer:
        body = answer.raw.read(decode_content=False)
        assert answer.headers.get("Content-Encoding") == ("gzip" if honoured else None)
    text = (gzip.decompress(body) if honoured else body).decode()
    assert len(read(text)) == COUNT + 1


def test_result_pages_link_at_most_five_pages_that_can_be_read_side_by_side(
    api: Served, contacts: list[str]
) -> None:
    """API sheet 3.4: up to five resultUrl and a nextRecordsUrl in lower case until done. Fault: pages that overlap or leave a gap."""
    job_id = api.run(NUMBERS)["id"]
    api.org.switches.set({"bulk_page_records": 10})
    answers = [api.call("GET", f"/jobs/query/{job_id}/resultPages").json()]
    while not answers[-1]["done"]:
        assert answers[-1]["nextRecordsUrl"].startswith(
            f"/services/data/v66.0/jobs/query/{job_id}/resultpages?locator="
        )
        answers.append(api.call("GET", answers[-1]["nextRecordsUrl"]).json())
    assert [len(answer["resultPages"]) for answer in answers] == [5, 5, 2]
    assert answers[-1]["nextRecordsUrl"] is None
    links = [link["resultUrl"] for answer in answers for link in answer["resultPages"]]
    assert all(
        link.startswith(f"/services/data/v66.0/jobs/query/{job_id}/results?locator=") for link in links
    )
    lines = [line[0] for link in links[::-1] for line in read(api.call("GET", link).content.decode())[1:]]
    assert sorted(lines) == sorted(contacts)


def test_result_pages_exist_from_v58_on(api: Served) -> None:
    """API sheet 3.4: v58 and later."""
    for version, status in (("57.0", 404), ("58.0", 200)):
        job_id = api.create(NUMBERS, version=version)["id"]
        api.ended(job_id)
        assert api.call("GET", f"/jobs/query/{job_id}/resultPages", version=version).status_code == status
