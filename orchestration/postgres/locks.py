"""Advisory locks that outlive a transaction: who rebuilds views waits for syncs, and the other way round."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from orchestration.postgres.connection import Database

_VIEWS = "fluint views"


@contextmanager
def views_lock(database: Database, *, shared: bool) -> Iterator[None]:
    """Holds the lock on the deployed views: syncs and builds shared, `fluint upgrade` alone.

    dbt rebuilds a view by dropping it with everything on top; a sync that reads an entitlement view at that moment would
    see no owner at all. The lock is the connection's, so that a killed process frees it.
    """
    lock = "pg_advisory_lock_shared" if shared else "pg_advisory_lock"
    with database.connect(autocommit=True) as connection:
        connection.execute(f"select {lock}(hashtextextended(%s, 0))", [_VIEWS])
        yield
