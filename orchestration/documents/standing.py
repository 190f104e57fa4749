"""How the outbox stands: counts by state and reason, and the versions that have neither arrived nor a reason. Our own ledger alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from orchestration.documents.reasons import DEAL_DELETED, DEAL_NOT_IN_FLUINT
from orchestration.postgres.connection import Connection, Database

# A version that is about to be picked up has no reason yet.
_AT_ONCE = "15 minutes"


@dataclass(frozen=True)
class OpenVersion:
    """One version that is not uploaded, or not as it should be; ids and codes alone."""

    document_id: str
    version_number: int
    opportunity_id: str
    state: str
    outlook: str | None
    reason: str | None
    opportunity_url: str | None


@dataclass(frozen=True)
class Standing:
    """`waiting`: not uploaded and not given up. `open_versions`: the newest hundred. `unexplained`: neither there nor with a reason."""

    uploaded: int
    waiting: int
    given_up: int
    unexplained: int
    open_versions: tuple[OpenVersion, ...]


def read_standing(database: Database) -> Standing:
    """Reads how the outbox stands."""
    with database.transaction() as connection:
        counts = connection.execute(
            f"""
            select count(*) filter (where up.state = 'uploaded')::int,
                   count(*) filter (where coalesce(up.state, 'waiting') not in ('uploaded', 'given_up'))::int,
                   count(*) filter (where up.state = 'given_up')::int,
                   count(*) filter (where coalesce(up.state, 'waiting') <> 'uploaded' and up.reason is null
                                    and coalesce(up.updated_at, version.generated_at) < now() - interval '{_AT_ONCE}')::int
            from fluint_app.document_version as version left join fluint_sync.upload as up using (document_id, version_number)
            """  # noqa: S608 - a literal of this file
        ).fetchone()
        rows = connection.execute(
            """
            select document_id::text, version_number, opportunity_id, up.state, outlook, up.reason,
                   (select instance_url from fluint_sync.connection) || '/' || opportunity_id
            from fluint_sync.upload as up
            where up.state <> 'uploaded' or outlook is not null
            order by updated_at desc, document_id, version_number limit 100
            """
        ).fetchall()
    assert counts is not None  # an aggregate
    uploaded, waiting, given_up, unexplained = counts
    return Standing(uploaded, waiting, given_up, unexplained, tuple(OpenVersion(*row) for row in rows))


@dataclass(frozen=True)
class OpenGroup:
    """Versions in one state for one reason that are not uploaded, or not as they should be; `oldest_at` in UTC.

    `needs_a_person`: nothing changes about them by itself. Not so where the deal is gone or left out, and where a later version arrived.
    """

    state: str
    outlook: str | None
    reason: str | None
    versions: int
    oldest_at: datetime
    needs_a_person: bool = False


def open_groups(connection: Connection) -> tuple[int, tuple[OpenGroup, ...]]:
    """How many versions are uploaded, and the others by state and reason, most first."""
    rows = connection.execute(
        """
        select coalesce(up.state, 'waiting'), up.outlook, up.reason, count(*)::int,
               min(coalesce(up.updated_at, version.generated_at)),
               coalesce(up.outlook = 'needs_admin' or up.state = 'given_up' and not up.reason = any (%s)
                        and not exists (select from fluint_sync.upload as later
                                        where later.document_id = up.document_id and later.state = 'uploaded'
                                          and later.version_number > up.version_number), false) as needs_a_person
        from fluint_app.document_version as version left join fluint_sync.upload as up using (document_id, version_number)
        where up.state is distinct from 'uploaded' or up.outlook is not null
        group by 1, 2, 3, 6 order by 4 desc, 3
        """,
        [[DEAL_DELETED.code, DEAL_NOT_IN_FLUINT.code]],
    ).fetchall()
    uploaded = connection.execute(
        "select count(*)::int from fluint_sync.upload where state = 'uploaded'"
    ).fetchone()
    return uploaded[0] if uploaded else 0, tuple(OpenGroup(*row) for row in rows)
