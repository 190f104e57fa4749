"""Dagster's own processes for one workspace: a code server, the webserver and the daemon, started in order and ended together.

Belongs here: which processes there are, and that they answer. Does not: what they run, or the services below them (services.py).
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestration.cli.services import free_port, processes
from orchestration.errors import TransientError
from orchestration.settings import Settings, process_environment

HOST = "127.0.0.1"
# As in workspace.yaml: which sensors are switched off is kept under the location's name.
LOCATION = "fluint"
_POLL = 0.5  # seconds

Processes = dict[str, subprocess.Popen[bytes]]


@contextmanager
def dagster_services(settings: Settings, port: int) -> Iterator[Processes]:
    """Runs Dagster over these settings while the block runs, its UI on `port`; yields the processes by name once all answer.

    One code server serves both others. Given the module instead, each loads the code for itself, and the daemon does so again every
    minute: 2 s of a processor, and runs that are launched meanwhile wait for it.

    Raises TransientError when one of them ends by itself.
    """
    code = free_port()
    workspace = workspace_file(settings.data_directory / "workspace.yaml", HOST, code)
    environment, logs = process_environment(settings), settings.data_directory / "logs"
    with processes({"code-server": code_server(HOST, code)}, environment, logs) as running:
        wait_until_it_answers(code, running)
        others = {"webserver": webserver(HOST, port, workspace), "daemon": daemon(workspace)}
        with processes(others, environment, logs) as more:
            running |= more
            wait_until_it_answers(port, running)
            yield running


def code_server(host: str, port: int) -> list[str]:
    """The command of the process that loads our code and runs it."""
    # Without the last option runs are started by whichever `dagster` the PATH has.
    what = [
        "-m",
        "orchestration.definitions",
        "--location-name",
        LOCATION,
        "--use-python-environment-entry-point",
    ]
    return [*_module("dagster"), "code-server", "start", "-h", host, "-p", str(port), *what]


def webserver(host: str, port: int, workspace: Path) -> list[str]:
    """The command of the UI, which has no login of its own."""
    return [*_module("orchestration.cli.webserver"), "-h", host, "-p", str(port), "-w", str(workspace)]


def daemon(workspace: Path) -> list[str]:
    """The command of what ticks sensors and schedules and starts runs."""
    return [*_module("dagster._daemon"), "run", "-w", str(workspace)]


def workspace_file(path: Path, host: str, port: int) -> Path:
    """Writes where the code server is: the daemon takes a location's name from a file alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    server = {"host": host, "port": port, "location_name": LOCATION}
    # JSON is YAML.
    path.write_text(json.dumps({"load_from": [{"grpc_server": server}]}))
    return path


def insist_on_all(running: Processes) -> None:
    """Returns while every process runs; TransientError names the one that does not."""
    for name, process in running.items():
        if process.poll() is not None:
            raise TransientError(
                f"Dagster's {name} ended by itself (exit code {process.returncode}). Its log says why: {name}.log in the data directory."
            )


def wait_until_it_answers(port: int, running: Processes) -> None:
    """Returns once something listens on the port."""
    while not answers(HOST, port):
        insist_on_all(running)
        time.sleep(_POLL)


def answers(host: str, port: int) -> bool:
    """Whether something listens there."""
    try:
        with socket.create_connection((host, port), timeout=5):
            return True
    except OSError:
        return False


def _module(name: str) -> list[str]:
    return [sys.executable, "-m", name]
