"""What a listing under way owes, and what it must not cover: so that neither a kill nor a second process loses a row (R5, R8).

Every function works inside the caller's transaction, as ledger.py's do.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from psycopg import sql

from orchestration.postgres.connection import Connection


def uncover_deals(connection: Connection, children: sql.Composable) -> None:
    """Drops the coverage of children, given as a query of (object, opportunity_id); no listing under way covers them either."""
    connection.execute(
        sql.SQL(
            """
            with dropped as (
                insert into fluint_sync.uncovered_deal (object, opportunity_id) select distinct * from ({children}) as children
                on conflict (object, opportunity_id) do update set at = clock_timestamp()
                returning object, opportunity_id
            )
            delete from fluint_sync.deal_coverage as covered using dropped
            where covered.object = dropped.object and covered.opportunity_id = dropped.opportunity_id
            """
        ).format(children=children)
    )


def uncover_owners(connection: Connection, owners: Sequence[str]) -> None:
    """Drops all coverage of these owners: the next run lists their deals anew."""
    connection.execute("delete from fluint_sync.owner_coverage where owner_id = any (%s)", [list(owners)])


def database_time(connection: Connection) -> datetime:
    """Now, by the clock of this database."""
    row = connection.execute("select clock_timestamp()").fetchone()
    assert row is not None
    moment: datetime = row[0]
    return moment


def owe_keys(connection: Connection, table: str, began: datetime) -> None:
    """Notes that a listing which began then has stored rows: changes since are to be looked for, whatever becomes of it (R5).

    Called with the raw table's lock held, and so is `owed_keys_read`: a listing that goes on after another one has paid owes again.
    """
    connection.execute(
        """
        insert into fluint_sync.listing (object, began) values (%s, %s)
        on conflict (object) do update set began = excluded.began where listing.began > excluded.began
        """,
        [table, began],
    )


def keys_owed_since(connection: Connection, table: str) -> datetime | None:
    """Since when (UTC) a listing that has not ended stores rows of this object."""
    row = connection.execute("select began from fluint_sync.listing where object = %s", [table]).fetchone()
    return row[0] if row else None


def owed_keys_read(connection: Connection, table: str, since: datetime) -> None:
    """Forgets what was owed, if keys were read from `since` on."""
    connection.execute("delete from fluint_sync.listing where object = %s and began >= %s", [table, since])
