"""Asking Salesforce by explicit ids what is there: versions whose upload ended unclearly, and what became of those it took.

An integration user without Query All Files sees a file that is shared through a record only when it names its id: therefore links of
the record, then versions of those documents (Object Reference, ContentDocumentLink and ContentVersion). A record that is hidden shows
no links, which is not to say that there is no file: what was not found so is asked for by its marker alone, to which Salesforce answers
with the files that are the user's own (the same place), whatever became of link and record. Reads only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestration.documents.outbox import DueVersion
from orchestration.errors import TransientSalesforceError
from orchestration.salesforce import soql
from orchestration.salesforce.client import Salesforce
from orchestration.salesforce.pages import Record

# Salesforce's servers need not agree to the second, and a look is never made sooner than minutes after what it looks for.
_CLOCKS_DIFFER = timedelta(minutes=1)
# A document's id and a marker of 45 characters for each: 200 of them make a statement of 14,000.
TOGETHER = 200
_FIELDS = ["Id", "ContentDocumentId", "PathOnClient", "Checksum", "ContentSize", "IsDeleted"]


@dataclass(frozen=True)
class InSalesforce:
    """A version as Salesforce has it; `checksum` is its MD5 in hexadecimal; it and the size are None where Salesforce gives none."""

    content_version_id: str
    content_document_id: str
    marker: str
    checksum: str | None
    byte_size: int | None
    is_deleted: bool


@dataclass(frozen=True)
class Look:
    """What was found, by marker, oldest first; `at` (aware, UTC, Salesforce's clock) is not later than when it was looked."""

    at: datetime
    found: Mapping[str, Sequence[InSalesforce]]


def look_for(salesforce: Salesforce, versions: Sequence[DueVersion]) -> Look:
    """Looks for versions on their opportunities, then among the user's own files: three queries for 200 of them at most.

    Raises TransientSalesforceError for an answer that is older than the question: it says nothing of what was sent meanwhile.
    """
    asked_at = salesforce.server_time()
    found: dict[str, Sequence[InSalesforce]] = {}
    for some in soql.chunked(versions, TOGETHER):
        found |= versions_on(
            salesforce,
            deals=[v.opportunity_id for v in some if not v.content_document_id],
            documents=[v.content_document_id for v in some if v.content_document_id],
            markers=[v.marker for v in some],
            asked_at=asked_at,
        )
    missing = [v.marker for v in versions if v.marker not in found]
    for markers in soql.chunked(missing, TOGETHER):
        query = soql.select(_FIELDS, "ContentVersion", [soql.is_in("PathOnClient", markers)])
        found |= _by_marker(map(_read, _fresh(salesforce, query, asked_at)))
    return Look(asked_at, found)


def versions_on(
    salesforce: Salesforce,
    *,
    deals: Sequence[str],
    documents: Sequence[str],
    markers: Sequence[str],
    asked_at: datetime | None = None,
) -> dict[str, list[InSalesforce]]:
    """The versions with these markers, oldest first, of files on these opportunities and of these documents; deleted ones, too.

    With `asked_at` (Salesforce's clock), an answer that is older raises TransientSalesforceError.
    """
    asked_at = asked_at or salesforce.server_time()
    named = sorted({*documents, *_linked(salesforce, sorted(set(deals)), asked_at)})
    return _by_marker(_versions_of(salesforce, named, markers, asked_at))


def confirm(salesforce: Salesforce, content_version_ids: Sequence[str]) -> dict[str, InSalesforce]:
    """What Salesforce says of versions that it took, by their id: one query for 500. One that it does not show is left out."""
    shown = {}
    for some in soql.chunked(content_version_ids):
        for page in salesforce.query(soql.select(_FIELDS, "ContentVersion", [soql.is_in("Id", some)])):
            for record in page.records():
                version = _read(record)
                shown[version.content_version_id] = version
    return shown


def _by_marker(versions: Iterable[InSalesforce]) -> dict[str, list[InSalesforce]]:
    found: dict[str, list[InSalesforce]] = defaultdict(list)
    for version in versions:
        found[version.marker].append(version)
    return {marker: sorted(all_, key=lambda v: v.content_version_id) for marker, all_ in found.items()}


def _linked(salesforce: Salesforce, deals: Sequence[str], asked_at: datetime) -> set[str]:
    if not deals:
        return set()
    query = soql.select(["ContentDocumentId"], "ContentDocumentLink", [soql.is_in("LinkedEntityId", deals)])
    return {str(row["ContentDocumentId"]) for row in _fresh(salesforce, query, asked_at)}


def _versions_of(
    salesforce: Salesforce, documents: Sequence[str], markers: Iterable[str], asked_at: datetime
) -> Iterator[InSalesforce]:
    named = soql.is_in("PathOnClient", sorted(markers)) if documents else ""
    for some in soql.chunked(documents):
        query = soql.select(_FIELDS, "ContentVersion", [soql.is_in("ContentDocumentId", some), named])
        yield from map(_read, _fresh(salesforce, query, asked_at))


def _fresh(salesforce: Salesforce, query: str, asked_at: datetime) -> Iterator[Record]:
    """Yields the records of a look that was not answered from a cache on the way."""
    for page in salesforce.query(query):
        if page.answered_at < asked_at - _CLOCKS_DIFFER:
            raise TransientSalesforceError(
                f"The answer about files is dated {page.answered_at:%Y-%m-%d %H:%M:%S} UTC, before it was asked for, so it does not"
                " count; the look is made again. If this stays, a proxy on the way keeps answers of Salesforce."
            )
        yield from page.records()


def _read(record: Record) -> InSalesforce:
    return InSalesforce(
        str(record["Id"]),
        str(record["ContentDocumentId"]),
        str(record["PathOnClient"]),
        record["Checksum"],
        None if record["ContentSize"] is None else int(record["ContentSize"]),
        bool(record["IsDeleted"]),
    )
