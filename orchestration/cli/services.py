"""What a machine without Postgres and Salesforce needs: an embedded server and the local org, started and ended by a command.

Both are processes of their own with their data below one directory. What runs against them is told apart from any other
installation by its settings alone.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from orchestration.errors import SetupError, TransientError
from orchestration.postgres.embedded import EmbeddedPostgres
from orchestration.postgres.token_store import new_key
from orchestration.settings import Settings

_PATIENCE = 30.0  # seconds for a process to end by itself
# Ctrl-C; what a supervisor sends; what the kernel sends when the terminal is closed.
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class LocalOrg:
    """A running local org: where it keeps its data, and the way to its operator's endpoints."""

    directory: Path

    @property
    def browser(self) -> str:
        """A command that signs in like a person; `webbrowser` takes it from the variable BROWSER."""
        return f"{sys.executable} -m local_org.visitor sign-in --directory {self.directory} %s"

    def ask(self, method: str, path: str) -> Any:
        """The JSON answer of an operator's endpoint of the local org, for example GET /cast."""
        command = [
            sys.executable,
            "-m",
            "local_org.visitor",
            "ask",
            "--directory",
            str(self.directory),
            method,
            path,
        ]
        answer = subprocess.run(command, capture_output=True, check=False)
        if answer.returncode:
            raise TransientError(
                f"The local org did not answer {method} {path}. Its log is in {self.directory}."
            )
        return json.loads(answer.stdout)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Leaves the block with KeyboardInterrupt on Ctrl-C, SIGTERM or a closed terminal, once: what ends it is not disturbed."""

    def leave(number: int, _frame: object) -> None:
        for each in _ENDING:
            signal.signal(each, signal.SIG_IGN)
        if number == signal.SIGHUP:  # the terminal is gone, and writing to it would fail
            with open(os.devnull, "w") as nowhere:
                for stream in (1, 2):
                    os.dup2(nowhere.fileno(), stream)
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in _ENDING}
    for number in _ENDING:
        # A shell's background job inherits SIGINT ignored, and must end by it; nohup ignores SIGHUP on purpose.
        if number != signal.SIGHUP or before[number] is not signal.SIG_IGN:
            signal.signal(number, leave)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Keeps a second command from working with the same data while the block runs: SetupError for the second."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "in-use").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SetupError(
                f"Another command is working with {directory}. End it, or set FLUINT_DATA_DIRECTORY to another place."
            ) from None
        yield


@contextmanager
def embedded_databases(
    directory: Path, bin_directory: Path | None, *, fresh: bool = False
) -> Iterator[dict[str, object]]:
    """Runs the embedded Postgres while the block runs; yields the settings that lead to its two databases, emptied if `fresh`."""
    server = EmbeddedPostgres(directory / "postgres", bin_directory=bin_directory)
    try:
        server.start()
        for name in ("fluint", "dagster"):
            if fresh:
                server.drop_database(name)
            server.create_database(name)
        yield {
            "database_url": SecretStr(server.url("fluint")),
            "dagster_database_url": SecretStr(server.url("dagster")),
            "encryption_key": SecretStr(_kept_key(directory / "encryption-key")),
            "erasure_key": SecretStr(_kept_key(directory / "erasure-key")),
        }
    finally:
        server.stop()


@contextmanager
def local_org(
    directory: Path, *, opportunities: int, is_live: bool, fresh: bool = False
) -> Iterator[tuple[LocalOrg, dict[str, object]]]:
    """Runs a local org while the block runs, a new one if `fresh`; yields it with the settings that lead to it."""
    org = LocalOrg(directory / "org")
    if fresh:
        shutil.rmtree(org.directory, ignore_errors=True)
    org.directory.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "local_org", "serve", "--directory", str(org.directory)]
    command += ["--opportunities", str(opportunities), "--with-parent", str(os.getpid())]
    command += ["--live"] if is_live else []
    with (
        (org.directory / "server.log").open("ab") as log,
        _process(command, stdout=subprocess.PIPE, stderr=log) as process,
    ):
        assert process.stdout is not None  # a pipe was asked for
        line = process.stdout.readline()
        if not line:
            raise TransientError(f"The local org did not start. Its log is {org.directory / 'server.log'}.")
        yield org, _settings_of(json.loads((org.directory / "org.json").read_text()))


def _settings_of(card: dict[str, str]) -> dict[str, object]:
    return {
        "environment": "dev",
        "salesforce_url": card["base_url"],
        "salesforce_ca_file": Path(card["ca_file"]),
        "salesforce_client_id": card["client_id"],
        "salesforce_client_secret": SecretStr(card["client_secret"]),
        "redirect_port": free_port(),
    }


@contextmanager
def processes(
    commands: dict[str, list[str]], environment: dict[str, str], logs: Path
) -> Iterator[dict[str, Any]]:
    """Runs several processes while the block runs; each writes to a log of its name and is ended at the end."""
    logs.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        started = {}
        for name, command in commands.items():
            log = stack.enter_context((logs / f"{name}.log").open("ab"))
            started[name] = stack.enter_context(
                _process(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
            )
        try:
            yield started
        finally:
            for process in started.values():  # all at once, or each would wait for the one before
                _signal(process, signal.SIGINT)


@contextmanager
def _process(command: list[str], **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Runs one process in a session of its own and ends all of it.

    Dagster ignores SIGINT and SIGTERM when it inherits them ignored, as from a shell's background job, so both are reset.
    """
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=_default_signals, **options
    )
    try:
        yield process
    finally:
        _end(process)


def _default_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def _end(process: subprocess.Popen[bytes]) -> None:
    for number, patience in (
        (signal.SIGINT, _PATIENCE),
        (signal.SIGTERM, _PATIENCE / 6),
        (signal.SIGKILL, _PATIENCE),
    ):
        _signal(process, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience)
            break
    # Children of its session that outlived it: a daemon's run, for example.
    _signal(process, signal.SIGKILL)


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _kept_key(path: Path) -> str:
    """A key of this directory, made once and readable by its owner alone."""
    if not path.exists():
        aside = path.with_suffix(f".{secrets.token_hex(4)}")
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(new_key())
        aside.replace(path)
    return path.read_text()


def free_port() -> int:
    """A port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def with_services(settings: Settings, made: dict[str, object]) -> Settings:
    """The settings with what was started for them."""
    return settings.model_copy(update=made)
