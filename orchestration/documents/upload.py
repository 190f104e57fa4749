"""Drains the outbox: one process at a time, several senders in it, each version of a document after the one before it.

This thread decides: it looks for versions whose upload ended unclearly, hands out what is due, and asks Salesforce in one query
about hundreds of versions that it took. Senders (sender.py) only send; large files leave one of them to the others. Calls: one POST a
file, one query for 200 of them.
The rules are in docs/documents.md.
"""

from __future__ import annotations

import io
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import BinaryIO

from orchestration.documents import outbox, reasons
from orchestration.documents.content import md5_of, open_content, opened
from orchestration.documents.files_list import deals_without_files_list
from orchestration.documents.look import TOGETHER, InSalesforce, confirm, look_for
from orchestration.documents.outbox import DueVersion
from orchestration.documents.reasons import Reason
from orchestration.documents.sender import Outcome, Sender
from orchestration.errors import (
    ContentUnreadableError,
    FluintError,
    QuotaReachedError,
    Remedy,
    TransientError,
)
from orchestration.postgres.api_ledger import recall_usage, record_calls
from orchestration.postgres.connection import Connection, Database
from orchestration.postgres.locks import Hold, held_alone
from orchestration.salesforce.client import Salesforce

LATE_COMMIT = timedelta(minutes=30)
"""How long after a look that found nothing a file can still appear by itself: ten minutes for Salesforce's longest transaction
(Developer Limits, REST time-out), a quarter of an hour in which the kernel goes on delivering what a process wrote before it was
killed (Linux, tcp_retries2), and what a sender takes to notice that it must stop. Both looks are dated by Salesforce's clock."""

SHOWN_WITHIN = timedelta(days=1)
"""How long a version that Salesforce took is asked for before it counts as one that the integration user does not see."""

WORKERS = 4
_LOOK_AGAIN = timedelta(minutes=5)
_TAKEN_AT_ONCE = 500
ROLLING = timedelta(hours=1)
"""How long to wait at the limit of file versions: the day rolls, so an hour frees about a twenty-fourth of it."""
_POLL = 1.0  # seconds between two looks into the outbox while large files are under way, or nothing is
_MOST_IN_VAIN = 20  # unclear or untaken one after the other: Salesforce is away
LONGEST = 600.0
"""Seconds after which a drain begins nothing new, so that the run ends. Small files go on beside one that keeps it from ending."""
LARGE = 32 * 1024**2
"""Bytes from which a file is large: it may take half an hour, and others do not wait for it."""


@dataclass
class UploadReport:
    """What one drain did: versions uploaded (by it, or found to be there), bytes sent, and what is not uploaded, by reason.

    `is_busy`: another process drains the outbox, and nothing was done. `error`: what ended the drain early.
    """

    uploaded: int = 0
    bytes_sent: int = 0
    found: int = 0
    not_uploaded: Counter[str] = field(default_factory=Counter)
    error: FluintError | None = None
    until: datetime | None = None
    is_busy: bool = False


def drain(
    database: Database,
    salesforce: Salesforce,
    *,
    run_id: str,
    open_uri: Callable[[str], BinaryIO] = open_content,
    workers: int = WORKERS,
    lingers: float = 0.0,
) -> UploadReport:
    """Uploads every version that is due; one bad document does not hold up others.

    After a version that it sent it goes on looking into the outbox for `lingers` seconds: where one document was generated another
    often follows, and a run that begins anew takes longer than the upload.
    Ends early, with `error` set, when nothing more can be sent for the moment: no calls or versions left, or no connection.
    """
    report = UploadReport()
    with held_alone(database, "fluint documents") as hold, ExitStack() as stack:
        if hold is None:
            report.is_busy = True
            return report
        recall_usage(database, salesforce.learn)
        connection = stack.enter_context(database.connect(autocommit=True))
        stack.enter_context(salesforce.purpose("upload"))
        senders = stack.enter_context(_senders(database, salesforce, open_uri, run_id, hold))
        try:
            with ThreadPoolExecutor(workers, thread_name_prefix="upload") as pool:
                _Drain(
                    connection, salesforce, open_uri, pool, senders, hold.insist, workers, report, lingers
                ).run()
        finally:
            record_calls(database, run_id, salesforce.take_calls(), salesforce.usage)
    return report


Send = Callable[[DueVersion], Outcome | None]


@contextmanager
def _senders(
    database: Database,
    salesforce: Salesforce,
    open_uri: Callable[[str], BinaryIO],
    run_id: str,
    hold: Hold,
) -> Iterator[Send]:
    """Gives a function that sends with the sender of its thread; all are closed at the end, and their calls recorded."""
    made: dict[int, Sender] = {}
    with ExitStack() as held:

        def send(version: DueVersion) -> Outcome | None:
            here = threading.get_ident()
            if here not in made:
                connection = held.enter_context(closing(database.connect(autocommit=True)))
                client = held.enter_context(closing(salesforce.another()))
                made[here] = Sender(connection, client, open_uri, run_id, hold.insist)
            outcome = made[here].send(version)
            if usage := made[here].salesforce.usage:  # what one client learned, the others need not ask
                salesforce.learn(usage.used, usage.allowed, usage.seen_at)
            return outcome

        try:
            yield send
        finally:
            for sender in made.values():
                record_calls(database, run_id, sender.salesforce.take_calls(), sender.salesforce.usage)


@dataclass(frozen=True)
class _UnderWay:
    """A version in a sender's hands, and since when (monotonic)."""

    version: DueVersion
    since: float


@dataclass
class _Drain:
    """The deciding thread of one drain."""

    connection: Connection
    salesforce: Salesforce
    open_uri: Callable[[str], BinaryIO]
    pool: ThreadPoolExecutor
    send: Send
    may_go_on: Callable[[], None]
    workers: int
    report: UploadReport
    lingers: float = 0.0
    _sent_last: float | None = None
    _due: deque[DueVersion] = field(default_factory=deque)
    _large: deque[DueVersion] = field(default_factory=deque)
    _sending: dict[Future[Outcome | None], _UnderWay] = field(default_factory=dict)
    _taken: list[DueVersion] = field(default_factory=list)
    _in_vain: int = 0
    _is_stale: bool = True
    _began: float = field(default_factory=time.monotonic)
    _looked: float = 0.0
    _confirmed: float = field(default_factory=time.monotonic)

    def run(self) -> None:
        """Goes on until nothing is due, or nothing more can be sent; what is under way is always brought to its end."""
        while True:
            self._take()
            self._hand_out()
            if self._sending:
                done, _ = wait(self._sending, timeout=_POLL, return_when=FIRST_COMPLETED)
                for future in done:
                    del self._sending[future]
                    self._note(future.result())
            if len(self._taken) >= TOGETHER or (self._taken and self._may_confirm()):
                self._confirm()
            elif not (self._sending or self._due or self._large or self._is_stale):
                if not self._may_linger():
                    return
                time.sleep(_POLL)

    def _is_over(self) -> bool:
        try:
            self.may_go_on()  # another process looks by now, and what is `sending` is in its hands
        except TransientError as error:
            self.report.error = self.report.error or error
        if self.report.error is not None:
            return True
        ends = self._began + LONGEST
        return time.monotonic() > ends and not any(each.since < ends for each in self._sending.values())

    def _may_linger(self) -> bool:
        if self._sent_last is None or self.report.error is not None:
            return False
        return time.monotonic() - self._sent_last < self.lingers

    def _may_confirm(self) -> bool:
        return not self._sending or time.monotonic() - self._confirmed > _POLL

    def _take(self) -> None:
        """Looks into the outbox when there is nothing left to hand out, and something may have come."""
        if self._is_over():
            if self.report.error is None and (self._due or self._large or self._is_stale):
                outbox.explain_waiting(self.connection, reasons.IN_LINE)
            self._due.clear()
            self._large.clear()
            self._is_stale = False
            return
        if self._due or not (self._is_stale or time.monotonic() - self._looked > _POLL):
            return
        self.report.not_uploaded.update(outbox.enqueue(self.connection))
        under_way = [each.version for each in self._sending.values()]
        busy = {version.document_id for version in [*under_way, *self._taken, *self._large]}
        found = outbox.due(self.connection, busy, _TAKEN_AT_ONCE)
        self._looked, self._is_stale = time.monotonic(), bool(found)
        for version in (v for v in found if v.state in ("waiting", "failed")):
            (self._large if version.byte_size >= LARGE else self._due).append(version)
        self._taken += [v for v in found if v.state == "sent"]
        if unclear := [v for v in found if v.state == "sending"]:
            self._look(unclear)

    def _hand_out(self) -> None:
        while self._large and self._may_begin_large():
            self._begin(self._large.popleft())
        while self._due and len(self._sending) < 2 * self.workers:
            self._begin(self._due.popleft())

    def _may_begin_large(self) -> bool:
        large = sum(each.version.byte_size >= LARGE for each in self._sending.values())
        return large < max(1, self.workers - 1) and time.monotonic() - self._began <= LONGEST

    def _begin(self, version: DueVersion) -> None:
        self._sending[self.pool.submit(self.send, version)] = _UnderWay(version, time.monotonic())

    def _note(self, outcome: Outcome | None) -> None:
        if outcome is None:
            return
        if outcome.content_version_id:
            self._in_vain, self._sent_last = 0, time.monotonic()
            self.report.bytes_sent += outcome.version.byte_size
            self._taken.append(
                replace(outcome.version, content_version_id=outcome.content_version_id, md5=outcome.md5)
            )
            return
        assert outcome.reason is not None  # it was not sent
        self.report.not_uploaded[outcome.reason.code] += 1
        if outcome.reason is reasons.PUBLICATION_LIMIT:
            self._stop(outcome.error, outcome.reason, datetime.now(UTC) + ROLLING)
        elif isinstance(outcome.error, QuotaReachedError):
            self._stop(outcome.error, outcome.reason, outcome.error.until)
        elif isinstance(outcome.error, TransientError):
            self._in_vain += 1
            if self._in_vain >= _MOST_IN_VAIN:
                self._stop(outcome.error, reasons.NOT_TAKEN)
        elif outcome.error:
            self._stop(outcome.error, outcome.reason)
        else:
            self._in_vain = 0

    def _stop(self, error: FluintError | None, reason: Reason, until: datetime | None = None) -> None:
        outbox.hold_back(self.connection, reason, until)
        self.report.error = self.report.error or error
        self.report.until = self.report.until or until

    def _failed(self, error: FluintError) -> None:
        """Notes that a question could not be asked; what stops every question stops the drain."""
        if isinstance(error, QuotaReachedError):
            self._stop(error, reasons.API_LIMIT, error.until)
        elif error.remedy is not Remedy.RETRY:
            self._stop(error, reasons.of_all(error))

    def _look(self, versions: Sequence[DueVersion]) -> None:
        """Looks for versions of unknown outcome; one that was not there twice, half an hour apart, is sent again."""
        try:
            look = look_for(self.salesforce, versions)
        except FluintError as error:
            outbox.record_unclear(self.connection, versions, _LOOK_AGAIN)
            self.report.not_uploaded[reasons.ANSWER_LOST.code] += len(versions)
            return self._failed(error)
        for version in versions:
            found = look.found.get(version.marker)
            if found:
                self._settle(version, found)
                self.report.found += 1
            elif version.first_look_at and look.at - version.first_look_at >= LATE_COMMIT:
                outbox.record_never_arrived(self.connection, version)
            else:
                rest = LATE_COMMIT - (look.at - (version.first_look_at or look.at))
                outbox.record_not_found(self.connection, version, look.at, min(rest, _LOOK_AGAIN))
                self.report.not_uploaded[reasons.ANSWER_LOST.code] += 1
        return None

    def _confirm(self) -> None:
        """Asks Salesforce for document and checksum of what it took; only then can the next version of a document go."""
        taken, self._taken = self._taken, []
        self._confirmed, self._is_stale = time.monotonic(), True
        shown: dict[str, InSalesforce] | None = None
        try:
            shown = confirm(self.salesforce, [str(version.content_version_id) for version in taken])
        except FluintError as error:
            self._failed(error)
        hidden = self._without_files_list(taken) if shown else set()
        with self.connection.pipeline():
            for version in taken:
                if there := (shown or {}).get(str(version.content_version_id)):
                    self._settle(version, [there], is_shown=version.opportunity_id not in hidden)
                    self.report.uploaded += 1
                else:
                    self._not_confirmed(version, is_left_out=shown is not None)

    def _not_confirmed(self, version: DueVersion, *, is_left_out: bool) -> None:
        """Asks again later; after a day of answers that leave it out, it is another user's, or was deleted before it was ever seen."""
        since = version.sending_since
        if is_left_out and since and datetime.now(UTC) - since >= SHOWN_WITHIN:
            outbox.record_never_shown(self.connection, version)
            self.report.not_uploaded[reasons.FILE_NOT_SHOWN.code] += 1
        else:
            outbox.record_not_confirmed(self.connection, version, reasons.NOT_CONFIRMED)
            self.report.not_uploaded[reasons.NOT_CONFIRMED.code] += 1

    def _without_files_list(self, versions: Sequence[DueVersion]) -> set[str]:
        try:
            deals = sorted({version.opportunity_id for version in versions})
            return deals_without_files_list(self.connection, self.salesforce, deals)
        except FluintError:
            return set()  # the daily sweep asks again; the file is there all the same

    def _settle(self, version: DueVersion, there: Sequence[InSalesforce], *, is_shown: bool = True) -> None:
        """Records where a version stands, with what is wrong about it there."""
        first = next((one for one in there if not one.is_deleted), there[0])
        reason = what_is_wrong(version, there, lambda: version.md5 or self._md5_of(version))
        reason = reason or (None if is_shown else reasons.FILES_LIST_MISSING)
        outbox.record_uploaded(
            self.connection, version, first.content_version_id, first.content_document_id, reason
        )

    def _md5_of(self, version: DueVersion) -> str | None:
        """The MD5 of a version that an earlier process sent; None where its bytes cannot be read, or are others by now."""
        if not version.content_uri:
            stored = outbox.content_of(self.connection, version) or b""
            return md5_of(io.BytesIO(stored), version.sha256)
        try:
            with opened(self.open_uri, version.content_uri) as content:
                return md5_of(content, version.sha256)
        except ContentUnreadableError:
            return None


def what_is_wrong(
    version: DueVersion, there: Sequence[InSalesforce], md5: Callable[[], str | None]
) -> Reason | None:
    """What is wrong about a version where it stands, as far as Salesforce says; a deleted double is as good as none.

    `md5` gives that of the bytes that were sent, None where nobody knows it any more.
    """
    live = [one for one in there if not one.is_deleted]
    if not live:
        return reasons.FILE_DELETED
    if len(live) > 1:
        return reasons.DOUBLE
    (one,) = live
    if one.byte_size not in (None, version.byte_size):
        return reasons.CHECKSUM_DIFFERS
    sent = md5() if one.checksum else None
    return reasons.CHECKSUM_DIFFERS if sent and one.checksum and one.checksum.lower() != sent else None
