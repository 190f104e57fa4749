"""Advisory locks that outlive a transaction: who rebuilds views waits for syncs, and the other way round; one process drains the outbox."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from orchestration.errors import TransientError
from orchestration.postgres.connection import Connection, Database

_VIEWS = "fluint views"
_ASK_EVERY = 10.0  # seconds


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


class Hold:
    """A lock that this process holds as long as its connection lives; another process gets it the moment that ends."""

    def __init__(self, connection: Connection) -> None:
        """Takes the connection on which the lock was taken."""
        self._connection = connection
        self._asked = time.monotonic()
        self._lock = threading.Lock()

    def insist(self) -> None:
        """Returns while the lock is held, as of at most ten seconds ago; TransientError when it is lost. For any thread."""
        if time.monotonic() - self._asked < _ASK_EVERY:
            return
        with self._lock:
            if time.monotonic() - self._asked < _ASK_EVERY:
                return
            try:
                self._connection.execute("select 1")
            except psycopg.Error:
                raise TransientError(
                    "The connection to the database was lost, and with it the right to send. Nothing more was sent; the next run goes on."
                ) from None
            self._asked = time.monotonic()


@contextmanager
def held_alone(database: Database, name: str) -> Iterator[Hold | None]:
    """Holds a lock that one process at a time can have; yields None when another one has it."""
    with database.connect(autocommit=True) as connection:
        row = connection.execute("select pg_try_advisory_lock(hashtextextended(%s, 0))", [name]).fetchone()
        yield Hold(connection) if row and row[0] else None
