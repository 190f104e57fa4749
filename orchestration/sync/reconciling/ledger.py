"""What reconciling keeps: the last comparison of each object, what differed by id, the permissions of the last good night. SQL only.

Every function works inside the caller's transaction.
"""

from __future__ import annotations

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


def remember_permissions(connection: Connection, permissions: Permissions, run_id: str) -> None:
    """Takes these permissions for what the next night is compared with."""
    connection.execute(
        """
        insert into fluint_sync.permissions_seen (facts, run_id) values (%s, %s)
        on conflict (singleton) do update set facts = excluded.facts, seen_at = now(), run_id = excluded.run_id
        """,
        [Jsonb(dict(permissions.facts)), run_id],
    )
