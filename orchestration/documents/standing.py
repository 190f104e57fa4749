"""How the outbox stands: counts by state and reason, and the versions that have neither arrived nor a reason. Our own ledger alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from orchestration.documents.reasons import DEAL_DELETED, DEAL_NOT_IN_FLUINT
from orchestration.postgres.connection import Connection, Database

# A version that is about to be picked up has no reason yet, and neither has one that is on its way: 2 GB at 3 Mbit/s are 90 minutes.
_GRACE = "case when up.state = 'sending' then interval '2 hours' else interval '15 minutes' end"
_MOST = 100


@dataclass(frozen=True)
class OpenVersion:
    """One version with what is to be said of it: ids and codes alone. `outlook` is None where all is well."""

    document_id: str
    version_number: int
    opportunity_id: str
    state: str
    outlook: str | None
    reason: str | None
    opportunity_url: str | None


@dataclass(frozen=True)
class OpenReason:
    """A reason for which versions wait, or are there and not as they should be: its code, what they wait for, the sentence, how many.

    `text` may quote what Salesforce said: it is for people, and not for Dagster.
    """

    code: str
    outlook: str
    text: str
    versions: int


@dataclass(frozen=True)
class Standing:
    """`waiting`: not uploaded and not given up. `open_versions`: the newest hundred. `unexplained`: neither there nor with a reason."""

    uploaded: int
    waiting: int
    given_up: int
    unexplained: int
    open_versions: tuple[OpenVersion, ...]
    reasons: tuple[OpenReason, ...]


def read_standing(database: Database) -> Standing:
    """Reads how the outbox stands."""
    with database.transaction() as connection:
        counts = connection.execute(
            f"""
            select count(*) filter (where up.state = 'uploaded')::int,
                   count(*) filter (where coalesce(up.state, 'waiting') not in ('uploaded', 'given_up'))::int,
                   count(*) filter (where up.state = 'given_up')::int,
                   count(*) filter (where coalesce(up.state, 'waiting') <> 'uploaded' and up.reason is null
                                    and coalesce(up.updated_at, version.generated_at) < now() - {_GRACE})::int
            from fluint_app.document_version as version left join fluint_sync.upload as up using (document_id, version_number)
            """  # noqa: S608 - a literal of this file
        ).fetchone()
        assert counts is not None  # an aggregate
        still_open = _versions(connection, "(up.state <> 'uploaded' or up.outlook is not null)")
        uploaded, waiting, given_up, unexplained = counts
        return Standing(uploaded, waiting, given_up, unexplained, still_open, _reasons(connection))


def open_reasons(database: Database) -> tuple[OpenReason, ...]:
    """Reads why versions wait, or are there and not as they should be; what concerns most first."""
    with database.transaction() as connection:
        return _reasons(connection)


def uploaded_in(database: Database, run_id: str) -> tuple[OpenVersion, ...]:
    """Reads the newest hundred versions that a run sent and that are in Salesforce."""
    with database.transaction() as connection:
        return _versions(connection, "up.state = 'uploaded' and up.run_id = %s", run_id)


def _versions(connection: Connection, condition: str, *values: str) -> tuple[OpenVersion, ...]:
    rows = connection.execute(
        f"""
        select document_id::text, version_number, opportunity_id, up.state, outlook, up.reason,
               (select instance_url from fluint_sync.connection) || '/' || opportunity_id
        from fluint_sync.upload as up
        where {condition} order by updated_at desc, document_id, version_number limit {_MOST}
        """,  # noqa: S608 - literals of this file
        values,
    ).fetchall()
    return tuple(OpenVersion(*row) for row in rows)


def _reasons(connection: Connection) -> tuple[OpenReason, ...]:
    rows = connection.execute(
        """
        select reason, outlook, reason_text, count(*)::int from fluint_sync.upload
        where outlook is not null group by 1, 2, 3 order by 4 desc, 1, 3
        """
    ).fetchall()
    return tuple(OpenReason(*row) for row in rows)


@dataclass(frozen=True)
class OpenGroup:
    """Versions in one state for one reason that are not uploaded, or not as they should be; `oldest_at` and `newest_at` in UTC.

    `needs_a_person`: nothing changes about them by itself. Not so where the deal is gone or left out, and where a later version arrived.
    """

    state: str
    outlook: str | None
    reason: str | None
    versions: int
    oldest_at: datetime
    newest_at: datetime
    needs_a_person: bool = False


def count_uploaded(connection: Connection) -> int:
    """How many versions are in Salesforce."""
    row = connection.execute(
        "select count(*)::int from fluint_sync.upload where state = 'uploaded'"
    ).fetchone()
    return int(row[0]) if row else 0


def open_groups(connection: Connection) -> tuple[OpenGroup, ...]:
    """The versions that are not uploaded, or not as they should be, by state and reason, most first."""
    rows = connection.execute(
        """
        with still_open as (
            select up.state, up.outlook, up.reason, up.updated_at as at,
                   coalesce(up.outlook = 'needs_admin' or up.state = 'given_up' and not up.reason = any (%s)
                            and not exists (select from fluint_sync.upload as later
                                            where later.document_id = up.document_id and later.state = 'uploaded'
                                              and later.version_number > up.version_number), false) as needs_a_person
            from fluint_sync.upload as up join fluint_app.document_version as version using (document_id, version_number)
            where up.state <> 'uploaded' or up.outlook is not null
            union all
            select 'waiting', null, null, generated_at, false from fluint_app.document_version as version
            where not exists (select from fluint_sync.upload as known
                              where known.document_id = version.document_id and known.version_number = version.version_number)
        )
        select state, outlook, reason, count(*)::int, min(at), max(at), needs_a_person from still_open
        group by state, outlook, reason, needs_a_person order by 4 desc, 3
        """,
        [[DEAL_DELETED.code, DEAL_NOT_IN_FLUINT.code]],
    ).fetchall()
    return tuple(OpenGroup(*row) for row in rows)
