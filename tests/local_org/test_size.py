"""A million opportunities: how long the org takes to make them, and whether it serves them faster than Postgres takes them in.

Run by hand (`make test-long ARGS="tests/local_org/test_size.py -s"`): it prints its figures, and only their ratio is held to anything,
since both sides run on the same machine at the same time of day. Takes about 4 GB of disk and some minutes.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from orchestration.postgres.connection import Database
from tests.local_org.bulk_and_files.served import ENDED
from tests.local_org.org_process import OrgProcess, V, org_process

WANTED = {"Opportunity": 1_000_000, "EmailMessage": 200_000}
CHUNK = 1 << 20
_TYPES = {
    "boolean": "boolean", "date": "date", "datetime": "timestamptz", "int": "bigint", "double": "double precision",
    "currency": "numeric", "percent": "double precision",
}  # fmt: skip


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """A place for gigabytes, which do not outlive the test."""
    yield tmp_path
    shutil.rmtree(tmp_path, ignore_errors=True)


def job_of(org: OrgProcess, soql: str) -> tuple[str, int]:
    """Creates a job and returns its id and its number of records once it has ended."""
    job = org.ask("POST", f"{V}/jobs/query", {"operation": "queryAll", "query": soql})
    while (found := org.ask("GET", f"{V}/jobs/query/{job['id']}"))["state"] not in ENDED:
        time.sleep(0.05)
    assert found["state"] == "JobComplete", found
    return str(job["id"]), int(found["numberRecordsProcessed"])


def discard(org: OrgProcess, job_id: str, encoding: str) -> int:
    """Reads all pages and returns the bytes that the wire carried."""
    taken, locator = 0, ""
    while locator != "null":
        address = f"{org.card.base_url}{V}/jobs/query/{job_id}/results"
        query, headers = {"locator": locator} if locator else {}, {"Accept-Encoding": encoding}
        with org.http.get(address, params=query, headers=headers, stream=True, timeout=60) as answer:
            assert answer.status_code == 200
            while chunk := answer.raw.read(CHUNK):
                taken += len(chunk)
            locator = answer.headers["Sforce-Locator"]
    return taken


Column = tuple[str, str]


def _columns(org: OrgProcess, sobject: str) -> list[Column]:
    """The name and the Postgres type of each field that the integration user sees and Bulk can give."""
    fields = org.ask("GET", f"{V}/sobjects/{sobject}/describe")["fields"]
    given = [each for each in fields if each["type"] not in ("address", "base64")]
    return [(each["name"], _TYPES.get(each["type"], "text")) for each in given]


def _copy(connection: psycopg.Connection[tuple[object, ...]], columns: list[Column], path: Path) -> int:
    """What `\\copy` does: sends the file to COPY into a typed table without an index; returns the rows."""
    table = sql.Identifier("floor")
    names = [sql.SQL(" ").join((sql.Identifier(name), sql.SQL(type_))) for name, type_ in columns]
    nulls = sql.SQL(", ").join(sql.Identifier(name) for name, _ in columns)
    connection.execute(sql.SQL("create unlogged table {} ({})").format(table, sql.SQL(", ").join(names)))
    statement = sql.SQL("copy {} from stdin (format csv, header, force_null ({}))").format(table, nulls)
    with connection.cursor() as cursor, path.open("rb") as file:
        with cursor.copy(statement) as copy:
            while chunk := file.read(CHUNK):
                copy.write(chunk.replace(b"\0", b""))
        rows = cursor.rowcount
    connection.execute(sql.SQL("drop table {}").format(table))
    return rows


def timed(what: Callable[[], int]) -> tuple[float, int]:
    """The seconds of the quicker of two runs, and what it gave."""
    runs = []
    for _ in range(2):
        began = time.monotonic()
        runs.append((what(), time.monotonic() - began))
    return min(seconds for _, seconds in runs), runs[0][0]


@pytest.mark.long
@pytest.mark.timeout(1_800)
def test_a_million_deals_are_served_faster_than_postgres_takes_them(
    directory: Path, empty_database: Database
) -> None:
    """Fault: the org is slower than COPY, so that measurements of the sync measure the org."""
    began = time.monotonic()
    sizes = ("--opportunities", str(WANTED["Opportunity"]), "--mails", str(WANTED["EmailMessage"]))
    with org_process(directory, *sizes) as org:
        made = f"made in {time.monotonic() - began:.1f} s ({org.processor_seconds():.1f} s of one processor)"
        print(f"\n{made}, at most {org.most_megabytes()} MB of memory; load {os.getloadavg()[0]:.1f}")
        results = [directory / "bulk" / f"{number}.csv" for number in (1, 2)]
        ratios = [_compare(org, empty_database, *each) for each in zip(WANTED, results, strict=True)]
        print(f"at most {org.most_megabytes()} MB of memory; load {os.getloadavg()[0]:.1f}")
    assert max(ratios) < 1


def _compare(org: OrgProcess, database: Database, sobject: str, path: Path) -> float:
    """Prints the figures of one object and returns the time that serving it took, in the time that COPY took."""
    before, used = time.monotonic(), org.processor_seconds()
    columns = _columns(org, sobject)
    job_id, rows = job_of(org, f"SELECT {', '.join(name for name, _ in columns)} FROM {sobject}")
    prepared, used = time.monotonic() - before, org.processor_seconds() - used
    assert rows > 0.9 * WANTED[sobject]  # the integration user does not see the mails of cases
    served, taken = timed(partial(discard, org, job_id, "identity"))
    with database.connect(autocommit=True) as connection:
        floor, copied = timed(partial(_copy, connection, columns, path))
    zipped, packed = timed(partial(discard, org, job_id, "gzip"))
    assert copied == rows
    assert taken >= path.stat().st_size
    print(
        f"{sobject}: {rows:,} rows, {taken / 1e6:,.0f} MB, zipped {packed / 1e6:,.0f} MB; load {os.getloadavg()[0]:.1f}"
    )
    print(f"  prepared {prepared:.1f} s ({used:.1f} s of one processor)")
    print(f"  served {served:.1f} s, zipped {zipped:.1f} s; COPY {floor:.1f} s")
    print(
        f"  of COPY: served {served / floor:.2f}, zipped {zipped / floor:.2f}, prepared {prepared / floor:.2f}"
    )
    return served / floor
