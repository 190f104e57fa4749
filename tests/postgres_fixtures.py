"""The Postgres that tests use: one server for a whole run, a fresh database for each test that asks for one.

The embedded server is started by the first test that needs it, shared by all xdist workers, and ended with the run.
With FLUINT_TEST_DATABASE_URL the databases are made on that server instead, and dropped there.
`database` is migrated and has the raw tables; `empty_database` has nothing; both are `Database` objects.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from psycopg import sql
from sqlalchemy.engine import make_url

from orchestration.postgres import raw_tables
from orchestration.postgres.connection import Connection, Database
from orchestration.postgres.embedded import EmbeddedPostgres
from orchestration.postgres.migrations import upgrade
from orchestration.sync.objects import CATALOGUE

# Workers are processes that inherit the controller's environment: so all of a run agree on where and how it is named.
_DIRECTORY = "FLUINT_TEST_POSTGRES_DIRECTORY"
_PREFIX = "fluint-tests-"  # followed by the controller's process id
_SERVER = "FLUINT_TEST_DATABASE_URL"
_WITHOUT_TLS = "the tests' own server, which holds made-up rows only"


@dataclass(frozen=True)
class PostgresServer:
    """A server on which databases are made and dropped; `template` is a migrated database with the raw tables."""

    admin: Database
    template: str

    def database(self, name: str) -> Database:
        """The database of that name, whether it is there or not."""
        url = make_url(self.admin.url).set(database=name).render_as_string(hide_password=False)
        return Database(url, without_tls_because=self.admin.without_tls_because)

    def create(self, name: str, template: str = "template0") -> Database:
        """A new database, as a copy of `template`, which Postgres copies only while nobody is connected to it."""
        made = sql.SQL("create database {} template {} encoding 'UTF8' strategy file_copy")
        with self.admin.connect(autocommit=True) as conn:
            _end_sessions(conn, template)
            conn.execute(made.format(sql.Identifier(name), sql.Identifier(template)))
        return self.database(name)

    def drop(self, name: str) -> None:
        """Removes the database and ends what is connected to it."""
        with self.admin.connect(autocommit=True) as conn:
            conn.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))

    def make_once(self, name: str, template: str, fill: Callable[[Database], None]) -> str:
        """The database `name`, made from `template` and filled unless another worker has: once for a run, under a lock."""
        with self.admin.connect(autocommit=True) as conn:
            conn.execute("select pg_advisory_lock(hashtextextended(%s, 0))", [name])
            if conn.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
                return name
            unfinished = f"{name}_unfinished"
            self.drop(unfinished)  # of a worker that was killed
            fill(self.create(unfinished, template))
            _end_sessions(conn, unfinished)
            renamed = sql.SQL("alter database {} rename to {}")
            conn.execute(renamed.format(sql.Identifier(unfinished), sql.Identifier(name)))
        return name


def _end_sessions(conn: Connection, name: str) -> None:
    """Ends what is still connected to a database, such as connections that wait for the next transaction."""
    conn.execute("select pg_terminate_backend(pid, 60000) from pg_stat_activity where datname = %s", [name])


def _fill_template(database: Database) -> None:
    upgrade(database)
    with database.transaction() as inside:
        raw_tables.bring_up(inside, [sobject.raw_table() for sobject in CATALOGUE])


def _server() -> PostgresServer:
    directory = Path(os.environ[_DIRECTORY])
    if url := os.environ.get(_SERVER):
        return PostgresServer(
            Database(url, without_tls_because=_WITHOUT_TLS), f"fluint_template_{directory.name}"
        )
    embedded = EmbeddedPostgres(directory, fast=True)
    embedded.start()
    return PostgresServer(Database(embedded.url("postgres")), "fluint_template")


def place_in_memory() -> str | None:
    """The file system in memory, where there is one with room: a database is made there in 0.03 s, on a busy disk in 0.5 s."""
    if not os.path.isdir("/dev/shm"):
        return None
    shared = os.statvfs("/dev/shm")
    has_room = shared.f_bavail * shared.f_frsize >= 4 << 30
    # As root the server's programs may have to be copied there.
    return "/dev/shm" if has_room and not shared.f_flag & os.ST_NOEXEC else None


def _remove_abandoned() -> None:
    """Ends the servers of runs that were killed before they could do it themselves."""
    for directory in Path(place_in_memory() or tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        try:
            os.kill(int(directory.name.removeprefix(_PREFIX).split("-")[0]), 0)
        except ProcessLookupError:
            EmbeddedPostgres(directory).stop()
            shutil.rmtree(directory, ignore_errors=True)
        except (ValueError, PermissionError):  # somebody else's
            continue


def pytest_configure(config: pytest.Config) -> None:
    """Chooses the place of the run's server, before any worker starts."""
    if not hasattr(config, "workerinput"):
        _remove_abandoned()
        directory = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=place_in_memory()))
        directory.chmod(0o711)  # as root the server runs as another user, who must get through
        os.environ[_DIRECTORY] = str(directory)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Ends the server after the last worker; on a server that is not ours, drops the template."""
    directory = Path(os.environ.get(_DIRECTORY, ""))
    if hasattr(config, "workerinput") or not directory.name.startswith(_PREFIX):
        return
    if os.environ.get(_SERVER):
        server = _server()
        with server.admin.connect() as conn:
            made = conn.execute(
                "select datname from pg_database where starts_with(datname, %s)", [server.template]
            ).fetchall()
        for (name,) in made:
            server.drop(name)
    EmbeddedPostgres(directory).stop()
    shutil.rmtree(directory)
    del os.environ[_DIRECTORY]


@pytest.fixture(scope="session")
def postgres_server() -> PostgresServer:
    """The run's server, with the template built."""
    server = _server()
    server.make_once(server.template, "template0", _fill_template)
    return server


@pytest.fixture
def database(postgres_server: PostgresServer) -> Iterator[Database]:
    """A fresh database for one test: migrated, with the raw tables of the catalogue, without a row."""
    name = f"fluint_test_{uuid.uuid4().hex}"
    yield postgres_server.create(name, postgres_server.template)
    postgres_server.drop(name)


@pytest.fixture
def empty_database(postgres_server: PostgresServer) -> Iterator[Database]:
    """A fresh database for one test, in which nobody has done anything yet."""
    name = f"fluint_test_{uuid.uuid4().hex}"
    yield postgres_server.create(name)
    postgres_server.drop(name)
