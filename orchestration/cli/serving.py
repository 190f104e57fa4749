"""The command `fluint serve`: one of Dagster's processes in the foreground, for a supervisor (systemd, Docker) to keep alive.

The command becomes that process, so that signals, exit code and memory are its own. `fluint ui` is the same for a person at a desk.
"""

from __future__ import annotations

import os
import sys
import time
from enum import StrEnum
from typing import Annotated

import typer

from orchestration.cli.workspace import Workspace
from orchestration.errors import SetupError, TransientError
from orchestration.postgres.connection import is_loopback

_CODE_PORT = 4266
_UI_PORT = 3000
_PATIENCE = 300.0  # seconds for the code server to come up; then the supervisor starts this one again
_POLL = 0.5


class Part(StrEnum):
    """Dagster's processes: one that loads and runs our code, and two that ask it."""

    CODE_SERVER = "code-server"
    WEBSERVER = "webserver"
    DAEMON = "daemon"


def serve(
    part: Annotated[Part, typer.Argument(help="Which process.")],
    host: Annotated[str, typer.Option(help="Where it listens.")] = "127.0.0.1",
    port: Annotated[
        int | None, typer.Option(help=f"Its port: {_CODE_PORT} or, for the UI, {_UI_PORT}.")
    ] = None,
    code_server: Annotated[
        str, typer.Option(help="Where the webserver and the daemon find the code server.")
    ] = f"127.0.0.1:{_CODE_PORT}",
    guarded: Annotated[
        bool,
        typer.Option(
            "--guarded",
            help="A proxy with a login, or a network of its own, stands before a host that is no loopback.",
        ),
    ] = False,
) -> None:
    """Run the code server, the webserver or the daemon in the foreground, for a supervisor (docs/operating.md)."""
    from orchestration.settings import process_environment

    workspace = Workspace.here()
    workspace.settings.require("dagster_database_url")
    if not guarded:
        insist_on_loopback(host)
    command = _command(workspace, part, host, port, code_server)
    sys.stdout.flush()
    os.execve(command[0], command, process_environment(workspace.settings))


def insist_on_loopback(host: str) -> None:
    """Returns if only this machine reaches `host`; SetupError else."""
    if not is_loopback(host):
        raise SetupError(
            f"Dagster has no login: whoever reached {host} could start runs, switch sensors off and read what they say. Nothing was"
            " started. It listens on 127.0.0.1 unless a proxy with a login or a network of its own stands before it; `--guarded` says"
            " that one does. docs/operating.md shows both."
        )


def _command(workspace: Workspace, part: Part, host: str, port: int | None, code_server: str) -> list[str]:
    from orchestration.cli import dagster_services as services

    if part is Part.CODE_SERVER:
        return services.code_server(host, port or _CODE_PORT)
    code_host, code_port = _address(code_server)
    _wait_for(code_host, code_port)
    directory = workspace.settings.data_directory
    file = services.workspace_file(directory / f"workspace-{part.value}.yaml", code_host, code_port)
    return (
        services.webserver(host, port or _UI_PORT, file) if part is Part.WEBSERVER else services.daemon(file)
    )


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal():
        raise SetupError(
            f"{text} is no address of a code server. It is written host:port, for example 127.0.0.1:{_CODE_PORT}."
        )
    return host, int(port)


def _wait_for(host: str, port: int) -> None:
    """Returns once the code server listens: Dagster's daemon would begin with an empty workspace and say so for a minute."""
    from orchestration.cli.dagster_services import answers

    deadline = time.monotonic() + _PATIENCE
    while not answers(host, port):
        if time.monotonic() > deadline:
            raise TransientError(
                f"No code server answers on {host}:{port}. Nothing was started. Whoever runs this looks at the log of `fluint serve"
                " code-server`."
            )
        time.sleep(_POLL)
