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
    server = ["code-server", "start", "-h", HOST, "-p", str(code), "-m", "orchestration.definitions"]
    # Without this option runs are started by whichever `dagster` the PATH has.
    server += ["--location-name", LOCATION, "--use-python-environment-entry-point"]
    workspace = ["-w", str(_workspace_file(settings.data_directory, code))]
    environment, logs = process_environment(settings), settings.data_directory / "logs"
    with processes({"code-server": [*_module("dagster"), *server]}, environment, logs) as running:
        wait_until_it_answers(code, running)
        others = {
            "webserver": [*_module("dagster_webserver"), "-h", HOST, "-p", str(port), *workspace],
            "daemon": [*_module("dagster._daemon"), "run", *workspace],
        }
        with processes(others, environment, logs) as more:
            running |= more
            wait_until_it_answers(port, running)
            yield running


def _workspace_file(directory: Path, port: int) -> Path:
    """Writes where the code server is: the daemon takes a location's name from a file alone."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "workspace.yaml"
    server = {"host": HOST, "port": port, "location_name": LOCATION}
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
    while not _answers(port):
        insist_on_all(running)
        time.sleep(_POLL)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def _module(name: str) -> list[str]:
    return [sys.executable, "-m", name]
