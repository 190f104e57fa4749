"""The proofs that take longer: thousands of uploads under faults, two processes at once, throughput, a file of a gigabyte. By hand."""

from __future__ import annotations

import hashlib
import json
import queue
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
import requests
from requests_toolbelt import MultipartEncoder

from orchestration.documents import upload
from orchestration.documents.upload import drain
from orchestration.salesforce.client import Salesforce
from orchestration.salesforce.transport import Timeouts
from tests.contract.running_org import V
from tests.salesforce.scripted_org import MemoryStore
from tests.sync.bench import Bench

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]

CREATE = {"method": "POST", "path": ".*/sobjects/ContentVersion/?"}
LOST, LATE = 1_000, 200
FILES, SIZE, WORKERS = 10_000, 50_000, 4
GIGABYTE = 1 << 30


@pytest.fixture(autouse=True)
def _no_limits(bench: Bench) -> None:
    """No limit of the org is in the way."""
    limits = {
        "daily_content_versions": 1_000_000,
        "daily_api_limit": 10_000_000,
        "file_storage_mb": 1_000_000,
    }
    bench.org.admin("PATCH", "/switches", limits)


def _generate(bench: Bench, count: int, title: str, content: bytes, folder: Path | None = None) -> None:
    """So many documents of different bytes, spread over the deals, in Postgres or as files on disk."""
    deals = sorted(bench.live("opportunity") & bench.entitled())
    with bench.database.transaction() as connection, connection.cursor() as cursor:
        rows, versions = [], []
        for number in range(count):
            document, data = uuid4(), content + str(number).encode()
            rows.append((document, deals[number % len(deals)], title))
            uri = None
            if folder:
                (folder / f"{number}.pdf").write_bytes(data)
                uri = f"file://{folder / f'{number}.pdf'}"
            digest = hashlib.sha256(data).hexdigest()
            versions.append((document, len(data), digest, uri, None if uri else data))
        cursor.executemany(
            "insert into fluint_app.document (document_id, opportunity_id, title) values (%s, %s, %s)", rows
        )
        cursor.executemany(
            "insert into fluint_app.document_version (document_id, version_number, file_name, content_type, byte_size, sha256,"
            " content_uri, content) values (%s, 1, 'case.pdf', 'application/pdf', %s, %s, %s, %s)",
            versions,
        )


def _versions(bench: Bench, title: str) -> list[str]:
    """The markers of all versions with a title in the org."""
    return [
        row["PathOnClient"]
        for row in bench.records(f"SELECT PathOnClient FROM ContentVersion WHERE Title = '{title}'")
    ]


def _hits(bench: Bench) -> int:
    """How many requests met a fault; on a new connection, for the kept one may just be closing."""
    bench.org.http.close()
    return len(bench.org.admin("GET", "/faults/hits"))


def _due_now(bench: Bench) -> None:
    with bench.database.transaction() as connection:
        connection.execute("update fluint_sync.upload set retry_at = null")


def _states(bench: Bench) -> dict[str, int]:
    return dict(bench.ask("select state, count(*)::int from fluint_sync.upload group by 1"))


def _drain_until_done(bench: Bench, most: int = 500) -> int:
    """Drains, with the time that must pass in between, until everything is uploaded; returns how many drains that took."""
    for number in range(1, most):
        _due_now(bench)
        drain(bench.database, bench.client, run_id="proof")
        if set(_states(bench)) == {"uploaded"}:
            return number
        if number > 3 and set(_states(bench)) == {"uploaded", "sending"}:
            bench.org.admin("POST", "/clock", {"seconds": upload.LATE_COMMIT.total_seconds() + 1})
    raise AssertionError(_states(bench))


def test_a_thousand_answers_lost_after_the_commit_leave_a_thousand_versions(bench: Bench) -> None:
    """The issue's proof: as many versions as documents, whatever answers were lost."""
    _generate(bench, LOST, "Lost answers", b"lost")
    bench.org.admin("POST", "/faults", {"kind": "lose_answer", "times": LOST, **CREATE})
    began = time.monotonic()
    drains = _drain_until_done(bench)
    hits = _hits(bench)
    markers = _versions(bench, "Lost answers")
    print(
        f"\n{hits} answers lost, {drains} drains, {time.monotonic() - began:.0f} s; {len(markers)} versions"
    )
    assert hits == LOST
    assert len(markers) == len(set(markers)) == LOST


def test_two_hundred_commits_later_than_the_time_out_leave_two_hundred_versions(bench: Bench) -> None:
    """Each is looked for while it is not there yet; half of them appear only after that look."""
    _generate(bench, LATE, "Late commits", b"late")
    bench.org.admin("POST", "/faults", {"kind": "late_commit", "times": LATE, **CREATE})
    hasty = Salesforce(
        bench.org.app(),
        MemoryStore(bench.client._transport.tokens),
        sleep=lambda _: None,
        timeout=Timeouts(10, 0.5, 2),
    )
    began = time.monotonic()
    while _hits(bench) < LATE:
        drain(bench.database, hasty, run_id="proof", workers=8)
    _due_now(bench)
    looked = drain(bench.database, bench.client, run_id="proof")
    assert (looked.found, looked.uploaded) == (0, 0)
    released = bench.org.admin("POST", "/faults/release")
    drains = _drain_until_done(bench)
    markers = _versions(bench, "Late commits")
    print(
        f"\n{released} committed late, {drains} drains, {time.monotonic() - began:.0f} s; {len(markers)} versions"
    )
    assert len(markers) == len(set(markers)) == LATE


def test_two_processes_at_once_upload_each_version_once(bench: Bench) -> None:
    """Two daemons, or a run by hand beside the sensor's."""
    _generate(bench, 300, "Two at once", b"two")
    clients = [bench.client.another() for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        reports = list(pool.map(lambda client: drain(bench.database, client, run_id="proof"), clients))
    assert sum(report.uploaded for report in reports) == 300
    assert sum(report.is_busy for report in reports) >= 1
    markers = _versions(bench, "Two at once")
    assert len(markers) == len(set(markers)) == 300


@pytest.mark.parametrize("files", [FILES, FILES // 10])
def test_the_uploader_takes_at_most_a_fifth_longer_than_a_bare_loop(
    bench: Bench, tmp_path: Path, files: int
) -> None:
    """Reported, with the bound of the issue: 50 kB files, the same parallelism, the same multipart bodies.

    The bare loop posts half of them before and half after, for the org grows slower or warmer with what it holds.
    """
    content = b"0123456789" * (SIZE // 10)
    _generate(bench, files, f"Throughput {files}", content, tmp_path)
    paths = sorted(tmp_path.glob("*.pdf"))
    bare = _bare_loop(bench, paths[::2])
    began = time.monotonic()
    report = drain(bench.database, bench.client, run_id="benchmark", workers=WORKERS)
    while report.uploaded < files:  # a drain ends after its time
        report.uploaded += drain(bench.database, bench.client, run_id="benchmark", workers=WORKERS).uploaded
    ours = time.monotonic() - began
    bare += _bare_loop(bench, paths[1::2])
    print(f"\n{files} files of {SIZE} bytes: {ours:.1f} s, bare loop {bare:.1f} s, ratio {ours / bare:.2f}")
    assert report.uploaded == files
    assert ours <= 1.2 * bare


def _bare_loop(bench: Bench, paths: list[Path]) -> float:
    """Seconds that a plain loop takes to POST the files."""
    work: queue.SimpleQueue[Path] = queue.SimpleQueue()
    for path in paths:
        work.put(path)
    deal = sorted(bench.live("opportunity") & bench.entitled())[0]
    token = bench.client._transport.tokens.access_token
    failed: list[str] = []

    def worker() -> None:
        with requests.Session() as session:
            session.trust_env = False
            session.verify = bench.org.card["ca_file"]
            while not work.empty():
                try:
                    path = work.get_nowait()
                except queue.Empty:
                    return
                fields = {"Title": "Bare", "PathOnClient": path.name, "FirstPublishLocationId": deal}
                with path.open("rb") as file:
                    body = MultipartEncoder(
                        [
                            ("entity_content", (None, json.dumps(fields), "application/json")),
                            ("VersionData", (path.name, file, "application/pdf")),
                        ]
                    )
                    headers = {"Authorization": f"Bearer {token}", "Content-Type": body.content_type}
                    answer = session.post(
                        f"{bench.org.url}{V}/sobjects/ContentVersion", data=body, headers=headers, timeout=60
                    )
                if answer.status_code != 201:
                    failed.append(answer.text)

    threads = [threading.Thread(target=worker) for _ in range(WORKERS)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, failed[:3]
    return time.monotonic() - began


def test_a_gigabyte_goes_with_flat_memory(bench: Bench, tmp_path: Path) -> None:
    """A version may have two gigabytes; two of them in memory end the process, and with it every other document."""
    path = tmp_path / "large.pdf"
    digest, piece = hashlib.sha256(), bytes(range(256)) * 4_096
    with path.open("wb") as file:
        for _ in range(GIGABYTE // len(piece)):
            file.write(piece)
            digest.update(piece)
    _generate(bench, 1, "Large", b"x")
    with bench.database.transaction() as connection:
        connection.execute(
            "update fluint_app.document_version set content = null, content_uri = %s, byte_size = %s, sha256 = %s",
            [f"file://{path}", GIGABYTE, digest.hexdigest()],
        )
    before = _resident()
    tracemalloc.start()
    began = time.monotonic()
    report = drain(bench.database, bench.client, run_id="benchmark")
    seconds, peak = time.monotonic() - began, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(
        f"\n1 GB in {seconds:.0f} s; most of Python's own memory {peak / 1e6:.1f} MB, the process grew by"
        f" {(_resident() - before) / 1e6:.1f} MB"
    )
    assert report.uploaded == 1
    assert bench.ask("select state, reason from fluint_sync.upload") == [("uploaded", None)]
    assert peak < 50_000_000


def _resident() -> int:
    """The bytes of this process's peak resident memory."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
