"""Connections that wait for the next transaction of this process, so that not each one makes its own.

Belongs here: who gets which of them, and when one is closed. How a connection is made is in connection.py, and
transactions are the only ones that come here: whoever holds a lock or a session keeps a connection to itself.

A sync is hundreds of short transactions, and making a connection takes longer than most of them (8 ms against 1 on
loopback; with TLS over a network, several round trips). A pool with threads of its own would say "timed out" where
Postgres says what is wrong, and would outlive the commands that use it for a second.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import threading
import time
from collections.abc import Hashable
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

_Connection = psycopg.Connection[TupleRow]

KEPT = 4  # connections of one session's kind; more side by side than that are closed after use
SECONDS = 30  # after which one that nobody used is closed
LIFETIME = 1800  # seconds, after which one is closed anyway: a server that moved or got new settings is met within it


@dataclass
class IdleConnections:
    """The idle connections of this process by session (an address, and what its sessions bring along); the newest first. Thread-safe."""

    _waiting: dict[Hashable, list[tuple[float, _Connection]]] = field(default_factory=dict)
    _first_kept: WeakKeyDictionary[_Connection, float] = field(default_factory=WeakKeyDictionary)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _pid: int = field(default_factory=os.getpid)

    def take(self, session: Hashable) -> _Connection | None:
        """An idle connection that the server has not ended, or None."""
        with self._lock:
            if self._pid != os.getpid():  # a forked process must not speak on its parent's sockets
                self._waiting, self._pid = {}, os.getpid()
            self._close_old()
            waiting = self._waiting.get(session, [])
            while waiting:
                connection = waiting.pop()[1]
                if _is_alive(connection):
                    return connection
                _close(connection)
        return None

    def keep(self, session: Hashable, connection: _Connection) -> None:
        """Takes back a connection whose transaction has ended; closes it if enough of them wait."""
        with self._lock:
            self._close_old()
            waiting = self._waiting.setdefault(session, [])
            now = time.monotonic()
            is_young = now - self._first_kept.setdefault(connection, now) < LIFETIME
            if (
                is_young
                and len(waiting) < KEPT
                and connection.info.transaction_status == TransactionStatus.IDLE
            ):
                waiting.append((now, connection))
            else:
                _close(connection)

    def close(self) -> None:
        """Closes all of them."""
        with self._lock:
            if self._pid == os.getpid():
                self._close_old(0)

    def _close_old(self, seconds: float = SECONDS) -> None:
        too_old = time.monotonic() - seconds
        for session, waiting in list(self._waiting.items()):
            for _, connection in (entry for entry in waiting if entry[0] <= too_old):
                _close(connection)
            if left := [entry for entry in waiting if entry[0] > too_old]:
                self._waiting[session] = left
            else:
                del self._waiting[session]


def _is_alive(connection: _Connection) -> bool:
    """Whether nothing came in since the last transaction: a server that ends a connection says so, else it is silent."""
    if connection.closed:
        return False
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return not poll.poll(0)


def _close(connection: _Connection) -> None:
    with contextlib.suppress(psycopg.Error):
        connection.close()


IDLE = IdleConnections()
atexit.register(IDLE.close)
