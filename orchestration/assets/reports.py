"""From a report of the sync to what Dagster shows: materializations, the check `is_current`, one failure at the end.

Counts and times only. No name, e-mail or content may enter: Dagster's event log cannot be edited.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import dagster as dg

from orchestration.errors import FluintError, SetupError
from orchestration.sync.options import ObjectReport

IS_CURRENT = "is_current"
RAW = "raw_salesforce"


def raw_key(table: str) -> dg.AssetKey:
    """The asset key of a raw table, equal to its relation."""
    return dg.AssetKey([RAW, table])


def is_current(table: str) -> dg.AssetCheckKey:
    """The key of the check that says whether the last run read all that it set out to read."""
    return dg.AssetCheckKey(raw_key(table), IS_CURRENT)


def events(
    read: Callable[[], Iterable[ObjectReport]], mode: str, *, of_months: bool
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """One materialization with its check per object that was read; the objects that failed raise together at the end.

    With `of_months`, an object that was deferred is not yielded: its months were not read whole.
    Raises dagster.Failure with the texts of the errors on top.
    """
    failed: list[ObjectReport] = []
    for report in read():
        if report.state == "failed":
            failed.append(report)
            yield _is_current(report)
        elif report.state == "deferred" and of_months:
            yield _is_current(report)
        else:
            yield dg.MaterializeResult(
                asset_key=raw_key(report.table),
                metadata=_metadata(report, mode),
                check_results=[_is_current(report)],
            )
    if failed:
        raise failure({report.table: report.error for report in failed if report.error})


@contextmanager
def told_as_failure() -> Iterator[None]:
    """Ends the step with the text of an error of ours on top, where Dagster would show its own and a traceback."""
    try:
        yield
    except FluintError as error:
        raise failure({"": error}) from error


def failure(errors: dict[str, FluintError]) -> dg.Failure:
    """The failure of a step: the texts as they are, Salesforce's codes as metadata; a set-up fault is never retried."""
    texts = [f"{table}: {error}" if table else str(error) for table, error in errors.items()]
    support = {
        f"{table or 'salesforce'} {name}": value
        for table, error in errors.items()
        for name, value in (("code", error.code), ("request id", error.request_id))
        if value
    }
    retry = not any(isinstance(error, SetupError) for error in errors.values())
    return dg.Failure(description="\n".join(texts), metadata=support, allow_retries=retry)


def _metadata(report: ObjectReport, mode: str) -> dict[str, dg.MetadataValue]:
    counts = report.counts
    numbers = {
        "read": counts.read,
        "inserted": counts.inserted,
        "updated": counts.updated,
        "tombstoned": counts.tombstoned,
        "pending": report.pending,
    }
    metadata: dict[str, dg.MetadataValue] = {name: dg.MetadataValue.int(n) for name, n in numbers.items()}
    metadata["mode"] = dg.MetadataValue.text(mode)
    metadata["complete"] = dg.MetadataValue.bool(report.deferred_until is None)
    if report.notes:
        metadata["notes"] = dg.MetadataValue.md("\n".join(f"- {note}" for note in report.notes))
    return metadata | _times(report)


def _times(report: ObjectReport) -> dict[str, dg.MetadataValue]:
    times = {"data_as_of": report.data_as_of, "deferred_until": report.deferred_until}
    return {name: dg.MetadataValue.timestamp(time) for name, time in times.items() if time}


def _is_current(report: ObjectReport) -> dg.AssetCheckResult:
    """Passes when the run read all that it set out to read; a deferral warns, a failure is an error. Never blocks."""
    deferred = report.state == "deferred"
    return dg.AssetCheckResult(
        asset_key=raw_key(report.table),
        check_name=IS_CURRENT,
        passed=report.error is None,
        severity=dg.AssetCheckSeverity.WARN if deferred else dg.AssetCheckSeverity.ERROR,
        description=None if report.error is None else str(report.error),
        metadata=_times(report),
    )
