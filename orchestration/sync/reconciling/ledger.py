"""What reconciling keeps: the last comparison of each object, what differed by id, when each month's ids were compared, and under
which permissions. SQL only.

Every function works inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from psycopg import sql
from psycopg.types.json import Jsonb

from orchestration.postgres.connection import Connection
from orchestration.sync.reconciling.findings import Finding
from orchestration.sync.reconciling.permissions import Permissions


def record(connection: Connection, finding: Finding, run_id: str) -> None:
    """Keeps a comparison in place of the object's last one."""
    connection.execute("delete from fluint_sync.completeness where object = %s", [finding.table])
    connection.execute("delete from fluint_sync.difference where object = %s", [finding.table])
    connection.cursor().executemany(
        """
        insert into fluint_sync.completeness (object, part, owner_id, month, in_salesforce, held, brought_in, run_id)
        values (%s, %s, %s, %s, %s, %s, %s, %s)
        """,
        [
            (
                finding.table,
                row.bucket.part,
                row.bucket.owner_id,
                row.bucket.month,
                row.in_salesforce,
                row.held,
                row.brought_in,
                run_id,
            )
            for row in finding.rows
        ],
    )
    connection.cursor().executemany(
        """
        insert into fluint_sync.difference (object, id, kind, outcome, owner_id, month, run_id)
        values (%s, %s, %s, %s, %s, %s, %s) on conflict (object, id) do nothing
        """,
        [
            (finding.table, each.id, each.kind, each.outcome, each.bucket.owner_id, each.bucket.month, run_id)
            for each in finding.differences
        ],
    )


def permissions_seen(connection: Connection) -> Permissions | None:
    """What the integration user was allowed when nothing that is held was missing in Salesforce; None before the first night."""
    row = connection.execute("select facts from fluint_sync.permissions_seen").fetchone()
    return Permissions(row[0]) if row else None


def permissions_compared(connection: Connection) -> Permissions | None:
    """What the integration user was allowed in the last comparison of everything, however it ended; None before the first."""
    row = connection.execute("select facts from fluint_sync.permissions_compared").fetchone()
    return Permissions(row[0]) if row else None


def note_permissions(connection: Connection, permissions: Permissions, run_id: str, *, as_good: bool) -> None:
    """Keeps what everything was compared under; `as_good`: the next night is compared with it, for nothing was left open."""
    for table in ("permissions_compared", "permissions_seen") if as_good else ("permissions_compared",):
        at = "compared_at" if table == "permissions_compared" else "seen_at"
        connection.execute(
            sql.SQL(
                "insert into {table} (facts, run_id) values (%s, %s) on conflict (singleton)"
                " do update set facts = excluded.facts, {at} = now(), run_id = excluded.run_id"
            ).format(table=sql.Identifier("fluint_sync", table), at=sql.Identifier(at)),
            [Jsonb(dict(permissions.facts)), run_id],
        )


def ids_compared(connection: Connection, table: str) -> dict[date, datetime]:
    """Month → when (UTC) the ids of all its rows were last compared."""
    rows = connection.execute(
        "select month, compared_at from fluint_sync.ids_compared where object = %s", [table]
    )
    return dict(rows.fetchall())


def note_ids_compared(connection: Connection, table: str, months: Sequence[date], run_id: str) -> None:
    """Notes that the ids of all rows of these months were compared."""
    connection.execute(
        """
        insert into fluint_sync.ids_compared (object, month, run_id)
        select %s, month, %s from unnest(%s::date[]) as month
        on conflict (object, month) do update set compared_at = now(), run_id = excluded.run_id
        """,
        [table, run_id, list(months)],
    )
