"""Puts what one Salesforce org left in this database aside, so that another org can come in: a refreshed sandbox is one.

Everything that was read, and every ledger of reading it, is copied into a schema of its own and emptied where it was; views and
rights stay. What the application wrote (`fluint_app`), erasures and the connection itself are not an org's data and stay.
"""

from __future__ import annotations

from psycopg import sql

from orchestration.postgres.connection import Connection

PREFIX = "fluint_archive_"

_SCHEMAS = ["raw_salesforce", "fluint_sync", "fluint"]
# Of fluint_sync, what is true whichever org is connected. Of erasures too: whoever was erased stays so.
_STAYS = ["connection", "deployed_views", "alembic_version", "workspace"]
_TABLES = """
select n.nspname, c.relname from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and not c.relispartition and n.nspname = any(%s)
  and not (n.nspname = 'fluint_sync' and (c.relname = any(%s) or c.relname like 'erasure%%'))
order by 1, 2
"""
_NAME = (
    "select %s || lower(left(%s, 15)) || to_char(clock_timestamp() at time zone 'utc', '_YYYYMMDD_HH24MISS')"
)


def archive_org(conn: Connection, org_id: str) -> str:
    """Copies and empties what is held of an org, in the caller's transaction; returns the schema that the copies are in.

    The caller holds `views_lock` alone, so that no sync is under way. The next build of the models begins with nothing.
    """
    row = conn.execute(_NAME, [PREFIX, org_id]).fetchone()
    assert row is not None  # a select without a table has a row
    schema = str(row[0])
    conn.execute(sql.SQL("create schema {}").format(sql.Identifier(schema)))
    emptied = []
    for of, table in conn.execute(_TABLES, [_SCHEMAS, _STAYS]).fetchall():
        held, copy = sql.Identifier(of, table), sql.Identifier(schema, f"{of}__{table}")
        conn.execute(sql.SQL("create table {} as table {}").format(copy, held))
        emptied.append(held)
    if emptied:
        conn.execute(sql.SQL("truncate {}").format(sql.SQL(", ").join(emptied)))
    return schema
