"""Which connection the next transaction gets, and what of the last one it can see: nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace

import pytest

from orchestration.postgres import idle
from orchestration.postgres.connection import Connection, Database
from orchestration.postgres.idle import IDLE, KEPT, LIFETIME, SECONDS, IdleConnections


@pytest.fixture(autouse=True)
def _nothing_waits() -> Iterator[None]:
    IDLE.close()
    yield
    IDLE.close()


def _backend(conn: Connection) -> int:
    return conn.info.backend_pid


def test_transactions_after_one_another_share_a_connection(database: Database) -> None:
    """A connection for each of the hundreds of transactions of a run takes longer than what they do."""
    with database.transaction() as first:
        pid = _backend(first)
    with replace(database, without_tls_because="it is this machine").transaction() as second:
        assert _backend(second) == pid


def test_transactions_within_one_another_do_not(database: Database) -> None:
    """The inner one's commit would commit the outer one's half."""
    with database.transaction() as outer:
        outer.execute("create table half (id int)")
        with database.transaction() as inner:
            assert _backend(inner) != _backend(outer)
            assert inner.execute("select to_regclass('half')").fetchone() == (None,)


def test_another_database_or_key_gets_a_connection_of_its_own(
    database: Database, empty_database: Database
) -> None:
    """The erasure key is in the session: under another one nobody who was erased would be known again."""
    with database.transaction() as conn:
        pids = {_backend(conn)}
    for other in (empty_database, replace(database, erasure_key="another")):
        with other.transaction() as conn:
            assert _backend(conn) not in pids
            pids.add(_backend(conn))


def test_a_transaction_that_failed_leaves_its_connection_to_nobody(database: Database) -> None:
    """What a statement cut off in the middle left in a session would be the next transaction's."""
    with suppress(KeyboardInterrupt), database.transaction() as conn:
        pid = _backend(conn)
        raise KeyboardInterrupt
    with database.transaction() as conn:
        assert _backend(conn) != pid


def test_a_connection_that_the_server_ended_is_replaced_without_a_word(database: Database) -> None:
    """A restart of Postgres between two ticks would fail the second, which could have done its work."""
    with database.transaction() as conn:
        pid = _backend(conn)
    with database.connect(autocommit=True) as other:
        other.execute("select pg_terminate_backend(%s, 5000)", [pid])
    with database.transaction() as conn:
        assert _backend(conn) != pid


def test_nothing_of_a_session_reaches_the_next_transaction(database: Database) -> None:
    """A time-out or a lock that stays would strike whoever comes next; a table of staged rows would be there twice."""
    with database.transaction() as conn:
        pid = _backend(conn)
        conn.execute("set local lock_timeout = '5s'")
        conn.execute("select pg_advisory_xact_lock(1)")
        conn.execute("create temporary table staged (id int) on commit drop")
    with database.transaction() as conn:
        assert _backend(conn) == pid
        assert conn.execute(
            "select current_setting('lock_timeout'), to_regclass('staged'),"
            " (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid())"
        ).fetchone() == ("0", None, 0)


def test_a_table_that_gets_a_column_is_read_with_it(database: Database) -> None:
    """\"Cached plan must not change result type": a statement that the session prepared by itself, after another process's DDL."""
    with database.transaction() as conn:
        conn.execute("create table wide (id int)")
    for _ in range(8):
        with database.transaction() as conn:
            conn.execute("select * from wide")
    with database.connect() as other:
        other.execute("alter table wide add column name text")
    with database.transaction() as conn:
        assert [column.name for column in conn.execute("select * from wide").description or ()] == [
            "id",
            "name",
        ]


def test_more_than_enough_and_old_ones_are_closed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A burst of workers would hold its connections for good, on a server that the application shares."""
    waiting = IdleConnections()
    made = [database.connect() for _ in range(KEPT + 1)]
    for conn in made:
        waiting.keep(database, conn)
    assert [conn.closed for conn in made] == [False] * KEPT + [True]
    later = time.monotonic() + SECONDS + 1
    monkeypatch.setattr(idle, "time", SimpleNamespace(monotonic=lambda: later))
    assert waiting.take(database) is None
    assert all(conn.closed for conn in made)


def test_a_connection_does_not_live_for_ever(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon that ticks every few seconds would stay with a server that its name no longer leads to."""
    waiting, conn = IdleConnections(), database.connect()
    waiting.keep(database, conn)
    assert waiting.take(database) is conn
    later = time.monotonic() + LIFETIME
    monkeypatch.setattr(idle, "time", SimpleNamespace(monotonic=lambda: later))
    waiting.keep(database, conn)
    assert conn.closed


def test_a_forked_process_does_not_speak_on_its_parents_connection(database: Database) -> None:
    """Two processes on one socket read each other's answers."""
    with database.transaction() as conn:
        parent = _backend(conn)
    read, write = os.pipe()
    if not (child := os.fork()):
        try:
            with database.transaction() as conn:
                os.write(write, str(_backend(conn)).encode())
        finally:
            os._exit(0)  # whatever came of it: this process is no test
    os.close(write)
    os.waitpid(child, 0)
    with open(read, "rb") as said:
        assert int(said.read()) != parent
    with database.transaction() as conn:
        assert _backend(conn) == parent
