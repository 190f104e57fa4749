"""A million opportunities: how long the org takes to make them, and whether it serves them faster than Postgres takes them in.

Run by hand (`make test-long ARGS="tests/local_org/test_size.py -s"`): it prints its figures, and only their ratio is held to anything,
since both sides run on the same machine at the same time of day. Takes about 4 GB of disk and some minutes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psycopg
import pytest
import requests
from psycopg import sql

from local_org.objects import SOBJECTS, Field
from local_org.registration import registration_of
from orchestration.postgres.connection import Database
from tests.local_org.served import ENDED

WANTED = {"Opportunity": 1_000_000, "EmailMessage": 200_000}
V = "/services/data/v66.0"
CHUNK = 1 << 20
_TYPES = {
    "boolean": "boolean", "date": "date", "datetime": "timestamptz", "int": "bigint", "double": "double precision",
    "currency": "numeric", "percent": "double precision",
}  # fmt: skip


class Client:
    """A client of the Bulk API that only counts bytes. Its session is the integration user's, by client credentials."""

    def __init__(self, directory: Path) -> None:
        self.card = registration_of(directory)
        self.http = requests.Session()
        self.http.verify = self.card.ca_file
        self.http.trust_env = False
        self._post("/__local_org__/switches", "PATCH", {"client_credentials_username": self.card.username})
        form = {
            "grant_type": "client_credentials",
            "client_id": self.card.client_id,
            "client_secret": self.card.client_secret,
        }
        answer = self.http.post(f"{self.card.base_url}/services/oauth2/token", form, timeout=60)
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def _post(self, path: str, method: str, body: object) -> dict[str, object]:
        answer = self.http.request(method, self.card.base_url + path, json=body, timeout=60)
        assert answer.ok, answer.text
        found: dict[str, object] = answer.json()
        return found

    def job(self, soql: str) -> tuple[str, int]:
        """Creates a job and returns its id and its number of records once it has ended."""
        job = self._post(f"{V}/jobs/query", "POST", {"operation": "queryAll", "query": soql})
        path = f"{self.card.base_url}{V}/jobs/query/{job['id']}"
        while (found := self.http.get(path, timeout=60).json())["state"] not in ENDED:
            time.sleep(0.05)
        assert found["state"] == "JobComplete", found
        return str(job["id"]), int(found["numberRecordsProcessed"])

    def discard(self, job_id: str, encoding: str) -> int:
        """Reads all pages and returns the bytes that the wire carried."""
        taken, locator = 0, ""
        while locator != "null":
            address = f"{self.card.base_url}{V}/jobs/query/{job_id}/results"
            query, headers = {"locator": locator} if locator else {}, {"Accept-Encoding": encoding}
            with self.http.get(address, params=query, headers=headers, stream=True, timeout=60) as answer:
                assert answer.status_code == 200
                while chunk := answer.raw.read(CHUNK):
                    taken += len(chunk)
                locator = answer.headers["Sforce-Locator"]
        return taken


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """An org of full size as a process of its own; prints what making it took."""
    command = [
        sys.executable,
        "-m",
        "local_org",
        "serve",
        "--directory",
        str(tmp_path),
        "--with-parent",
        str(os.getpid()),
    ]
    began = time.monotonic()
    process = subprocess.Popen(
        [*command, "--opportunities", str(WANTED["Opportunity"]), "--mails", str(WANTED["EmailMessage"])],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline()
        print(f"\nmachine load {os.getloadavg()}, {os.cpu_count()} processors")
        print(f"made in {time.monotonic() - began:.1f} s ({_seconds_of(process.pid):.1f} s of one processor)")
        yield tmp_path
        print(f"most memory of the org: {_peak(process.pid)}")
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()


def _peak(pid: int) -> str:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(each.partition(":")[2].strip() for each in lines if each.startswith("VmHWM"))


def _seconds_of(pid: int) -> float:
    """What a process has used of the processors, which other processes change little."""
    times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")


def _columns(sobject: str) -> list[Field]:
    return [each for each in SOBJECTS[sobject].fields if each.type not in ("address", "base64")]


def _copy(connection: psycopg.Connection[tuple[object, ...]], sobject: str, path: Path) -> int:
    """What `\\copy` does: sends the file to COPY into a typed table without an index; returns the rows."""
    table = sql.Identifier(sobject)
    names = [
        sql.SQL(" ").join((sql.Identifier(f.name), sql.SQL(_TYPES.get(f.type, "text"))))
        for f in _columns(sobject)
    ]
    nulls = sql.SQL(", ").join(sql.Identifier(each.name) for each in _columns(sobject))
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
    client = Client(directory)
    for number, sobject in enumerate(WANTED, 1):
        fields = ", ".join(each.name for each in _columns(sobject))
        began = time.monotonic()
        job_id, rows = client.job(f"SELECT {fields} FROM {sobject}")
        prepared = time.monotonic() - began
        path = directory / "bulk" / f"{number}.csv"
        assert rows > 0.9 * WANTED[sobject]  # the integration user does not see the mails of cases
        served, taken = timed(partial(client.discard, job_id, "identity"))
        zipped, packed = timed(partial(client.discard, job_id, "gzip"))
        with empty_database.connect(autocommit=True) as connection:
            floor, copied = timed(partial(_copy, connection, sobject, path))
        assert copied == rows
        assert taken >= path.stat().st_size
        print(
            f"{sobject}: {rows:,} rows, {taken / 1e6:,.0f} MB, {packed / 1e6:,.0f} zipped; load {os.getloadavg()[0]:.1f}"
        )
        print(
            f"  prepared {prepared:.1f} s; served {served:.1f} s, zipped {zipped:.1f} s; COPY {floor:.1f} s"
        )
        whole = (prepared + served) / floor
        print(
            f"  of COPY: served {served / floor:.2f}, zipped {zipped / floor:.2f}, prepared and served {whole:.2f}"
        )
        assert served < floor
