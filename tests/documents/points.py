"""Every call of the uploader to the outside as a point at which its process can be killed: requests, statements, opened content.

A kill is before the call or after it, when the call has done its work and nobody will hear of it. From then on nothing of that
process reaches anything.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import psycopg
import requests

from orchestration.documents.content import open_content
from orchestration.postgres.connection import Connection, Database
from orchestration.salesforce.client import Salesforce


class Killed(BaseException):
    """The process ends here; nothing catches it."""


@dataclass(eq=False)
class Process:
    """One run of the uploader. It dies at its point number `dies_at` (from 0), never if that is None; `passed` names the points."""

    dies_at: int | None = None
    passed: list[str] = field(default_factory=list)
    is_dead: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reach(self, name: str) -> None:
        """Passes one point."""
        with self._lock:
            if self.is_dead:
                raise Killed
            here = len(self.passed)
            self.passed.append(name)
            if here == self.dies_at:
                self.is_dead = True
                raise Killed

    def call(self, name: str, call: Callable[[], Any]) -> Any:
        """A call with a point before it and one after it."""
        self.reach(f"before {name}")
        answer = call()
        self.reach(f"after {name}")
        return answer


class _Connection(psycopg.Connection[tuple[Any, ...]]):
    process: Process

    def execute(self, query: Any, *args: Any, **kwargs: Any) -> Any:
        def call() -> Any:
            return super(_Connection, self).execute(query, *args, **kwargs)

        return self.process.call(" ".join(str(query).split())[:60], call)


@dataclass(frozen=True)
class PointedDatabase(Database):
    """The database of a process; connections end with it."""

    process: Process = field(kw_only=True)

    def connect(self, *, autocommit: bool = False) -> Connection:
        """A new connection whose statements are points."""
        self.process.reach("connect")
        made = _Connection.connect(self.url, autocommit=autocommit, options="-c timezone=UTC")
        made.process = self.process
        return made


class PointedSession(requests.Session):
    """The wire of a process."""

    def __init__(self, process: Process) -> None:
        super().__init__()
        self.trust_env = False
        self._process = process
        self._answers: list[requests.Response] = []

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        """One request, with its points."""

        def call() -> requests.Response:
            self._answers.append(super(PointedSession, self).request(method, url, *args, **kwargs))
            return self._answers[-1]

        answer: requests.Response = self._process.call(f"{method} {url}"[:90], call)
        return answer

    def close(self) -> None:
        """Closes what a killed run left open: the process that would have died with it goes on here."""
        for answer in self._answers:
            answer.close()
        super().close()


class PointedSalesforce(Salesforce):
    """A client of a process; others of it have wires with points, too."""

    process: Process

    @classmethod
    def of(cls, like: Salesforce, process: Process) -> PointedSalesforce:
        """A client of the same connection as another one."""
        made = cls(
            like._app,
            like._store,
            session=PointedSession(process),
            sleep=lambda _: None,
            timeout=like._timeout,
        )
        made.process = process
        return made

    def another(self) -> Salesforce:
        """A client for another thread of the process."""
        return self.of(self, self.process)


def opener(process: Process) -> Callable[[str], BinaryIO]:
    """Opens content for a process."""
    return lambda uri: process.call("open content", lambda: open_content(uri))
