"""Bulk API 2.0 query jobs: their states over time, and the background work that fills their results.

Belongs here: the jobs' table, workers, limits, retention. Does not: what a query may contain (bulk_rules.py), HTTP (bulk.py).
States (Bulk API 2.0 Developer Guide): UploadComplete → InProgress → JobComplete | Failed | Aborted.
"""

import logging
import random
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from datetime import timedelta
from pathlib import Path

from local_org import ids
from local_org.bulk_results import remove_results, write_results
from local_org.clock import as_stamp
from local_org.errors import ApiError, not_found
from local_org.org import Org

_TABLE = """create table if not exists _bulk_job (
    number integer primary key, operation text not null, query text not null, sobject text not null,
    is_ordered integer not null, is_chunkable integer not null, created_by text not null, created_at text not null,
    modified_at text not null, state text not null, api_version text not null, column_delimiter text not null,
    line_ending text not null, records integer, retries integer not null default 0, milliseconds integer not null default 0,
    error text, is_deleted integer not null default 0)"""
KEPT = timedelta(days=7)
WAITING, WORKING, DONE, FAILED, ABORTED = "UploadComplete", "InProgress", "JobComplete", "Failed", "Aborted"
TERMINAL = (DONE, FAILED, ABORTED)
WORKERS = 2
_BLOCK = 500
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Request:
    """What a create call asks for, already checked."""

    operation: str
    query: str
    sobject: str
    is_ordered: bool
    is_chunkable: bool
    created_by: str
    api_version: str
    column_delimiter: str
    line_ending: str


@dataclass(frozen=True)
class Job:
    """A job as the table knows it; times are the store's UTC text."""

    number: int
    operation: str
    query: str
    sobject: str
    is_ordered: int
    is_chunkable: int
    created_by: str
    created_at: str
    modified_at: str
    state: str
    api_version: str
    column_delimiter: str
    line_ending: str
    records: int | None
    retries: int
    milliseconds: int
    error: str | None

    @property
    def id(self) -> str:
        """The 18-character id."""
        return ids.make_id("750", self.number)


_COLUMNS = ", ".join(each.name for each in fields(Job))


class Jobs:
    """The query jobs of one org and the threads that do their work."""

    def __init__(self, org: Org) -> None:
        """Makes the table where it is missing and takes up the jobs that a stop of the server interrupted."""
        self._org = org
        self._directory = org.directory / "bulk"
        self._directory.mkdir(exist_ok=True)
        self._stopping = threading.Event()
        # Wakes whoever waits for a job's time to pass: an aborted job must not keep a worker.
        self._wake: defaultdict[int, threading.Event] = defaultdict(threading.Event)
        self._doomed: list[tuple[str, str]] = []
        self._dooms: dict[int, tuple[str, str]] = {}
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="bulk-job")
        org.store.execute(_TABLE)
        org.store.execute(
            "update _bulk_job set state = ?, retries = retries + 1 where state = ?", (WAITING, WORKING)
        )
        for job in self._select("state = ?", (WAITING,)):
            self._submit(job.number)

    def close(self) -> None:
        """Stops the workers; what they were doing is taken up again at the next start."""
        self._stopping.set()
        for wake in list(self._wake.values()):
            wake.set()
        self._workers.shutdown(wait=True, cancel_futures=True)

    def create(self, request: Request) -> Job:
        """Takes a job on. Raises ApiError LIMIT_EXCEEDED when the day's jobs are used up."""
        store, now = self._org.store, self._org.clock.stamp()
        limit = self._org.switches.daily_bulk_query_jobs
        if jobs_in_last_day(self._org) >= limit:
            raise ApiError(
                400, "LIMIT_EXCEEDED", f"Max bulk v2 query jobs ({limit}) per 24 hrs has been reached"
            )
        values = {each.name: getattr(request, each.name) for each in fields(request)}
        values |= {"created_at": now, "modified_at": now, "state": WAITING}
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        with store.transaction():
            store.execute(f"insert into _bulk_job ({names}) values ({marks})", list(values.values()))
            number = int(str(store.select("select max(number) from _bulk_job")[0][0]))
            if self._doomed:
                self._dooms[number] = self._doomed.pop(0)
        self._submit(number)
        return self._get(number)

    def doom(self, kind: str, error: str = "") -> None:
        """Lets the next job that is created go wrong: `stuck_job` stays InProgress for ever, `failed_job` fails with `error`."""
        self._doomed.append((kind, error or "InternalServerError : retried more than 15 times"))

    def get(self, job_id: str) -> Job:
        """Gives a job by its 15- or 18-character id. Raises ApiError 404 when it is unknown, deleted, or older than 7 days."""
        self._expire()
        full = ids.to_18(job_id) or ""
        if not full.startswith("750"):
            raise not_found()
        return self._get(ids.number_of(full))

    def listing(self, after: int, limit: int) -> list[Job]:
        """Gives at most `limit` jobs with a number above `after`, oldest first."""
        self._expire()
        return self._select("number > ? and not is_deleted order by number limit ?", (after, limit))

    def abort(self, job: Job) -> Job:
        """Stops a job that has not ended. Raises ApiError INVALIDJOBSTATE when it has."""
        if not self._move(job.number, (WAITING, WORKING), ABORTED):
            raise ApiError(400, "INVALIDJOBSTATE", "Aborting already Completed Job not allowed")
        self._wake[job.number].set()
        return self._get(job.number)

    def delete(self, job: Job) -> None:
        """Removes a job that has ended, and its results. Raises ApiError API_ERROR when it has not."""
        if job.state not in TERMINAL:
            raise ApiError(
                400, "API_ERROR", "Error encountered when deleting the job because the job is not terminated"
            )
        self._org.store.execute("update _bulk_job set is_deleted = 1 where number = ?", (job.number,))
        remove_results(self.path(job.number))

    def path(self, number: int) -> Path:
        """Gives where the results of a job lie."""
        return self._directory / f"{number}.csv"

    def _submit(self, number: int) -> None:
        work = self._workers.submit(self._work, number)
        work.add_done_callback(lambda _: self._wake.pop(number, None))

    def _get(self, number: int) -> Job:
        found = self._select("number = ? and not is_deleted", (number,))
        if not found:
            raise not_found()
        return found[0]

    def _select(self, where: str, parameters: Sequence[object]) -> list[Job]:
        rows = self._org.store.select(f"select {_COLUMNS} from _bulk_job where {where}", parameters)
        return [Job(*row) for row in rows]  # type: ignore[arg-type]

    def _move(self, number: int, states: Sequence[str], to: str, **more: object) -> bool:
        """Moves a job to another state if it is in one of `states`; whoever loses the race learns it by False."""
        values = {"state": to, "modified_at": self._org.clock.stamp(), **more}
        names = ", ".join(f"{name} = ?" for name in values)
        marks = ", ".join("?" * len(states))
        sql = f"update _bulk_job set {names} where number = ? and state in ({marks})"
        return self._org.store.execute(sql, [*values.values(), number, *states]) == 1

    def _expire(self) -> None:
        oldest = as_stamp(self._org.clock.now() - KEPT)
        marks = ", ".join("?" * len(TERMINAL))
        for job in self._select(
            f"not is_deleted and modified_at < ? and state in ({marks})", (oldest, *TERMINAL)
        ):
            self.delete(job)

    def _work(self, number: int) -> None:
        switches = self._org.switches
        if self._pause(number, switches.bulk_queued_seconds) or not self._move(number, (WAITING,), WORKING):
            return
        kind, error = self._dooms.pop(number, ("", ""))
        if kind == "failed_job":
            self._move(number, (WORKING,), FAILED, error=error, records=0, retries=15)
        if kind:
            return
        started = time.monotonic()
        try:
            records = self._fill(self._get(number))
        except _StoppedError:
            return
        except ApiError as refusal:
            self._move(number, (WORKING,), FAILED, error=f"{refusal.code} : {refusal.message}", records=0)
            return
        except Exception:
            _log.exception("The Bulk query job %s failed inside the local org", number)
            self._move(
                number,
                (WORKING,),
                FAILED,
                error="InternalServerError : An unexpected error occurred",
                records=0,
            )
            return
        self._pause(number, switches.bulk_processing_seconds - (time.monotonic() - started))
        milliseconds = max(1, round((time.monotonic() - started) * 1000))
        self._move(number, (WORKING,), DONE, records=records, milliseconds=milliseconds)

    def _pause(self, number: int, seconds: float) -> bool:
        """Lets time pass for a job; True when it was aborted meanwhile or the server stops."""
        wake = self._wake[number]  # Made before the look at _stopping: whoever stops later finds it.
        return self._stopping.is_set() or wake.wait(seconds)

    def _fill(self, job: Job) -> int:
        include_deleted = job.operation == "queryAll"
        result = self._org.query(job.query, user_id=job.created_by, include_deleted=include_deleted)
        rows = self._watched(job.number, result.rows())
        if not job.is_ordered:
            rows = _unordered(rows, seed=job.number)
        return write_results(
            self.path(job.number), result.columns, rows, job.column_delimiter, job.line_ending
        )

    def _watched(self, number: int, rows: Iterator[tuple[object, ...]]) -> Iterator[tuple[object, ...]]:
        for count, row in enumerate(rows):
            if count % 1_000 == 0 and (self._stopping.is_set() or self._get(number).state != WORKING):
                raise _StoppedError
            yield row


class _StoppedError(Exception):
    """The job was aborted, or the server stops."""


def jobs_in_last_day(org: Org) -> int:
    """Gives the query jobs created in the last 24 hours, deleted ones included."""
    since = as_stamp(org.clock.now() - timedelta(days=1))
    return int(str(org.store.select("select count(*) from _bulk_job where created_at > ?", (since,))[0][0]))


def _unordered(rows: Iterator[tuple[object, ...]], seed: int) -> Iterator[tuple[object, ...]]:
    """Yields the rows in no order that a client could lean on; jobs without ORDER BY promise none. Holds one block at a time."""
    shuffle = random.Random(seed).shuffle
    block: list[tuple[object, ...]] = []
    for row in rows:
        block.append(row)
        if len(block) == _BLOCK:
            shuffle(block)
            yield from block
            block.clear()
    shuffle(block)
    yield from block
