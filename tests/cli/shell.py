"""The command line as a person uses it, in this process: one environment, and everything that was said kept for inspection."""

from __future__ import annotations

import os
import webbrowser
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.postgres.connection import Database
from tests.contract.running_org import RunningOrg


@dataclass(frozen=True)
class Said:
    """What one command said, and how it ended."""

    exit_code: int
    text: str

    @property
    def line(self) -> str:
        """All of it without line breaks: where a line is broken depends on the width."""
        return " ".join(self.text.split())


@dataclass
class Shell:
    """A workspace's environment; `said` holds the output of every command that was not asked for a secret."""

    environment: Mapping[str, str]
    database: Database
    org: RunningOrg
    said: list[str] = field(default_factory=list)

    def __call__(self, *arguments: str, secret: bool = False, **changed: str | None) -> Said:
        """Runs `fluint …`, with some variables set otherwise, or not at all."""
        with lent(self.environment | changed):
            result = CliRunner().invoke(app, arguments)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        if not secret:
            self.said.append(result.output)
        return Said(result.exit_code, result.output)

    def ask(self, query: str) -> list[tuple[object, ...]]:
        """Rows of the workspace's database."""
        with self.database.connect() as connection:
            return connection.execute(query.encode()).fetchall()


@contextmanager
def lent(variables: Mapping[str, str | None]) -> Iterator[None]:
    """Sets variables of this process while the block runs, and puts all back as they were: commands export their own."""
    before = dict(os.environ)
    # `webbrowser` reads BROWSER once in a process, and a command is a process of its own: without this the sign-in would go to the pages
    # of an org that an earlier test had, which knows neither the app nor the certificate.
    vars(webbrowser)["_tryorder"] = None
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
