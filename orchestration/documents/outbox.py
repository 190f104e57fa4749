"""The outbox `fluint_sync.upload`: which version is due, and what became of it. SQL only; sending is upload.py's.

Salesforce has no idempotency key for files: this table is one. A version is `sending` from before the first byte until an answer
is recorded, and whoever finds it so looks into Salesforce before sending again. Every function is one statement or stays right
when it is cut off between two; connections are in autocommit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from orchestration.documents import naming, order
from orchestration.documents.reasons import (
    ANSWER_LOST,
    BEHIND,
    DEAL_DELETED,
    DEAL_HIDDEN,
    DEAL_NOT_IN_FLUINT,
    FILE_NOT_SHOWN,
    SAME_BYTES,
    Reason,
)
from orchestration.postgres.connection import Connection

# Doubles with every attempt, whatever came of it: what only a person can mend starts no run a minute.
_PAUSE = "least(interval '1 day', interval '1 minute' * 2 ^ least(greatest(attempts - 1, 0), 11))"
_UNFINISHED = "('waiting', 'sending', 'sent', 'failed')"
_OF_DEALS = [DEAL_DELETED.code, DEAL_HIDDEN.code, DEAL_NOT_IN_FLUINT.code]


@dataclass(frozen=True)
class DueVersion:
    """One version that something can be done about now; `content_document_id` is None where it begins a file.

    `first_look_at` (Salesforce's clock): a version of unknown outcome was looked for then, and not found. `sending_since` names the
    attempt: what is recorded of one counts only while no other has begun. `reason` is that of the last attempt.
    """

    document_id: UUID
    version_number: int
    state: str
    attempts: int
    copy: int
    opportunity_id: str
    title: str
    file_name: str
    content_type: str
    byte_size: int
    sha256: str
    content_uri: str | None
    content_document_id: str | None
    content_version_id: str | None
    md5: str | None
    first_look_at: datetime | None
    sending_since: datetime | None
    reason: str | None

    @property
    def marker(self) -> str:
        """The `PathOnClient` under which it is, or would be, in Salesforce."""
        return naming.marker(self.document_id, self.version_number, self.copy, self.file_name)


def enqueue(connection: Connection) -> dict[str, int]:
    """Brings the outbox up to what the app generated and what is known of its deals.

    New versions come in; those whose deal is deleted or not held are given up with that reason, those whose deal is hidden wait for an
    admin, and both come back with the deal; a version with the bytes of the one before it, which is in Salesforce, is uploaded with it,
    and one that a later version overtook is given up. Returns how many are kept back for the want of their deal, by reason.
    """
    connection.execute(_NEW)
    kept_back = {
        reason.code: connection.execute(statement, [reason.code, reason.text, reason.outlook]).rowcount
        for reason, statement in _WITHOUT_DEAL.items()
    }
    connection.execute(_DEAL_IS_BACK, [_OF_DEALS])
    connection.execute(_SAME_BYTES, [SAME_BYTES])
    order.give_up_overtaken(connection)
    connection.execute(_BEHIND, [BEHIND.code, BEHIND.text, BEHIND.outlook])
    return {code: number for code, number in kept_back.items() if number}


_TOUCHED = "updated_at = now(), _xact_id = pg_current_xact_id()"

# A version that comes after a file was begun anew belongs to the new file.
_NEW = """
insert into fluint_sync.upload (document_id, version_number, state, opportunity_id, sha256, byte_size, copy)
select version.document_id, version.version_number, 'waiting', document.opportunity_id, version.sha256, version.byte_size,
       coalesce((select max(earlier.copy) from fluint_sync.upload as earlier where earlier.document_id = version.document_id), 0)
from fluint_app.document_version as version join fluint_app.document as document using (document_id)
where not exists (select from fluint_sync.upload as known
                  where known.document_id = version.document_id and known.version_number = version.version_number)
on conflict do nothing
"""
_GIVEN_UP = f"""
update fluint_sync.upload as up
set state = 'given_up', reason = %s, reason_text = %s, outlook = %s, retry_at = null, {_TOUCHED}
where up.state in ('waiting', 'failed') and
"""  # noqa: S608
# Looked at again once a day, lest one that the night's comparison proves to be deleted goes on waiting for an admin.
_HIDDEN = f"""
update fluint_sync.upload as up
set state = 'failed', reason = %s, reason_text = %s, outlook = %s, retry_at = now() + interval '1 day', {_TOUCHED}
where up.state in ('waiting', 'failed') and (up.reason is distinct from 'deal_hidden' or coalesce(up.retry_at, '-infinity') <= now()) and
"""  # noqa: S608
_DEAL = "exists (select from raw_salesforce.opportunity as deal where deal.id = up.opportunity_id"
_WITHOUT_DEAL = {
    DEAL_NOT_IN_FLUINT: f"{_GIVEN_UP} not {_DEAL})",
    DEAL_DELETED: f"{_GIVEN_UP} {_DEAL} and deal._deleted_at is not null and deal._deleted_reason is distinct from 'not_visible')",
    DEAL_HIDDEN: f"{_HIDDEN} {_DEAL} and deal._deleted_reason = 'not_visible')",
}
_DEAL_IS_BACK = f"""
update fluint_sync.upload as up
set state = 'waiting', reason = null, reason_text = null, outlook = null, retry_at = null, {_TOUCHED}
from raw_salesforce.opportunity as deal
where deal.id = up.opportunity_id and deal._deleted_at is null and up.state in ('given_up', 'failed') and up.reason = any(%s)
"""  # noqa: S608
# What became of the file is noted with the version that was sent; those with its bytes know only its id.
_SAME_BYTES = f"""
update fluint_sync.upload as up
set state = 'uploaded', content_version_id = before.content_version_id, content_document_id = before.content_document_id,
    md5 = before.md5, reason = 'same_bytes', reason_text = %s, outlook = null, retry_at = null, uploaded_at = before.uploaded_at,
    {_TOUCHED}
from fluint_sync.upload as before
where up.state in ('waiting', 'failed') and before.document_id = up.document_id
  and before.version_number = up.version_number - 1 and before.copy = up.copy and before.state = 'uploaded'
  and before.sha256 = up.sha256
  and not exists (select from fluint_sync.upload as sent
                  where sent.document_id = up.document_id and sent.content_version_id = before.content_version_id
                    and sent.reason in ('file_deleted', 'file_not_shown'))
"""  # noqa: S608

_BEHIND = f"""
update fluint_sync.upload as up
set reason = %s, reason_text = %s, outlook = %s, {_TOUCHED}
where up.state = 'waiting' and up.reason is null
  and exists (select from fluint_sync.upload as earlier
              where earlier.document_id = up.document_id and earlier.version_number < up.version_number
                and earlier.state in {_UNFINISHED} and earlier.reason is not null)
"""  # noqa: S608


def count_due(connection: Connection) -> int:
    """How many versions a run could do something about now, those included that the outbox does not know yet."""
    return waiting(connection)[0]


def waiting(connection: Connection) -> tuple[int, datetime | None]:
    """How many versions a run could do something about now, and since when (UTC) the oldest of them waits without anything being done."""
    # Two parts, because what is uploaded is most of it: the first is in an index, and asks for a deal only of what was given up for it.
    row = connection.execute(
        f"""
        with candidate as (
            select document_id, version_number, greatest(version.generated_at, up.updated_at, up.retry_at) as since,
                   up.state in ('sending', 'sent') as is_unclear
            from fluint_sync.upload as up join fluint_app.document_version as version using (document_id, version_number)
            where up.state <> 'uploaded' and not {order.OVERTAKEN}
              and ((up.state in {_UNFINISHED} and coalesce(up.retry_at, '-infinity') <= now())
                   or (up.state in ('given_up', 'failed') and up.reason = any(%s)
                       and exists (select from raw_salesforce.opportunity as deal
                                   where deal.id = up.opportunity_id and deal._deleted_at is null)))
            union all
            select document_id, version_number, generated_at, false from fluint_app.document_version as version
            where not exists (select from fluint_sync.upload as known
                              where known.document_id = version.document_id and known.version_number = version.version_number)
        )
        select count(*), min(since) from candidate
        where is_unclear or not exists (select from fluint_sync.upload as earlier
                          where earlier.document_id = candidate.document_id
                            and earlier.version_number < candidate.version_number
                            and earlier.state in {_UNFINISHED} and earlier.retry_at > now())
        """,  # noqa: S608
        [_OF_DEALS],
    ).fetchone()
    return (int(row[0]), row[1]) if row else (0, None)


def due(connection: Connection, busy: Iterable[UUID], limit: int) -> list[DueVersion]:
    """The versions that are due, oldest first, one of a document; documents in `busy` are in somebody's hands.

    Versions of one document go in their order: a later one waits while an earlier one is neither uploaded nor given up, and an earlier
    one is not sent once a later one is, or may be, in Salesforce. One of unknown outcome is due whatever the others are: it is looked for.
    """
    rows = connection.execute(
        f"""
        select up.document_id, up.version_number, up.state, up.attempts, up.copy, up.opportunity_id, document.title,
               version.file_name, version.content_type, version.byte_size, version.sha256, version.content_uri,
               (select earlier.content_document_id from fluint_sync.upload as earlier
                where earlier.document_id = up.document_id and earlier.state = 'uploaded' and earlier.copy = up.copy
                order by earlier.version_number desc limit 1),
               up.content_version_id, up.md5, up.first_look_at, up.sending_since, up.reason
        from fluint_sync.upload as up
        join fluint_app.document as document using (document_id)
        join fluint_app.document_version as version using (document_id, version_number)
        where up.state <> 'uploaded' and up.state in {_UNFINISHED} and coalesce(up.retry_at, '-infinity') <= now()
          and not up.document_id = any(%s) and not {order.OVERTAKEN}
          and (up.state in ('sending', 'sent')
               or not exists (select from fluint_sync.upload as earlier
                              where earlier.document_id = up.document_id and earlier.version_number < up.version_number
                                and earlier.state in {_UNFINISHED}))
        order by version.generated_at, up.document_id limit %s
        """,  # noqa: S608
        [list(busy), limit],
    ).fetchall()
    return [DueVersion(*row) for row in rows]


def begin_sending(connection: Connection, version: DueVersion, run_id: str) -> DueVersion | None:
    """Marks a version as sent from now on, durably before the first byte; None if it is no longer as it was read."""
    row = connection.execute(
        f"""
        update fluint_sync.upload
        set state = 'sending', attempts = attempts + 1, sending_since = clock_timestamp(), first_look_at = null,
            retry_at = null, run_id = %s, {_TOUCHED}
        where document_id = %s and version_number = %s and state = %s and attempts = %s and copy = %s
        returning sending_since
        """,  # noqa: S608
        [
            run_id,
            version.document_id,
            version.version_number,
            version.state,
            version.attempts,
            version.copy,
        ],
    ).fetchone()
    return replace(version, state="sending", sending_since=row[0]) if row else None


def record_sent(
    connection: Connection, version: DueVersion, content_version_id: str, md5: str | None
) -> None:
    """Records that Salesforce took the version, under which id; `md5` of the bytes that were sent."""
    _set(
        connection,
        version,
        "state = 'sent', content_version_id = %s, md5 = coalesce(%s, md5), retry_at = null, first_look_at = null,"
        " reason = null, reason_text = null, outlook = null",
        content_version_id,
        md5,
        of_states="('sending')",
    )


def record_not_taken(connection: Connection, version: DueVersion, reason: Reason) -> None:
    """Records that a version is certainly not in Salesforce, and why; it is sent again after a growing pause."""
    state = "given_up" if reason.outlook == "given_up" else "failed"
    _set(
        connection,
        version,
        f"state = %s, reason = %s, reason_text = %s, outlook = %s, sending_since = null, first_look_at = null, retry_at ="
        f" case when %s then null else clock_timestamp() + {_PAUSE} end,"
        " attempts = attempts + case when upload.state = 'sending' then 0 else 1 end",
        state,
        reason.code,
        reason.text,
        reason.outlook,
        state == "given_up",
        of_states="('waiting', 'sending', 'failed')",
    )


def record_unclear(connection: Connection, versions: Sequence[DueVersion], pause: timedelta) -> None:
    """Keeps versions `sending`: they are looked for after `pause`."""
    for version in versions:
        _set(
            connection,
            version,
            "reason = %s, reason_text = %s, outlook = %s, retry_at = clock_timestamp() + %s",
            ANSWER_LOST.code,
            ANSWER_LOST.text,
            ANSWER_LOST.outlook,
            pause,
            of_states="('sending')",
        )


def record_not_found(connection: Connection, version: DueVersion, at: datetime, pause: timedelta) -> None:
    """Records that a version of unknown outcome was looked for at a time of Salesforce's clock and was not there."""
    record_unclear(connection, [version], pause)
    _set(connection, version, "first_look_at = coalesce(first_look_at, %s)", at, of_states="('sending')")


def record_never_arrived(connection: Connection, version: DueVersion) -> None:
    """Lets a version be sent again: it is not in Salesforce, and can no longer appear there by itself."""
    _set(
        connection,
        version,
        "state = 'waiting', first_look_at = null, sending_since = null, retry_at = null, reason = null, reason_text = null,"
        " outlook = null",
        of_states="('sending')",
    )


def record_uploaded(
    connection: Connection,
    version: DueVersion,
    content_version_id: str,
    content_document_id: str,
    reason: Reason | None,
) -> None:
    """Records where the version stands in Salesforce; with a reason where people will not find what they expect there."""
    _set(
        connection,
        version,
        "state = %s, content_version_id = %s, content_document_id = %s, retry_at = null, sending_since = null,"
        " first_look_at = null, uploaded_at = coalesce(uploaded_at, clock_timestamp()), reason = %s, reason_text = %s, outlook = %s",
        "given_up" if reason and reason.code == "checksum_differs" else "uploaded",
        content_version_id,
        content_document_id,
        *((reason.code, reason.text, reason.outlook) if reason else (None, None, None)),
        of_states="('sending', 'sent')",
    )


def record_not_confirmed(connection: Connection, version: DueVersion, reason: Reason) -> None:
    """Keeps a version `sent`; it is asked about again after a growing pause."""
    _set(
        connection,
        version,
        f"reason = %s, reason_text = %s, outlook = %s, attempts = attempts + 1, retry_at = clock_timestamp() + {_PAUSE}",
        reason.code,
        reason.text,
        reason.outlook,
        of_states="('sent')",
    )


def record_never_shown(connection: Connection, version: DueVersion) -> None:
    """Gives up a version that Salesforce took and never showed: later ones begin a file of their own. `retry` asks for it again."""
    _set(
        connection,
        version,
        "state = 'given_up', reason = %s, reason_text = %s, outlook = 'given_up', retry_at = null",
        FILE_NOT_SHOWN.code,
        FILE_NOT_SHOWN.text,
        of_states="('sent')",
    )


def hold_back(connection: Connection, reason: Reason, until: datetime | None) -> None:
    """Gives the reason to everything that is not begun: what stops one for the moment stops all. It waits until a time, if there is one."""
    connection.execute(
        f"""
        update fluint_sync.upload
        set reason = %s, reason_text = %s, outlook = %s,
            retry_at = nullif(greatest(coalesce(retry_at, '-infinity'), coalesce(%s::timestamptz, '-infinity')), '-infinity'), {_TOUCHED}
        where state = 'waiting' or (state = 'failed' and outlook = 'waits_until')
        """,  # noqa: S608
        [reason.code, reason.text, reason.outlook, until],
    )


def explain_waiting(connection: Connection, reason: Reason) -> None:
    """Gives the reason to what waits without one; it stays due."""
    connection.execute(
        f"update fluint_sync.upload set reason = %s, reason_text = %s, outlook = %s, {_TOUCHED}"  # noqa: S608
        " where state = 'waiting' and reason is null",
        [reason.code, reason.text, reason.outlook],
    )


def content_of(connection: Connection, version: DueVersion) -> bytes | None:
    """The bytes of a version that the app keeps in Postgres; None when they lie at `content_uri`."""
    row = connection.execute(
        "select content from fluint_app.document_version where document_id = %s and version_number = %s",
        [version.document_id, version.version_number],
    ).fetchone()
    return row[0] if row else None


def _set(
    connection: Connection, version: DueVersion, assignments: str, *values: object, of_states: str
) -> None:
    # A process that lost its right to send, and only now hears of its own attempt, says nothing about the next one.
    connection.execute(
        f"update fluint_sync.upload set {assignments}, {_TOUCHED}"  # noqa: S608
        f" where document_id = %s and version_number = %s and copy = %s and state in {of_states}"
        " and sending_since is not distinct from %s",
        [*values, version.document_id, version.version_number, version.copy, version.sending_since],
    )
