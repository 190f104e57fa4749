"""The outbox `fluint_sync.upload`: which version is due, and what became of it. SQL only; sending is upload.py's.

Salesforce has no idempotency key for files: this table is one. A version is `sending` from before the first byte until an
answer is recorded, and whoever finds it so looks into Salesforce before sending again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from orchestration.postgres.connection import Connection

# Doubles with every attempt, whatever came of it: what only a person can mend starts no run a minute.
_PAUSE = "least(interval '1 day', interval '1 minute' * 2 ^ least(attempts - 1, 11))"


@dataclass(frozen=True)
class DueVersion:
    """One document version that can be sent now; `content_document_id` is None for the first version of a document.

    `sent_ago` is how long ago an attempt began whose outcome is not known, both times by the database's clock.
    """

    document_id: UUID
    version_number: int
    opportunity_id: str
    title: str
    file_name: str
    content_type: str
    byte_size: int
    content_uri: str | None
    sent_ago: timedelta | None
    content_document_id: str | None
    deal_state: str

    @property
    def is_ambiguous(self) -> bool:
        """An earlier attempt began and its outcome was never recorded."""
        return self.sent_ago is not None


def enqueue(connection: Connection) -> int:
    """Adds generated versions that the outbox does not know yet; returns how many."""
    return connection.execute(
        """
        insert into fluint_sync.upload (document_id, version_number, state, opportunity_id, sha256, byte_size)
        select version.document_id, version.version_number, 'waiting', document.opportunity_id, version.sha256, version.byte_size
        from fluint_app.document_version as version join fluint_app.document as document using (document_id)
        where not exists (select from fluint_sync.upload as known
                          where known.document_id = version.document_id and known.version_number = version.version_number)
        on conflict do nothing
        """
    ).rowcount


def count_due(connection: Connection) -> int:
    """How many versions could be sent now, the ones that are not in the outbox yet included; none behind one that rests."""
    row = connection.execute(
        """
        select count(*) from fluint_app.document_version as version
        left join fluint_sync.upload as up using (document_id, version_number)
        where (up.state is null
               or (up.state in ('waiting', 'sending', 'failed') and coalesce(up.retry_at, '-infinity') <= now()))
          and not exists (select from fluint_sync.upload as earlier
                          where earlier.document_id = version.document_id
                            and earlier.version_number < version.version_number
                            and earlier.state in ('waiting', 'sending', 'failed') and earlier.retry_at > now())
        """
    ).fetchone()
    return int(row[0]) if row else 0


def take_due(connection: Connection, run_id: str) -> DueVersion | None:
    """Locks and returns the oldest version that is due, marked as being looked at by this run; None when nothing is.

    Versions of one document go in their order: a later one waits while an earlier one is not uploaded or given up.
    """
    row = connection.execute(
        """
        select up.document_id, up.version_number, up.opportunity_id, document.title, version.file_name,
               version.content_type, version.byte_size, version.content_uri, clock_timestamp() - up.sending_since,
               (select earlier.content_document_id from fluint_sync.upload as earlier
                where earlier.document_id = up.document_id and earlier.state = 'uploaded'
                order by earlier.version_number desc limit 1),
               case when deal.id is null then 'deal_not_in_fluint'
                    when deal._deleted_at is not null then 'deal_deleted' else 'live' end
        from fluint_sync.upload as up
        join fluint_app.document as document using (document_id)
        join fluint_app.document_version as version using (document_id, version_number)
        left join raw_salesforce.opportunity as deal on deal.id = up.opportunity_id
        where up.state in ('waiting', 'sending', 'failed') and coalesce(up.retry_at, '-infinity') <= now()
          and not exists (select from fluint_sync.upload as earlier
                          where earlier.document_id = up.document_id and earlier.version_number < up.version_number
                            and earlier.state in ('waiting', 'sending', 'failed'))
        order by version.generated_at, up.document_id, up.version_number
        limit 1 for update of up skip locked
        """
    ).fetchone()
    if row is None:
        return None
    # Nobody else takes it while this run looks at it, and a killed run frees it by itself.
    _set(
        connection,
        row[0],
        row[1],
        "attempts = attempts + 1, retry_at = now() + interval '15 minutes', run_id = %s",
        run_id,
    )
    return DueVersion(*row)


def begin_sending(connection: Connection, version: DueVersion) -> None:
    """Marks a version as sent from now on; must be committed before the first byte goes out."""
    _set(
        connection,
        version.document_id,
        version.version_number,
        "state = 'sending', sending_since = clock_timestamp()",
    )


def record_uploaded(
    connection: Connection, version: DueVersion, content_version_id: str, content_document_id: str
) -> None:
    """Records where the version stands in Salesforce."""
    _set(
        connection,
        version.document_id,
        version.version_number,
        "state = 'uploaded', reason = null, content_version_id = %s, content_document_id = %s, retry_at = null,"
        " sending_since = null, uploaded_at = clock_timestamp()",
        content_version_id,
        content_document_id,
    )


def record_refused(connection: Connection, version: DueVersion, reason: str) -> None:
    """Records that Salesforce did not take the version, with the reason; it is tried again after a growing pause."""
    _set(
        connection,
        version.document_id,
        version.version_number,
        f"state = 'failed', reason = %s, sending_since = null, retry_at = clock_timestamp() + {_PAUSE}",
        reason,
    )


def record_unknown(connection: Connection, version: DueVersion, reason: str, at_least: timedelta) -> None:
    """Keeps a version's state: what was sent, if anything, is looked for after a growing pause of `at_least` that long."""
    _set(
        connection,
        version.document_id,
        version.version_number,
        f"reason = %s, retry_at = clock_timestamp() + greatest(%s, {_PAUSE})",
        reason,
        at_least,
    )


def content_of(connection: Connection, version: DueVersion) -> bytes | None:
    """The bytes of a version that the app keeps in Postgres; None when they lie at `content_uri`."""
    row = connection.execute(
        "select content from fluint_app.document_version where document_id = %s and version_number = %s",
        [version.document_id, version.version_number],
    ).fetchone()
    return row[0] if row else None


def _set(
    connection: Connection, document_id: UUID, version_number: int, assignments: str, *values: object
) -> None:
    connection.execute(
        f"update fluint_sync.upload set {assignments}, updated_at = now(), _xact_id = pg_current_xact_id()"  # noqa: S608
        " where document_id = %s and version_number = %s",
        [*values, document_id, version_number],
    )
