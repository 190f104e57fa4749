"""Bulk API 2.0 query jobs at work: the threads that fill their results, retention, abort and delete.

Belongs here: what becomes of a job over time. Does not: its row and states (bulk_table.py), what a query may contain (bulk_rules.py),
HTTP (bulk.py).
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

from local_org import bulk_csv, ids
from local_org.bulk_results import remove_results, size_of, write_results
from local_org.bulk_table import ABORTED, DONE, FAILED, TERMINAL, WAITING, WORKING, Job, JobTable, Request
from local_org.clock import as_stamp
from local_org.errors import ApiError, not_found
from local_org.org import Org

KEPT = timedelta(days=7)
WORKERS = 2
MOST_RETRIES = 15
_BLOCK = 1_000
_FIRST_VERSION_IN_SELECT_ORDER = 50.0
_log = logging.getLogger(__name__)


class Jobs:
    """The query jobs of one org and the threads that do their work."""

    def __init__(self, org: Org) -> None:
        """Takes up the jobs that a stop of the server interrupted."""
        self._org = org
        self.table = JobTable(org)
        self._directory = org.directory / "bulk"
        self._directory.mkdir(exist_ok=True)
        self._stopping = threading.Event()
        # Wakes whoever waits for a job's time to pass: an aborted job must not keep a worker.
        self._wake: dict[int, threading.Event] = {}
        self._doomed: list[tuple[str, str]] = []
        self._dooms: dict[int, tuple[str, str]] = {}
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="bulk-job")
        for job in self.table.select("state = ?", (WORKING,)):
            self.table.move(job.number, (WORKING,), WAITING, retries=job.retries + 1)
        for job in self.table.select("state = ?", (WAITING,)):
            self._submit(job.number)

    def close(self) -> None:
        """Stops the workers; what they were doing is taken up again at the next start."""
        self._stopping.set()
        for wake in list(self._wake.values()):
            wake.set()
        self._workers.shutdown(wait=True, cancel_futures=True)

    def create(self, request: Request) -> Job:
        """Takes a job on. Raises ApiError LIMIT_EXCEEDED when the day's jobs are used up."""
        self.table.check_allowance()
        job = self.table.add(request)
        if self._doomed:
            self._dooms[job.number] = self._doomed.pop(0)
        self._submit(job.number)
        return job

    def doom(self, kind: str, error: str = "") -> None:
        """Lets the next job that is created go wrong: `stuck_job` stays InProgress for ever, `failed_job` fails with `error`."""
        self._doomed.append((kind, error or "InternalServerError : retried more than 15 times"))

    def get(self, job_id: str) -> Job:
        """Gives a job by its 15- or 18-character id. Raises ApiError 404 when it is unknown, deleted, or older than 7 days."""
        self._expire()
        full = ids.to_18(job_id) or ""
        if not full.startswith("750"):
            raise not_found()
        return self.table.get(ids.number_of(full))

    def listing(self, job_type: str | None, after: int, limit: int) -> list[Job]:
        """Gives at most `limit` jobs with a number above `after`, oldest first, of every API unless `job_type` names one."""
        self._expire()
        kind = "" if job_type is None else " and job_type = ?"
        given = [after, *([] if job_type is None else [job_type]), limit]
        return self.table.select(f"number > ?{kind} and not is_deleted order by number limit ?", given)

    def abort(self, job: Job) -> Job:
        """Stops a job that has not ended. Raises ApiError INVALIDJOBSTATE when it has."""
        if not self.table.move(job.number, (WAITING, WORKING), ABORTED):
            raise ApiError(400, "INVALIDJOBSTATE", "Aborting already Completed Job not allowed")
        if wake := self._wake.get(job.number):
            wake.set()
        return self.table.get(job.number)

    def delete(self, job: Job) -> None:
        """Removes a job that has ended, and its results. Raises ApiError API_ERROR when it has not."""
        if job.state not in TERMINAL:
            raise ApiError(
                400, "API_ERROR", "Error encountered when deleting the job because the job is not terminated"
            )
        self.table.change(job.number, is_deleted=1)
        remove_results(self.path(job.number))

    def path(self, number: int) -> Path:
        """Gives where the results of a job lie."""
        return self._directory / f"{number}.csv"

    def _submit(self, number: int) -> None:
        self._wake[number] = threading.Event()
        work = self._workers.submit(self._work, number)
        work.add_done_callback(lambda _: self._wake.pop(number, None))

    def _expire(self) -> None:
        oldest = as_stamp(self._org.clock.now() - KEPT)
        marks = ", ".join("?" * len(TERMINAL))
        where = f"not is_deleted and modified_at < ? and state in ({marks})"
        for job in self.table.select(where, (oldest, *TERMINAL)):
            self.delete(job)

    def _work(self, number: int) -> None:
        if self._pause(number, self._org.switches.bulk_queued_seconds):
            return
        if not self.table.move(number, (WAITING,), WORKING):
            return
        kind, error = self._dooms.pop(number, ("", ""))
        if kind == "failed_job":
            self.table.move(number, (WORKING,), FAILED, error=error, records=0, retries=MOST_RETRIES)
        if kind:
            return
        started = time.monotonic()
        try:
            self._finish(number, started)
        except _StoppedError:
            remove_results(self.path(number))
        except ApiError as refusal:
            # In the words of a public log of such a job.
            self._fail(number, "InvalidBatch", f"Failed to process query: {refusal.code}: {refusal.message}")
        except Exception:
            _log.exception("The Bulk query job %s failed inside the local org", number)
            self._fail(number, "InternalServerError", "An unexpected error occurred")

    def _finish(self, number: int, started: float) -> None:
        job = self._retried(number)
        if job.retries > MOST_RETRIES:
            self._fail(number, "InternalServerError", f"The job was retried more than {MOST_RETRIES} times")
            return
        records = self._fill(job)
        self._pause(number, self._org.switches.bulk_processing_seconds - (time.monotonic() - started))
        milliseconds = max(1, round((time.monotonic() - started) * 1000))
        size = size_of(self.path(number))
        if not self.table.move(
            number, (WORKING,), DONE, records=records, milliseconds=milliseconds, bytes=size
        ):
            raise _StoppedError

    def _retried(self, number: int) -> Job:
        """Lets the platform's own retries pass, which a client sees in nothing but their number."""
        retries = self._org.switches.bulk_internal_retries
        if retries:
            self.table.change(number, retries=retries)
        return self.table.get(number)

    def _fail(self, number: int, code: str, text: str) -> None:
        message = f"{code} : {text}" if self._org.switches.bulk_error_message_has_code else text
        self.table.move(number, (WORKING,), FAILED, error=message, records=0)

    def _pause(self, number: int, seconds: float) -> bool:
        """Lets time pass for a job; True when it was aborted meanwhile or the server stops."""
        # Made before the job was submitted: whoever aborts it or stops the server finds it.
        wake = self._wake[number]
        return self._stopping.is_set() or wake.wait(seconds)

    def _fill(self, job: Job) -> int:
        include_deleted, switches = job.operation == "queryAll", self._org.switches
        result = self._org.query(job.query, user_id=job.created_by, include_deleted=include_deleted)
        dialect = bulk_csv.Dialect(
            job.column_delimiter,
            job.line_ending,
            switches.bulk_datetimes_with_offset,
            switches.bulk_scientific_numbers,
        )
        columns = result.plan.columns
        if float(job.api_version) < _FIRST_VERSION_IN_SELECT_ORDER:
            columns = tuple(sorted(columns, key=lambda each: each.name.lower()))
        lines = result.plan.each(bulk_csv.line(columns, dialect))
        blocks = self._org.store.blocks(lines.text, lines.parameters, _BLOCK)
        shuffle = None if job.is_ordered else random.Random(job.number).shuffle
        return write_results(
            self.path(job.number), bulk_csv.header(columns, dialect), self._watched(job, blocks, shuffle)
        )

    def _watched(
        self,
        job: Job,
        blocks: Iterator[list[tuple[object, ...]]],
        shuffle: Callable[[list[bytes]], None] | None,
    ) -> Iterator[list[bytes]]:
        """Yields the lines, without ORDER BY in no order that a client could lean on, until the job is aborted."""
        for block in blocks:
            if self._stopping.is_set() or self.table.get(job.number).state != WORKING:
                raise _StoppedError
            lines: list[bytes] = [row[0] for row in block]  # type: ignore[misc]
            if shuffle is not None:
                shuffle(lines)
            yield lines


class _StoppedError(Exception):
    """The job was aborted, or the server stops."""
