"""How the sync stands, from our own ledger: counts and times, no content and no call to Salesforce."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from psycopg import sql

from orchestration.postgres.connection import Connection, Database
from orchestration.sync import ledger
from orchestration.sync.coverage import missing_parents
from orchestration.sync.objects import CATALOGUE


@dataclass(frozen=True)
class ObjectStatus:
    """One object: live rows held, ids that wait to be fetched, and up to when (UTC) the rows are right."""

    table: str
    rows: int
    pending: int
    data_as_of: datetime | None


@dataclass(frozen=True)
class Status:
    """The whole sync; `usage` is a phrase about the org's API calls, `uploads` one about documents."""

    connection: str
    objects: tuple[ObjectStatus, ...]
    owners_in_scope: int
    owners_missing: int
    deals: int
    excluded: int
    calls_today: int
    usage: str
    uploads: str


def read_status(database: Database) -> Status:
    """Reads the status in one transaction, apart from the parents without coverage."""
    missing = missing_parents(database)
    with database.transaction() as connection:
        return Status(
            connection=_phrase(
                connection,
                "select state || coalesce(': ' || reason, '') || ', org ' || org_id from fluint_sync.connection",
                "none; `fluint connect` makes one",
            ),
            objects=tuple(_object(connection, sobject.table_name) for sobject in CATALOGUE),
            owners_in_scope=_number(connection, "select count(*) from fluint_entitlement.scope_owners"),
            owners_missing=missing.owners,
            deals=_number(
                connection, "select count(*) from raw_salesforce.opportunity where _deleted_at is null"
            ),
            excluded=_number(connection, "select coalesce(sum(deals), 0) from fluint_sync.excluded_count"),
            calls_today=_number(
                connection,
                "select coalesce(sum(calls), 0) from fluint_sync.api_call where at > now() - interval '24 hours'",
            ),
            usage=_phrase(
                connection,
                "select used || ' of the org''s ' || allowed || ' used by everybody' from fluint_sync.api_usage",
                "the org's own count is not known yet",
            ),
            uploads=_phrase(
                connection,
                """
                select string_agg(deals || ' ' || what, ', ' order by what) from (
                    select state || coalesce(' (' || reason || ')', '') as what, count(*) as deals
                    from fluint_sync.upload group by 1) as counted
                """,
                "",
            ),
        )


def _object(connection: Connection, table: str) -> ObjectStatus:
    query = sql.SQL("select count(*) from {} where _deleted_at is null").format(
        sql.Identifier("raw_salesforce", table)
    )
    row = connection.execute(query).fetchone()
    return ObjectStatus(
        table,
        row[0] if row else 0,
        ledger.count_pending(connection, table),
        ledger.data_as_of(connection, table),
    )


def _number(connection: Connection, query: str) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def _phrase(connection: Connection, query: str, otherwise: str) -> str:
    row = connection.execute(query).fetchone()
    return str(row[0]) if row and row[0] is not None else otherwise
