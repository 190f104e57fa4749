"""From a report of the sync to what Dagster shows: materializations, the check `is_current`, one failure at the end.

Counts and times only. No name, e-mail or content may enter: Dagster's event log cannot be edited.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import dagster as dg

from orchestration.errors import BugError, FluintError, Remedy
from orchestration.postgres.faults import of_postgres
from orchestration.sync.column_states import texts
from orchestration.sync.options import ObjectReport

IS_CURRENT = "is_current"
COLUMNS = "columns_are_current"
RAW = "raw_salesforce"
REMEDY = "remedy"
"""With this word ends the name under which a failed step says what helps."""

# The one level at which what failed for the moment is tried again as a whole; a run never is, and a request only for seconds.
TRIED_AGAIN = dg.RetryPolicy(max_retries=1, delay=10)


def raw_key(table: str) -> dg.AssetKey:
    """The asset key of a raw table, equal to its relation."""
    return dg.AssetKey([RAW, table])


def is_current(table: str) -> dg.AssetCheckKey:
    """The key of the check that says whether the last run read all that it set out to read."""
    return dg.AssetCheckKey(raw_key(table), IS_CURRENT)


def events(
    read: Callable[[], Iterable[ObjectReport]], mode: str, *, of_months: bool
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """One materialization with its checks per object that was read; the objects that failed raise together at the end.

    An object that the org lacks and may lack only warns. With `of_months`, one that was deferred is not yielded: its months were not
    read whole.
    Raises dagster.Failure with the texts of the errors on top.
    """
    failed: list[ObjectReport] = []
    for report in read():
        checks = [_is_current(report), _columns(report)]
        if report.state == "failed":
            failed.append(report)
            yield from checks
        elif report.state == "absent" or (report.state == "deferred" and of_months):
            yield from checks
        else:
            yield dg.MaterializeResult(
                asset_key=raw_key(report.table), metadata=_metadata(report, mode), check_results=checks
            )
    if failed:
        raise failure({report.table: report.error for report in failed if report.error})


@contextmanager
def told_as_failure() -> Iterator[None]:
    """Ends the step with the text of an error on top, where Dagster would show a library's and a traceback.

    What is no error of ours is Postgres', in its words for people, or a bug of ours: that one keeps its traceback below the text.
    """
    try:
        yield
    except dg.Failure:
        raise
    except Exception as error:
        # Only its place is kept of an error that is not ours: its message may quote a record, and Dagster's log cannot be edited.
        told = of_postgres(error) or _bug(error).with_traceback(error.__traceback__)
        raise failure({"": told}) from told


def _bug(error: Exception) -> BugError:
    where = traceback.extract_tb(error.__traceback__)[-1]
    return BugError(
        f"Fluint met something that it does not expect: {type(error).__name__}, in {where.name} ({where.filename.rpartition('/')[2]},"
        f" line {where.lineno}). What was committed stays, and nothing else was changed. This is for Fluint's support to mend, with the"
        " traceback below."
    )


def failure(errors: dict[str, FluintError]) -> dg.Failure:
    """The failure of a step: the texts as they are; what helps and Salesforce's codes as metadata.

    Tried again, once, only where that may help (`TRIED_AGAIN`): a set-up fault, a bug or a used-up allowance stays what it is.
    """
    tables: dict[str, list[str]] = {}
    for table, error in errors.items():
        tables.setdefault(str(error), []).append(table)
    texts = [": ".join(filter(None, (", ".join(names), text))) for text, names in tables.items()]
    support = {
        f"{table or 'salesforce'} {name}": value
        for table, error in errors.items()
        for name, value in (
            (REMEDY, error.remedy.value),
            ("code", error.code),
            ("request id", error.request_id),
        )
        if value
    }
    retry = all(error.remedy is Remedy.RETRY for error in errors.values())
    return dg.Failure(description="\n".join(texts), metadata=support, allow_retries=retry)


def _metadata(report: ObjectReport, mode: str) -> dict[str, dg.MetadataValue]:
    counts = report.counts
    numbers = {
        "read": counts.read,
        "inserted": counts.inserted,
        "updated": counts.updated,
        "tombstoned": counts.tombstoned,
        "characters left out": counts.cleaned,
        "pending": report.pending,
    }
    metadata: dict[str, dg.MetadataValue] = {name: dg.MetadataValue.int(n) for name, n in numbers.items()}
    metadata["mode"] = dg.MetadataValue.text(mode)
    metadata["complete"] = dg.MetadataValue.bool(report.deferred_until is None)
    notes = list(report.notes)
    if counts.cleaned:
        notes.append(
            f"{counts.cleaned} characters that Postgres cannot hold (NUL, lone surrogates, bytes that are no UTF-8) were left out."
        )
    if notes:
        metadata["notes"] = dg.MetadataValue.md("\n".join(f"- {note}" for note in notes))
    return metadata | _times(report)


def _times(report: ObjectReport) -> dict[str, dg.MetadataValue]:
    times = {"data_as_of": report.data_as_of, "deferred_until": report.deferred_until}
    return {name: dg.MetadataValue.timestamp(time) for name, time in times.items() if time}


def _is_current(report: ObjectReport) -> dg.AssetCheckResult:
    """Passes when the run read all that it set out to read; a deferral or absence warns, a failure is an error. Never blocks."""
    return dg.AssetCheckResult(
        asset_key=raw_key(report.table),
        check_name=IS_CURRENT,
        passed=report.error is None,
        severity=dg.AssetCheckSeverity.ERROR if report.state == "failed" else dg.AssetCheckSeverity.WARN,
        description=None if report.error is None else str(report.error),
        metadata=_times(report),
    )


def _columns(report: ObjectReport) -> dg.AssetCheckResult:
    """Warns while a column is stale or lacks values, and shows what the org changed of the object's fields within a week."""
    wrong = report.columns.wrong
    metadata: dict[str, dg.MetadataValue] = {"columns that are not current": dg.MetadataValue.int(len(wrong))}
    if report.columns.changes:
        names = ("field", "what", "was", "is now", "seen at (UTC)")
        metadata["changes of a week"] = dg.MetadataValue.table(
            [
                dg.TableRecord({name: str(value or "") for name, value in zip(names, row, strict=True)})
                for row in report.columns.changes
            ]
        )
    return dg.AssetCheckResult(
        asset_key=raw_key(report.table),
        check_name=COLUMNS,
        passed=not wrong,
        severity=dg.AssetCheckSeverity.WARN,
        description="\n".join(texts(report.table, wrong)) or None,
        metadata=metadata,
    )
