"""Bulk API 2.0 query jobs: create, wait, stream the results, tidy up. Only jobs made here can be touched; loading belongs elsewhere.

Facts: Bulk API 2.0 and Bulk API Developer Guide, "Query Jobs". A job's rows come unordered, every page with its header line.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import requests
import tenacity

from orchestration.errors import BulkUnavailableError, FluintError, IncompleteReadError
from orchestration.salesforce.responses import Ask, no_answer, parse_json
from orchestration.salesforce.soql import sobject_of
from orchestration.salesforce.transport import Transport

DEADLINE = timedelta(hours=2)
"""From creating a job to its last byte; Salesforce promises no time, and its own retries end sooner."""

_ENDED = frozenset({"JobComplete", "Failed", "Aborted"})

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BulkPage:
    """One page of CSV on its way: `chunks` can be read once; `announced` is its number of records by Sforce-NumberOfRecords."""

    chunks: Iterator[bytes] = field(repr=False)
    announced: int


@dataclass(frozen=True)
class BulkJob:
    """One finished query job. `created_at` (aware, UTC) is its read_at: no row was read before it.

    The reader compares the rows that it loaded with `record_count`; only then does what it read count as whole.
    """

    id: str
    sobject: str
    created_at: datetime
    record_count: int
    pages: Callable[[], Iterator[BulkPage]] = field(repr=False)


@contextmanager
def bulk_query(
    transport: Transport,
    base: str,
    soql: str,
    *,
    include_deleted: bool,
    deadline: timedelta,
    sleep: Callable[[float], None],
) -> Iterator[BulkJob]:
    """Yields a finished job; on leaving, aborts it if it still runs and deletes it with its results.

    Raises `BulkUnavailableError` when the Bulk API refuses the query, is used up for today, fails, or does not finish in time: REST
    can still read it.
    """
    sobject = sobject_of(soql)
    until = time.monotonic() + deadline.total_seconds()
    ask = Ask("bulk", sobject)
    with transport.asking(ask):
        body = {"operation": "queryAll" if include_deleted else "query", "query": soql}
        created = _job(transport, ask, "POST", f"{base}/jobs/query", json=body)
        url = f"{base}/jobs/query/{created['id']}"
        state = ""
        try:
            finished = _wait(transport, url, ask, until, sleep)
            state = str(finished["state"])
            _check(finished, sobject)
            yield BulkJob(
                id=str(created["id"]),
                sobject=sobject,
                created_at=datetime.fromisoformat(created["createdDate"]),
                record_count=int(finished["numberRecordsProcessed"]),
                pages=lambda: _pages(transport, url, sobject, until),
            )
        finally:
            _tidy(transport, url, is_ended=state in _ENDED)


def _job(transport: Transport, ask: Ask, method: str, url: str, **kwargs: Any) -> Mapping[str, Any]:
    def parse(response: requests.Response) -> Mapping[str, Any]:
        answer = parse_json(response.content, ask)
        if not isinstance(answer, dict) or "id" not in answer:
            raise no_answer(ask)
        return answer

    return transport.read(method, url, parse, **kwargs)


def _wait(
    transport: Transport, url: str, ask: Ask, until: float, sleep: Callable[[float], None]
) -> Mapping[str, Any]:
    """Polls until the job has ended, more rarely the longer it takes: 0.2 s at first, 30 s at most."""

    def stuck(attempts: tenacity.RetryCallState) -> Mapping[str, Any]:
        raise BulkUnavailableError(
            f"Salesforce did not finish the Bulk job for {ask.sobject} in time ({attempts.attempt_number} looks); it was aborted and is"
            " read by REST in smaller ranges instead."
        )

    return tenacity.Retrying(
        retry=tenacity.retry_if_result(lambda job: job.get("state") not in _ENDED),
        wait=tenacity.wait_exponential(multiplier=0.2, max=30),
        stop=lambda _: time.monotonic() >= until,
        sleep=sleep,
        retry_error_callback=stuck,
        reraise=True,
    )(lambda: _job(transport, ask, "GET", url))


def _check(job: Mapping[str, Any], sobject: str) -> None:
    if job["state"] == "JobComplete" and job.get("numberRecordsProcessed") is not None:
        return
    said = str(job.get("errorMessage") or "no reason and no number of records given")[:300]
    raise BulkUnavailableError(
        f"Salesforce ended the Bulk job {job.get('id')} for {sobject} as {job['state']}: {said}. Nothing of it counts; {sobject} is read by"
        " REST instead.",
        code=said.partition(" ")[0].rstrip(":") if job.get("errorMessage") else None,
    )


def _pages(transport: Transport, url: str, sobject: str, until: float) -> Iterator[BulkPage]:
    locator: str | None = None
    while True:
        params = {} if locator is None else {"locator": locator}
        with (
            transport.asking(Ask("results", sobject)),
            transport.opened(
                "GET", f"{url}/results", params=params, headers={"Accept": "text/csv"}
            ) as response,
        ):
            yield BulkPage(transport.chunks(response, until), _announced(response, sobject))
            locator = response.headers.get("Sforce-Locator")
        if locator in (None, "", "null"):  # the end is the literal text null
            return


def _announced(response: requests.Response, sobject: str) -> int:
    try:
        return int(response.headers["Sforce-NumberOfRecords"])
    except (KeyError, ValueError):
        raise IncompleteReadError(
            f"A page of Bulk results of {sobject} came without its number of records, so that it cannot be checked. It does not count."
        ) from None


def _tidy(transport: Transport, url: str, *, is_ended: bool) -> None:
    """Ends and removes our job. A failure here must not hide what happened before: Salesforce removes jobs after seven days anyway."""
    try:
        if not is_ended:
            transport.read("PATCH", url, lambda response: None, json={"state": "Aborted"})
        transport.read("DELETE", url, lambda response: None)
    except FluintError as error:
        _log.warning("A Bulk job could not be removed; Salesforce removes it after seven days. %s", error)
