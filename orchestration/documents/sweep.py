"""The daily sweep: what of the last weeks' uploads stands in Salesforce now. It reads; what it finds is a reason for people.

It looks for doubles by the record, not by what the outbox believes, so that it finds what a fault of ours would make. A file that a
person deleted, or whose page layout shows no files, is noted with the version, and looked at until that is mended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from orchestration.documents import naming, order
from orchestration.documents.files_list import deals_without_files_list
from orchestration.documents.look import TOGETHER, InSalesforce, versions_on
from orchestration.documents.reasons import (
    DOUBLE,
    FILE_DELETED,
    FILE_NOT_SHOWN,
    FILES_LIST_MISSING,
    Reason,
)
from orchestration.postgres.api_ledger import recall_usage, record_calls
from orchestration.postgres.connection import Connection, Database
from orchestration.salesforce import soql
from orchestration.salesforce.client import Salesforce

REACH = timedelta(days=30)
"""How old uploads may be to be looked at again. What goes wrong goes wrong within hours; calls are the customer's."""


@dataclass(frozen=True)
class Uploaded:
    """A version that the outbox holds for uploaded."""

    document_id: UUID
    version_number: int
    copy: int
    opportunity_id: str
    file_name: str
    content_version_id: str
    content_document_id: str
    reason: str | None

    @property
    def marker(self) -> str:
        """The `PathOnClient` by which it is known in Salesforce."""
        return naming.marker(self.document_id, self.version_number, self.copy, self.file_name)


@dataclass
class SweepReport:
    """How many versions were looked at, and what was found; `not_shown` by Salesforce at all, `not_listed` on the page for people."""

    looked_at: int = 0
    doubles: int = 0
    deleted: int = 0
    not_shown: int = 0
    not_listed: int = 0


def sweep(database: Database, salesforce: Salesforce, *, run_id: str) -> SweepReport:
    """Looks at every version uploaded within `REACH`, or of which something is to be mended: two queries for 200 of them.

    One that was deleted is looked at for `REACH` after that was noted, which is longer than a recycle bin keeps it.
    Raises FluintError when Salesforce cannot be asked.
    """
    report = SweepReport()
    recall_usage(database, salesforce.learn)
    with database.connect(autocommit=True) as connection, salesforce.purpose("documents"):
        order.leave_older_files(connection)
        uploaded = _uploaded(connection)
        try:
            deals = sorted({version.opportunity_id for version in uploaded})
            hidden = deals_without_files_list(connection, salesforce, deals, fresh=True)
            for some in soql.chunked(uploaded, TOGETHER):
                _compare(connection, salesforce, some, hidden, report)
        finally:
            record_calls(database, run_id, salesforce.take_calls(), salesforce.usage)
    return report


def _uploaded(connection: Connection) -> list[Uploaded]:
    rows = connection.execute(
        f"""
        select up.document_id, up.version_number, up.copy, up.opportunity_id, version.file_name, up.content_version_id,
               up.content_document_id, up.reason
        from fluint_sync.upload as up join fluint_app.document_version as version using (document_id, version_number)
        where up.state = 'uploaded' and coalesce(up.reason, '') <> 'same_bytes'
          and (up.uploaded_at > now() - %(reach)s or up.outlook = 'needs_admin'
               or up.outlook is not null and up.updated_at > now() - %(reach)s)
          and (up.reason = 'double' or not {order.LEFT_BEHIND})
        order by up.opportunity_id, up.document_id, up.version_number
        """,  # noqa: S608 - a literal of ours
        {"reach": REACH},
    ).fetchall()
    return [Uploaded(*row) for row in rows]


def _compare(
    connection: Connection,
    salesforce: Salesforce,
    some: Sequence[Uploaded],
    hidden: set[str],
    report: SweepReport,
) -> None:
    found = versions_on(
        salesforce,
        deals=[version.opportunity_id for version in some],
        documents=[version.content_document_id for version in some],
        markers=[version.marker for version in some],
    )
    for version in some:
        there = found.get(version.marker, ())
        live = [one for one in there if not one.is_deleted]
        reason = _judge(version, there, live)
        report.looked_at += 1
        report.doubles += reason is DOUBLE
        report.deleted += reason is FILE_DELETED
        report.not_shown += reason is FILE_NOT_SHOWN
        report.not_listed += version.opportunity_id in hidden
        if reason is None and version.opportunity_id in hidden:
            reason = FILES_LIST_MISSING
        _note(connection, version, live, reason)


def _judge(version: Uploaded, there: Sequence[InSalesforce], live: Sequence[InSalesforce]) -> Reason | None:
    """A file stays in the recycle bin for two weeks: one that was never seen there may as well be hidden from the integration user."""
    if live:
        return DOUBLE if len(live) > 1 else None
    was_deleted = there or version.reason == FILE_DELETED.code
    return FILE_DELETED if was_deleted else FILE_NOT_SHOWN


def _note(
    connection: Connection, version: Uploaded, there: Sequence[InSalesforce], reason: Reason | None
) -> None:
    for surplus in there[1:]:
        connection.execute(
            "insert into fluint_sync.upload_double (content_version_id, document_id, version_number) values (%s, %s, %s)"
            " on conflict do nothing",
            [surplus.content_version_id, version.document_id, version.version_number],
        )
    if (reason.code if reason else None) == version.reason:
        return
    connection.execute(
        "update fluint_sync.upload set reason = %s, reason_text = %s, outlook = %s, updated_at = now(),"
        " _xact_id = pg_current_xact_id() where document_id = %s and version_number = %s and copy = %s and state = 'uploaded'",
        [
            *((reason.code, reason.text, reason.outlook) if reason else (None, None, None)),
            version.document_id,
            version.version_number,
            version.copy,
        ],
    )
