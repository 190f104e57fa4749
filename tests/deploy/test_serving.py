"""`fluint serve`: Dagster's processes for a supervisor, which nobody reaches from elsewhere unless that is said."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from orchestration.cli.serving import insist_on_loopback
from orchestration.errors import SetupError
from tests.alerts.conftest import dagster_template, line
from tests.cli.shell import Shell

__all__ = ["dagster_template", "line"]


class Became(BaseException):
    """The command became another process."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        super().__init__()
        self.command, self.environment = command, environment


def _become(line: Shell, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Became:
    def execve(_: str, command: list[str], environment: dict[str, Any]) -> None:
        raise Became(command, environment)

    monkeypatch.setattr(os, "execve", execve)
    with pytest.raises(Became) as became:
        line("serve", *arguments)
    return became.value


def test_a_process_listens_on_loopback_and_has_the_settings_of_the_workspace(
    line: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster has no login: on every address, whoever is in the network starts runs."""
    code = _become(line, monkeypatch, "code-server")
    assert code.command[2:8] == ["dagster", "code-server", "start", "-h", "127.0.0.1", "-p"]
    assert code.environment["FLUINT_DAGSTER_PG_HOST"] == "127.0.0.1"
    with socket.create_server(("127.0.0.1", 0)) as there:
        address = f"127.0.0.1:{there.getsockname()[1]}"
        web = _become(line, monkeypatch, "webserver", "--code-server", address)
        daemon = _become(line, monkeypatch, "daemon", "--code-server", address)
    assert web.command[2:7] == ["orchestration.cli.webserver", "-h", "127.0.0.1", "-p", "3000"]
    assert daemon.command[2:4] == ["dagster._daemon", "run"]
    files = [Path(each.command[-1]) for each in (web, daemon)]
    assert files[0] != files[1], "two processes write at once"
    assert all(address.split(":")[1] in file.read_text() for file in files)


def test_another_address_than_loopback_is_refused_unless_something_stands_before_it(
    line: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--host 0.0.0.0` from the first answer that a search finds."""
    for host in ("127.0.0.1", "localhost", "::1", "127.9.9.9"):
        insist_on_loopback(host)
    for host in ("0.0.0.0", "::", "10.0.0.7", "fluint.example.com", ""):  # noqa: S104 - that is what is refused
        with pytest.raises(SetupError, match="no login"):
            insist_on_loopback(host)
    said = line("serve", "webserver", "--host", "0.0.0.0")  # noqa: S104
    assert (said.exit_code, "no login" in said.line) == (1, True)
    assert "0.0.0.0" in _become(line, monkeypatch, "code-server", "--host", "0.0.0.0", "--guarded").command  # noqa: S104
