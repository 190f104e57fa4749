"""Attempts that overlap, take long or stop for all: who may still say something of a version, and whom a large file holds up."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from orchestration.documents import outbox, reasons, upload
from orchestration.documents.library import add_version, retry, retry_as_new
from orchestration.documents.look import InSalesforce
from orchestration.documents.standing import open_reasons
from orchestration.documents.upload import UploadReport, drain
from orchestration.errors import SetupError
from tests.sync.bench import Bench

CREATE = {"method": "POST", "path": ".*/sobjects/ContentVersion/?"}
_PATIENCE = 120


def _add(bench: Bench, deal: str, folder: Path, title: str, text: str = "one") -> None:
    file = folder / "case.md"
    file.write_text(text)
    add_version(bench.database, file, opportunity_id=deal, title=title)


def _drain(bench: Bench, workers: int = 2) -> UploadReport:
    return drain(bench.database, bench.client, run_id="upload", workers=workers)


def _run(bench: Bench, statement: str) -> None:
    with bench.database.transaction() as connection:
        connection.execute(statement.encode())


def _due_now(bench: Bench) -> None:
    _run(bench, "update fluint_sync.upload set retry_at = null")


def _until(bench: Bench, query: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not bench.ask(query):
        assert time.monotonic() < deadline, bench.ask("select state, reason from fluint_sync.upload")
        time.sleep(0.05)


def test_an_attempt_that_is_over_says_nothing_about_the_next_one(
    bench: Bench, deal: str, tmp_path: Path
) -> None:
    """A process wakes up, notes that its upload failed, and so has the version sent again that another one is just sending."""
    _add(bench, deal, tmp_path, "Overlapping")
    with bench.database.connect(autocommit=True) as connection:
        outbox.enqueue(connection)
        (version,) = outbox.due(connection, [], 10)
        first = outbox.begin_sending(connection, version, "first")
        assert first is not None
        assert outbox.begin_sending(connection, version, "nobody") is None
        outbox.record_never_arrived(connection, first)
        (version,) = outbox.due(connection, [], 10)
        second = outbox.begin_sending(connection, version, "second")
        assert second is not None
        outbox.record_not_taken(connection, first, reasons.NOT_TAKEN)
        outbox.record_sent(connection, first, "068000000000001AAA", None)
        outbox.record_never_arrived(connection, first)
        assert bench.ask("select state, reason from fluint_sync.upload") == [("sending", None)]
        outbox.record_sent(connection, second, "068000000000002AAA", None)
    assert bench.ask("select state, content_version_id from fluint_sync.upload") == [
        ("sent", "068000000000002AAA")
    ]


class _Stuck(io.BytesIO):
    """Bytes of a store that stops answering in the middle, and goes on when it is let."""

    def __init__(self, content: bytes, asked: threading.Event, go_on: threading.Event) -> None:
        super().__init__(content)
        self._asked, self._go_on = asked, go_on

    def read(self, size: int | None = -1) -> bytes:
        """Hands out a first piece, and then waits."""
        if self.tell():
            self._asked.set()
            assert self._go_on.wait(_PATIENCE)
        return super().read(size)


def test_an_upload_that_hangs_for_longer_than_the_wait_for_it_does_not_end_as_a_second_file(
    bench: Bench, deal: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store hangs, the database fails over, another run looks, waits and sends; then the first one goes on where it was."""
    monkeypatch.setattr("orchestration.postgres.locks._ASK_EVERY", 0.0)
    content = b"x" * 200_000
    _add(bench, deal, tmp_path, "Hung", content.decode())
    _run(bench, "update fluint_app.document_version set content = null, content_uri = 'stuck://case.md'")
    asked, go_on = threading.Event(), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(
            drain,
            bench.database,
            bench.client.another(),
            run_id="first",
            open_uri=lambda _: _Stuck(content, asked, go_on),
        )
        try:
            assert asked.wait(_PATIENCE)
            _run(
                bench,
                "select pg_terminate_backend(pid, 60000) from pg_locks where locktype = 'advisory'"
                " and database = (select oid from pg_database where datname = current_database())",
            )
            for uploaded in (0, 1):
                _due_now(bench)
                report = drain(
                    bench.database, bench.client, run_id="second", open_uri=lambda _: io.BytesIO(content)
                )
                assert report.uploaded == uploaded
                bench.org.admin("POST", "/clock", {"seconds": upload.LATE_COMMIT.total_seconds() + 1})
        finally:
            go_on.set()
        assert first.result().uploaded == 0
    assert bench.ask("select state, run_id from fluint_sync.upload") == [("uploaded", "second")]
    assert len(bench.ids("SELECT Id FROM ContentVersion WHERE Title = 'Hung'")) == 1


@contextmanager
def _underway(bench: Bench, *titles: str) -> Iterator[Future[UploadReport]]:
    """A drain in which the uploads of these titles take until the block ends."""
    for title in titles:
        bench.org.admin("POST", "/faults", {"kind": "late_commit", "about": title, **CREATE})
    with ThreadPoolExecutor(1) as pool:
        report = pool.submit(_drain, bench)
        try:
            while len(bench.org.admin("GET", "/faults/hits")) < 1:
                assert not report.done()
                time.sleep(0.05)
            yield report
        finally:
            bench.org.admin("DELETE", "/faults")  # first, lest another upload waits for a release that was
            bench.org.admin("POST", "/faults/release")


def test_large_files_leave_a_sender_to_the_others(
    bench: Bench, deal: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many files of two gigabytes as there are senders, and for half an hour nothing else reaches Salesforce."""
    monkeypatch.setattr(upload, "LARGE", 50)
    for title in ("Large A", "Large B"):
        _add(bench, deal, tmp_path, title, title * 20)
    with _underway(bench, "Large A", "Large B"):
        _add(bench, deal, tmp_path, "Small beside large")
        _until(bench, "select from fluint_sync.upload where state = 'uploaded'")
    _due_now(bench)
    _drain(bench)
    assert len(bench.ids("SELECT Id FROM ContentVersion WHERE Title LIKE 'Large %'")) == 2


def test_a_file_that_keeps_a_run_from_its_end_does_not_keep_others_waiting(
    bench: Bench, deal: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run begins nothing after ten minutes, and goes on for twenty for one file: what is generated meanwhile waits for that."""
    monkeypatch.setattr(upload, "LONGEST", 5.0)
    _add(bench, deal, tmp_path, "Longer than a run")
    with _underway(bench, "Longer than a run") as report:
        time.sleep(5.1)
        _add(bench, deal, tmp_path, "After its time")
        _until(bench, "select from fluint_sync.upload where state = 'uploaded'")
        assert not report.done()


def test_what_stops_one_document_for_a_person_is_the_reason_of_all_that_wait(
    bench: Bench, deal: str, tmp_path: Path
) -> None:
    """Three documents of ten say that the connection is broken, and the others nothing at all."""
    for number in range(5):
        _add(bench, deal, tmp_path, f"Stopped {number}")
    bench.org.admin("POST", "/mistakes", ["api_disabled_for_user"])
    try:
        assert _drain(bench, workers=1).error is not None
        assert {(r.code, r.outlook) for r in open_reasons(bench.database)} == {("setup", "needs_admin")}
        assert sum(r.versions for r in open_reasons(bench.database)) == 5
    finally:
        bench.org.admin("DELETE", "/mistakes")
    _due_now(bench)
    assert _drain(bench).uploaded == 5
    assert not open_reasons(bench.database)


def test_bytes_that_were_still_being_stored_are_sent_once_they_are_there(
    bench: Bench, deal: str, tmp_path: Path
) -> None:
    """Given up for good because a store cut an answer short, or the app wrote its row before the file was whole."""
    _add(bench, deal, tmp_path, "Half written", "one and two")
    (content,) = bench.ask("select content from fluint_app.document_version")[0]
    _run(bench, "update fluint_app.document_version set content = 'one'")
    for _ in range(2):
        assert _drain(bench).not_uploaded == {"content_differs": 1}
        assert bench.ask("select state, outlook, retry_at > now() from fluint_sync.upload") == [
            ("failed", "waits_until", True)
        ]
        _due_now(bench)
    with bench.database.transaction() as connection:
        connection.execute("update fluint_app.document_version set content = %s", [content])
    assert _drain(bench).uploaded == 1


def test_a_file_that_was_restored_takes_what_is_missing_and_is_not_begun_anew(
    bench: Bench, deal: str, tmp_path: Path
) -> None:
    """Deleted by mistake and brought back from the recycle bin: a new file beside it would be a double."""
    _add(bench, deal, tmp_path, "Restored")
    _drain(bench)
    (document, file) = bench.ask("select document_id, content_document_id from fluint_sync.upload")[0]
    bench.write("DELETE", f"/sobjects/ContentDocument/{file}")
    _add(bench, deal, tmp_path, "Restored", "two")
    assert _drain(bench).not_uploaded == {"file_deleted": 1}
    bench.org.admin("POST", f"/records/ContentDocument/{file}/undelete")
    with pytest.raises(SetupError, match="sends what is missing"):
        retry_as_new(bench.database, document, lambda _: False)
    assert retry(bench.database, document) == 1
    assert _drain(bench).uploaded == 1
    assert bench.ask("select distinct content_document_id from fluint_sync.upload") == [(file,)]


@pytest.mark.parametrize(
    ("shown", "reason"),
    [
        ([("a", "ok", 3, False)], None),
        ([("a", "ok", None, False)], None),
        ([("a", None, 3, False)], None),
        ([("a", "other", 3, False)], "checksum_differs"),
        ([("a", "ok", 4, False)], "checksum_differs"),
        ([("a", "ok", 3, True)], "file_deleted"),
        ([("a", "ok", 3, True), ("b", "ok", 3, False)], None),
        ([("a", "ok", 3, False), ("b", "ok", 3, False)], "double"),
    ],
)
def test_what_is_found_is_judged_by_what_salesforce_says_and_not_by_what_it_leaves_out(
    bench: Bench,
    deal: str,
    tmp_path: Path,
    shown: list[tuple[str, str | None, int | None, bool]],
    reason: str | None,
) -> None:
    """A size that Salesforce does not give, taken for another one: given up, although everything is in order."""
    _add(bench, deal, tmp_path, "Judged")
    there = [InSalesforce(i, "069", "m", c, size, gone) for i, c, size, gone in shown]
    with bench.database.connect(autocommit=True) as connection:
        outbox.enqueue(connection)
        (version,) = outbox.due(connection, [], 1)
        judged = upload.what_is_wrong(version, there, lambda: "ok")
    assert (judged.code if judged else None) == reason
