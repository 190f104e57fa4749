"""Sends due document versions to Salesforce as ContentVersions and records what became of each.

A definite refusal is a reason; an answer that never came is looked up before anything is sent again. The queue itself is
outbox.py's; nothing here ever changes or deletes a file in Salesforce but by a new version.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import BinaryIO

import fsspec

from orchestration.documents import outbox
from orchestration.documents.outbox import DueVersion
from orchestration.errors import (
    FluintError,
    NeedsReconnectError,
    QuotaReachedError,
    RejectedRequestError,
    TransientError,
    TransientSalesforceError,
)
from orchestration.postgres.api_ledger import recall_usage, record_calls
from orchestration.postgres.connection import Database
from orchestration.salesforce import soql
from orchestration.salesforce.client import Salesforce
from orchestration.salesforce.pages import Record

# A request that reached Salesforce can still commit after our time-out; its transactions end within ten minutes (REST
# limits), so that a file which is not there after a quarter of an hour will not appear by itself.
LATE_COMMIT = timedelta(minutes=15)
# Salesforce's servers need not agree to the second, and a look is never made sooner than minutes after what it looks for.
_CLOCKS_DIFFER = timedelta(minutes=1)
_LONGEST_TITLE = 255  # ContentVersion.Title, object reference


@dataclass
class UploadReport:
    """What one drain did: versions uploaded, bytes sent, and what waits or failed, by reason."""

    uploaded: int = 0
    bytes_sent: int = 0
    found: int = 0
    not_uploaded: Counter[str] = field(default_factory=Counter)
    error: FluintError | None = None


def open_content(uri: str) -> BinaryIO:
    """Opens a version's bytes wherever fsspec can read them."""
    opened: BinaryIO = fsspec.open(uri, "rb").open()
    return opened


def drain(
    database: Database,
    salesforce: Salesforce,
    *,
    run_id: str,
    open_uri: Callable[[str], BinaryIO] = open_content,
) -> UploadReport:
    """Uploads every version that is due; one bad document does not hold up others.

    Ends early, with `error` set, when nothing more can be sent for the moment: no calls left, or no connection.
    """
    report = UploadReport()
    recall_usage(database, salesforce.learn)
    with database.transaction() as connection:
        outbox.enqueue(connection)
    sender = _Sender(database, salesforce, open_uri, report)
    try:
        with salesforce.purpose("upload"):
            while report.error is None and (version := _next(database, run_id)):
                sender.settle(version)
    finally:
        record_calls(database, run_id, salesforce.take_calls(), salesforce.usage)
    return report


def _next(database: Database, run_id: str) -> DueVersion | None:
    with database.transaction() as connection:
        return outbox.take_due(connection, run_id)


@dataclass(frozen=True)
class _Sender:
    database: Database
    salesforce: Salesforce
    open_uri: Callable[[str], BinaryIO]
    report: UploadReport

    def settle(self, version: DueVersion) -> None:
        """Brings one version to an outcome that is recorded, or leaves it where it can be looked up."""
        try:
            if version.is_ambiguous:
                self._look_first(version)
            else:
                self._send(version)
        except FluintError as error:
            # Nothing says that Salesforce refused the file, so it is looked for before anything is sent again.
            self._wait(version, reason=type(error).__name__)
            if isinstance(error, QuotaReachedError | NeedsReconnectError):
                self.report.error = error

    def _look_first(self, version: DueVersion) -> None:
        assert version.sent_ago is not None  # only asked of ambiguous versions
        found = find_version(self.salesforce, version)
        if found:
            self._record(version, *found)
            self.report.found += 1
        elif version.sent_ago < LATE_COMMIT:
            self._wait(version, LATE_COMMIT - version.sent_ago)
        else:
            self._send(version)

    def _send(self, version: DueVersion) -> None:
        if version.deal_state != "live":
            return self._refuse(version, version.deal_state)
        if version.byte_size == 0:
            return self._refuse(version, "empty_file")
        try:
            content = self._content(version)
        except (OSError, ValueError, ImportError):  # no file, no such protocol, no driver for it
            return self._refuse(version, "content_unreadable")
        with self.database.transaction() as connection:
            outbox.begin_sending(connection, version)
        try:
            created = self._create(version, content)
        except (TransientError, OSError):
            # Whether it arrived is not known: the next look decides.
            return self._wait(version)
        except RejectedRequestError as error:
            return self._refuse(version, error.code or "refused")
        except (QuotaReachedError, NeedsReconnectError) as error:
            self.report.error = error
            return self._refuse(version, type(error).__name__)
        document = version.content_document_id or self._document_of(created)
        self._record(version, created, document)
        self.report.uploaded += 1
        self.report.bytes_sent += version.byte_size

    def _create(self, version: DueVersion, content: BinaryIO) -> str:
        with closing(content):
            return self.salesforce.create_content_version(
                content_version_fields(version),
                content,
                file_name=version.file_name,
                content_type=version.content_type,
                size=version.byte_size,
            )

    def _content(self, version: DueVersion) -> BinaryIO:
        if version.content_uri:
            return self.open_uri(version.content_uri)
        with self.database.transaction() as connection:
            content = outbox.content_of(connection, version)
        if not content:
            raise FileNotFoundError("the version was erased after it was taken from the outbox")
        return io.BytesIO(content)

    def _document_of(self, content_version_id: str) -> str:
        query = soql.select(["ContentDocumentId"], "ContentVersion", [soql.equal("Id", content_version_id)])
        (row,) = (row for page in self.salesforce.query(query) for row in page.records())
        return str(row["ContentDocumentId"])

    def _record(self, version: DueVersion, content_version_id: str, content_document_id: str) -> None:
        with self.database.transaction() as connection:
            outbox.record_uploaded(connection, version, content_version_id, content_document_id)

    def _refuse(self, version: DueVersion, reason: str) -> None:
        self.report.not_uploaded[reason] += 1
        with self.database.transaction() as connection:
            outbox.record_refused(connection, version, reason)

    def _wait(
        self, version: DueVersion, at_least: timedelta = timedelta(0), *, reason: str = "answer_lost"
    ) -> None:
        self.report.not_uploaded[reason] += 1
        with self.database.transaction() as connection:
            outbox.record_unknown(connection, version, reason, at_least)


def marker(version: DueVersion) -> str:
    """The deterministic `PathOnClient` by which a version is found again: `<document_id>.v<n>.<ext>`."""
    return f"{version.document_id}.v{version.version_number}{PurePosixPath(version.file_name).suffix}"


def content_version_fields(version: DueVersion) -> dict[str, str]:
    """What Salesforce is told of a version: the first names the record, later ones the document that they continue."""
    place = (
        {"ContentDocumentId": version.content_document_id}
        if version.content_document_id
        else {"FirstPublishLocationId": version.opportunity_id}
    )
    return {"Title": version.title[:_LONGEST_TITLE], "PathOnClient": marker(version), **place}


def find_version(salesforce: Salesforce, version: DueVersion) -> tuple[str, str] | None:
    """(ContentVersion id, ContentDocument id) of a version that is in Salesforce already, else None.

    Asks by explicit ids (links of the record, then versions of those documents), so that Query All Files is not needed.
    Raises TransientSalesforceError for an answer that is older than the question: it says nothing of what was sent meanwhile.
    """
    asked_at = salesforce.server_time()
    documents = (
        [version.content_document_id]
        if version.content_document_id
        else _linked(salesforce, version, asked_at)
    )
    for some in soql.chunked(documents):
        where = [soql.is_in("ContentDocumentId", some), soql.equal("PathOnClient", marker(version))]
        query = soql.select(["Id", "ContentDocumentId"], "ContentVersion", where)
        for row in _fresh(salesforce, query, asked_at):
            return str(row["Id"]), str(row["ContentDocumentId"])
    return None


def _fresh(salesforce: Salesforce, query: str, asked_at: datetime) -> Iterator[Record]:
    """Yields the records of a look that was not answered from a cache on the way."""
    for page in salesforce.query(query):
        if page.answered_at < asked_at - _CLOCKS_DIFFER:
            raise TransientSalesforceError(
                f"The answer about files is dated {page.answered_at:%Y-%m-%d %H:%M:%S} UTC, before it was asked for, so it does not"
                " count; the look is made again. If this stays, a proxy on the way keeps answers of Salesforce."
            )
        yield from page.records()


def _linked(salesforce: Salesforce, version: DueVersion, asked_at: datetime) -> list[str]:
    where = [soql.equal("LinkedEntityId", version.opportunity_id)]
    query = soql.select(["ContentDocumentId"], "ContentDocumentLink", where)
    return sorted({str(row["ContentDocumentId"]) for row in _fresh(salesforce, query, asked_at)})
