"""Documents on their way to Salesforce: once each, in order, and with a reason when they do not arrive."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from orchestration.documents import upload
from orchestration.documents.library import add_version
from orchestration.documents.outbox import count_due
from orchestration.documents.upload import UploadReport, drain
from orchestration.errors import QuotaReachedError, SetupError, TransientError
from orchestration.postgres.locks import Hold, held_alone
from tests.contract.running_org import V
from tests.sync.bench import Bench

CREATE = ".*/sobjects/ContentVersion/?"


def _add(bench: Bench, deal: str, folder: Path, text: str = "one", title: str = "Business case") -> None:
    file = folder / "case.md"
    file.write_text(text)
    add_version(bench.database, file, opportunity_id=deal, title=title)


def _drain(bench: Bench) -> UploadReport:
    return drain(bench.database, bench.client, run_id="upload")


def _files(bench: Bench, deal: str, title: str) -> list[dict[str, Any]]:
    """The versions of the files with a title on a record, as the org has them."""
    links = bench.records(
        f"SELECT ContentDocumentId FROM ContentDocumentLink WHERE LinkedEntityId = '{deal}'"
    )
    found = []
    for link in links:
        found += bench.records(
            "SELECT Id, Title, VersionNumber, PathOnClient, ContentDocumentId, Checksum FROM ContentVersion"
            f" WHERE ContentDocumentId = '{link['ContentDocumentId']}'"
        )
    return sorted((row for row in found if row["Title"] == title), key=lambda row: int(row["VersionNumber"]))


def _due_now(bench: Bench) -> None:
    with bench.database.transaction() as connection:
        connection.execute("update fluint_sync.upload set retry_at = null")


@pytest.mark.parametrize(("lingers", "uploaded"), [(5.0, 2), (0.0, 1)])
def test_a_document_that_follows_another_goes_with_the_same_run_if_it_lingers(
    bench: Bench, deal: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lingers: float, uploaded: int
) -> None:
    """Whoever generates three documents waits for three runs to begin, each longer than all three uploads."""
    _add(bench, deal, tmp_path, title=f"First {lingers}")
    real, later = time.sleep, [lambda: _add(bench, deal, tmp_path, title=f"Next {lingers}")]

    def sleeping(seconds: float) -> None:
        while later:
            later.pop()()
        real(seconds)

    monkeypatch.setattr(upload, "time", SimpleNamespace(monotonic=time.monotonic, sleep=sleeping))
    report = drain(bench.database, bench.client, run_id="upload", lingers=lingers)
    sent = len(_files(bench, deal, f"First {lingers}")) + len(_files(bench, deal, f"Next {lingers}"))
    assert (report.uploaded, sent) == (uploaded, uploaded)


def test_two_versions_become_one_file_on_the_opportunity(bench: Bench, deal: str, tmp_path: Path) -> None:
    """A new file for every version, or a file that hangs on no record."""
    _add(bench, deal, tmp_path, "one", "Two versions")
    _add(bench, deal, tmp_path, "two", "Two versions")
    report = _drain(bench)
    files = _files(bench, deal, "Two versions")
    assert (report.uploaded, report.bytes_sent) == (2, 6)
    assert [row["VersionNumber"] for row in files] == ["1", "2"]
    assert len({row["ContentDocumentId"] for row in files}) == 1
    assert bench.ask("select state, count(*)::int from fluint_sync.upload group by 1") == [("uploaded", 2)]


def test_draining_again_sends_nothing(bench: Bench, deal: str, tmp_path: Path) -> None:
    """A sensor that is evaluated twice, and a document that appears twice."""
    _add(bench, deal, tmp_path, title="Sent once")
    _drain(bench)
    before = bench.log_position()
    assert _drain(bench).uploaded == 0
    assert bench.queries(before) == []
    assert len(_files(bench, deal, "Sent once")) == 1


def test_an_answer_that_is_lost_after_the_commit_ends_with_one_version(
    bench: Bench, deal: str, tmp_path: Path
) -> None:
    """simple-salesforce#535: the create arrived, its answer did not, and the retry makes a second file."""
    _add(bench, deal, tmp_path, title="Lost answer")
    bench.org.admin("POST", "/faults", {"kind": "lose_answer", "method": "POST", "path": CREATE})
    report = _drain(bench)
    assert (report.uploaded, dict(report.not_uploaded)) == (0, {"answer_lost": 1})
    assert bench.ask("select state from fluint_sync.upload") == [("sending",)]
    _due_now(bench)
    report = _drain(bench)
    assert (report.uploaded, report.found) == (0, 1)
    assert bench.ask("select state from fluint_sync.upload") == [("uploaded",)]
    assert len(_files(bench, deal, "Lost answer")) == 1


def test_a_version_that_may_still_be_committed_is_not_sent_again(
    bench: Bench, deal: str, tmp_path: Path
) -> None:
    """A commit that is later than our time-out: looking once and sending again makes a double."""
    _add(bench, deal, tmp_path, title="Late commit")
    bench.org.admin(
        "POST", "/faults", {"kind": "answer", "method": "POST", "path": CREATE, "status": 503, "times": 9}
    )
    _drain(bench)
    bench.org.admin("DELETE", "/faults")
    for _ in range(2):  # a look that finds nothing, and one a moment later
        _due_now(bench)
        assert _drain(bench).uploaded == 0
    bench.org.admin("POST", "/clock", {"seconds": upload.LATE_COMMIT.total_seconds() - 300})
    _due_now(bench)
    assert _drain(bench).uploaded == 0
    bench.org.admin("POST", "/clock", {"seconds": 600})
    _due_now(bench)
    assert _drain(bench).uploaded == 1
    assert len(_files(bench, deal, "Late commit")) == 1


def test_one_refused_document_holds_up_no_other(bench: Bench, deal: str, tmp_path: Path) -> None:
    """A whole batch that fails because of one deal that was deleted."""
    gone = sorted(bench.live("opportunity") & bench.entitled())[1]
    _add(bench, gone, tmp_path, title="For a deleted deal")
    _add(bench, deal, tmp_path, title="For a live deal")
    with bench.database.transaction() as connection:
        connection.execute(
            "update raw_salesforce.opportunity set _deleted_at = now(), _deleted_reason = 'soft_deleted' where id = %s",
            [gone],
        )
    report = _drain(bench)
    assert (report.uploaded, dict(report.not_uploaded)) == (1, {"deal_deleted": 1})
    assert _files(bench, gone, "For a deleted deal") == []


def test_a_later_version_waits_for_the_earlier_one(bench: Bench, deal: str, tmp_path: Path) -> None:
    """Version 2 that arrives before version 1 and is then buried under it."""
    _add(bench, deal, tmp_path, "one", "In order")
    _add(bench, deal, tmp_path, "two", "In order")
    bench.org.admin("POST", "/faults", {"kind": "lose_answer", "method": "POST", "path": CREATE})
    _drain(bench)
    assert bench.ask("select version_number, state from fluint_sync.upload order by 1") == [
        (1, "sending"),
        (2, "waiting"),
    ]
    _due_now(bench)
    _drain(bench)
    assert [row["PathOnClient"].rsplit(".v", 1)[1] for row in _files(bench, deal, "In order")] == [
        "1.md",
        "2.md",
    ]


def test_a_kill_between_sending_and_recording_ends_with_one_version(
    bench: Bench, deal: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that dies after Salesforce took the file and before we wrote so."""
    _add(bench, deal, tmp_path, title="Killed")

    class Killed(BaseException):
        """Nothing catches it, like a kill."""

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr("orchestration.documents.outbox.record_sent", die)
        with pytest.raises(Killed):
            _drain(bench)
    _due_now(bench)
    assert _drain(bench).found == 1
    assert len(_files(bench, deal, "Killed")) == 1


def test_only_what_was_generated_is_sent_and_nothing_is_changed_but_by_a_new_version(
    bench: Bench, deal: str, tmp_path: Path
) -> None:
    """A write to Salesforce that nobody asked for: the access log holds every request."""
    before = bench.log_position()
    _add(bench, deal, tmp_path, title="Only this")
    _drain(bench)
    calls = [(e["method"], e["path"]) for e in bench.org.admin("GET", f"/log?after={before}")]
    # Queries with long lists of ids travel in a composite's body; its subrequests are reads by the client's construction.
    writes = [call for call in calls if call[0] != "GET" and call[1] != f"{V}/composite"]
    assert writes == [("POST", f"{V}/sobjects/ContentVersion")]


def test_an_empty_file_and_an_unknown_deal_are_refused_before_anything_is_written(
    bench: Bench, deal: str, tmp_path: Path
) -> None:
    """Salesforce's own refusal of an empty file comes late and says little; a misspelt deal would wait for ever."""
    with pytest.raises(SetupError, match="empty"):
        _add(bench, deal, tmp_path, "")
    with pytest.raises(SetupError, match="no deal 006000000000000AAA"):
        _add(bench, "006000000000000AAA", tmp_path)
    assert bench.ask("select count(*) from fluint_app.document") == [(0,)]


def test_a_look_that_cannot_be_made_does_not_forget_that_the_version_was_sent(
    bench: Bench, deal: str, tmp_path: Path
) -> None:
    """The allowance ends between a lost answer and the look for it: sent again next day, without looking, it is there twice."""
    _add(bench, deal, tmp_path, title="Looked for later")
    bench.org.admin("POST", "/faults", {"kind": "lose_answer", "method": "POST", "path": CREATE})
    _drain(bench)
    _due_now(bench)
    with _at_the_limit(bench):
        bench.client.learn(8_500, 10_000, datetime.now(UTC) + timedelta(seconds=1))
        assert isinstance(_drain(bench).error, QuotaReachedError)
    _forget_usage(bench)
    _due_now(bench)
    assert _drain(bench).found == 1
    assert len(_files(bench, deal, "Looked for later")) == 1


def test_a_version_whose_own_upload_reaches_the_limit_is_not_sent_again(
    bench: Bench, deal: str, tmp_path: Path
) -> None:
    """The file is created by the last call that we allow ourselves; asking for its document's id is one too many."""
    _add(bench, deal, tmp_path, title="The last call")
    with _at_the_limit(bench):
        assert isinstance(_drain(bench).error, QuotaReachedError)
    _forget_usage(bench)
    _due_now(bench)
    _drain(bench)
    assert bench.ask("select state from fluint_sync.upload") == [("uploaded",)]
    assert len(_files(bench, deal, "The last call")) == 1


def test_a_version_that_cannot_be_sent_is_tried_more_and_more_seldom(
    bench: Bench, deal: str, tmp_path: Path
) -> None:
    """A run every minute, for ever, for a document that only an administrator can let in."""
    _add(bench, deal, tmp_path, title="Never")
    bench.org.admin("PATCH", "/switches", {"blocked_file_types": "md"})
    pauses = []
    for _ in range(3):
        assert _drain(bench).not_uploaded == {"type_blocked": 1}
        pauses += bench.ask(
            "select round(extract(epoch from retry_at - now()) / 60)::int from fluint_sync.upload"
        )
        _due_now(bench)
    assert pauses == sorted(set(pauses))


def test_a_version_behind_one_that_waits_is_not_due(bench: Bench, deal: str, tmp_path: Path) -> None:
    """A sensor that starts a run at every tick, which then finds nothing that it may send."""
    _add(bench, deal, tmp_path, "one", "Behind")
    bench.org.admin("POST", "/faults", {"kind": "lose_answer", "method": "POST", "path": CREATE})
    _drain(bench)
    _add(bench, deal, tmp_path, "two", "Behind")
    for _ in range(2):  # before and after the outbox knows the second version
        with bench.database.transaction() as connection:
            assert count_due(connection) == 0
        _drain(bench)
    _due_now(bench)
    with bench.database.transaction() as connection:
        assert count_due(connection) == 2


def test_bytes_that_cannot_be_opened_hold_up_no_other_document(
    bench: Bench, deal: str, tmp_path: Path
) -> None:
    """A storage that this machine has no driver for ends the run before the documents behind it are sent."""
    _add(bench, deal, tmp_path, title="Elsewhere")
    with bench.database.transaction() as connection:
        connection.execute(
            "update fluint_app.document_version set content = null, content_uri = 'nowhere://x/y.md'"
        )
    _add(bench, deal, tmp_path, title="Here")
    report = _drain(bench)
    assert (report.uploaded, dict(report.not_uploaded)) == (1, {"content_unreadable": 1})
    for _ in range(3):
        _due_now(bench)
        _drain(bench)
    pause = "select retry_at - now() > interval '2 minutes' from fluint_sync.upload where state = 'failed'"
    assert bench.ask(pause) == [(True,)]  # more and more seldom


@contextmanager
def _at_the_limit(bench: Bench) -> Iterator[None]:
    """Other applications have used the org's allowance up to our share while the block runs."""
    bench.org.admin("PATCH", "/switches", {"daily_api_limit": 10_000, "api_calls_used_by_others": 8_500})
    try:
        yield
    finally:
        bench.org.admin("PATCH", "/switches", {"daily_api_limit": 100_000, "api_calls_used_by_others": 0})


def _forget_usage(bench: Bench) -> None:
    """As if an hour had passed, after which a call may ask how things stand."""
    bench.client._transport.usage = None
    with bench.database.transaction() as connection:
        connection.execute("delete from fluint_sync.api_usage")


def test_a_file_costs_one_call_and_a_query_is_shared_by_hundreds(
    bench: Bench, deal: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two calls a file where one will do: ten thousand files would take the calls that the sync needs."""
    monkeypatch.setattr(upload, "_POLL", 10.0)  # or a slow machine confirms some while it sends the others
    _add(bench, deal, tmp_path, title="The page layout is asked for once a day")
    _drain(bench)
    for number in range(6):
        _add(bench, deal, tmp_path, title=f"Cheap {number}")
    before = bench.log_position()
    assert _drain(bench).uploaded == 6
    calls = [(e["method"], e["path"].removeprefix(V)) for e in bench.org.admin("GET", f"/log?after={before}")]
    posts = [call for call in calls if call == ("POST", "/sobjects/ContentVersion")]
    others = [call for call in calls if call not in posts and call[1] != "/services/data"]
    assert len(posts) == 6
    assert {path for _, path in others} == {"/queryAll"}
    assert len(others) <= 2  # one for all, or another where some were done before the last began


def test_a_file_that_takes_long_holds_up_neither_others_nor_what_comes_meanwhile(
    bench: Bench, deal: str, tmp_path: Path
) -> None:
    """Two gigabytes on their way for half an hour, and every other document waits for the end of the run."""
    _add(bench, deal, tmp_path, title="Takes long")
    for number in range(3):
        _add(bench, deal, tmp_path, title=f"Beside it {number}")
    slow = {"kind": "late_commit", "method": "POST", "path": CREATE, "about": "Takes long"}
    bench.org.admin("POST", "/faults", slow)
    with ThreadPoolExecutor(1) as pool:
        report = pool.submit(_drain, bench)
        try:
            _until_uploaded(bench, 3)
            _add(bench, deal, tmp_path, title="Came meanwhile")
            _until_uploaded(bench, 4)
            assert not report.done()
        finally:
            bench.org.admin("POST", "/faults/release")
        assert report.result().uploaded == 5


def _until_uploaded(bench: Bench, number: int) -> None:
    deadline = time.monotonic() + 60
    while bench.ask("select count(*)::int from fluint_sync.upload where state = 'uploaded'") != [(number,)]:
        assert time.monotonic() < deadline, bench.ask("select state, reason from fluint_sync.upload")
        time.sleep(0.05)


def test_a_run_beside_another_one_leaves_the_outbox_to_it(bench: Bench, deal: str, tmp_path: Path) -> None:
    """A sensor that is evaluated twice, or a run by hand beside the daemon's."""
    _add(bench, deal, tmp_path, title="In other hands")
    with held_alone(bench.database, "fluint documents"):
        report = _drain(bench)
        assert (report.is_busy, report.uploaded) == (True, 0)
    assert _drain(bench).uploaded == 1


def test_a_run_that_loses_its_lock_cuts_what_it_sends_and_the_next_one_sends_it(
    bench: Bench, deal: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database fails over; this run would go on sending what the next one already looks for."""
    _add(bench, deal, tmp_path, "x" * 100_000, title="Lost the lock")

    def lost(hold: Hold) -> None:
        if threading.current_thread() is not threading.main_thread():  # a sender, in the middle of a file
            raise TransientError("The connection to the database was lost.")

    with monkeypatch.context() as patched:
        patched.setattr(Hold, "insist", lost)
        assert _drain(bench).not_uploaded == {"not_taken": 1}
    assert _files(bench, deal, "Lost the lock") == []
    _due_now(bench)
    assert _drain(bench).uploaded == 1


def test_a_lock_whose_connection_has_died_is_noticed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock that is gone, and a process that asks only itself."""
    monkeypatch.setattr("orchestration.postgres.locks._ASK_EVERY", 0.0)
    with held_alone(bench.database, "fluint documents") as hold:
        assert hold is not None
        hold.insist()
        with bench.database.connect(autocommit=True) as other:
            other.execute(
                "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and pid <> pg_backend_pid()"
                " and database = (select oid from pg_database where datname = current_database())"
            )
        with pytest.raises(TransientError, match="the right to send"):
            hold.insist()
