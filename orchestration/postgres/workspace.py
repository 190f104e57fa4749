"""What a database is and where: the workspace's id, its environment, and whether it is a copy or a restored backup.

A backup brings back `fluint_sync.workspace` as it was. Where it was is written in it as three numbers: the cluster's identifier (another
server has another one), the database's oid (another database), and the oid of that very table, which `pg_restore` makes anew. What a
file system's snapshot or a recovery in place brings back looks the same here; privacy/restored.py has another witness for that.
"""

from __future__ import annotations

from dataclasses import dataclass

from orchestration.errors import WrongEnvironmentError
from orchestration.postgres.connection import Connection

_HERE = """
select (select system_identifier from pg_control_system()),
       (select oid from pg_database where datname = current_database()),
       'fluint_sync.workspace'::regclass::oid
"""


@dataclass(frozen=True)
class Mark:
    """What the database says of itself. `environment` is None where nobody said; `was_moved`: it is not where it was."""

    workspace_id: str
    environment: str | None
    was_moved: bool


def read_mark(conn: Connection) -> Mark:
    """Reads it; a database that was never placed was not moved."""
    row = conn.execute(
        f"""
        select workspace_id::text, environment, placed_at is not null and
               (held.system_identifier, held.database_oid, held.table_oid)
               is distinct from (here.system_identifier, here.database_oid, here.table_oid)
        from fluint_sync.workspace as held
        cross join ({_HERE}) as here (system_identifier, database_oid, table_oid)
        """  # noqa: S608 - a constant of ours
    ).fetchone()
    assert row is not None  # the migration made it
    return Mark(*row)


def place_here(conn: Connection) -> None:
    """Writes that the database is whole where it is now."""
    conn.execute(
        f"""
        update fluint_sync.workspace
        set (system_identifier, database_oid, table_oid) = ({_HERE}), placed_at = now()
        """  # noqa: S608 - a constant of ours
    )


def name_environment(conn: Connection, environment: str | None) -> None:
    """Writes for which environment the workspace is; with None, that nobody said."""
    conn.execute("update fluint_sync.workspace set environment = %s", [environment])


def insist_on_environment(mark: Mark, environment: str | None) -> None:
    """Returns if the process and the database are of one environment, or the database of none; else WrongEnvironmentError."""
    if mark.environment is None or mark.environment == environment:
        return
    said = f"FLUINT_ENVIRONMENT is {environment}" if environment else "FLUINT_ENVIRONMENT is not set"
    raise WrongEnvironmentError(
        f"This database belongs to the {mark.environment} workspace, and {said}. Nothing was asked of Salesforce and nothing sent. If the"
        f" database is the right one, whoever runs this sets `environment: {mark.environment}` in fluint.yaml. If it is a copy, `fluint"
        " connect --change-environment` makes it one of this environment, with an org of its own."
    )
