"""Points of a run at which something can happen: every call of the transport, every statement and every commit.

Belongs here: a database and a session that pass those points, and the plan of what happens there (a kill, or something that
people or other processes do). What they do belongs to the tests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

import psycopg
import requests

from orchestration.postgres.connection import Connection, Database

# In the order in which a run passes them: before a request and after its answer's head, before a transaction, before each of
# its statements, before and after its commit.
KINDS = ("call", "answer", "begin", "statement", "commit", "committed")


class Killed(BaseException):
    """The process ends here. Nothing catches it, and nothing that would run on the way out reaches the org or the database."""


@dataclass
class Plan:
    """What happens at the points of one run: `kill` and the keys of `acts` are a kind and how many of that kind come first."""

    kill: tuple[str, int] | None = None
    acts: dict[tuple[str, int], list[Callable[[], None]]] = field(default_factory=dict)
    passed: Counter[str] = field(default_factory=Counter)
    is_dead: bool = False

    def reach(self, kind: str) -> None:
        """Passes one point."""
        if self.is_dead:
            raise Killed
        here = (kind, self.passed[kind])
        self.passed[kind] += 1
        for act in self.acts.pop(here, []):
            act()
        if self.kill == here:
            self.is_dead = True
            raise Killed


class _Connection(psycopg.Connection[tuple[Any, ...]]):
    """A connection whose statements are points; `cursor.executemany` and COPY are not."""

    reach: Callable[[str], None] = staticmethod(lambda kind: None)

    def execute(self, *args: Any, **kwargs: Any) -> Any:
        self.reach("statement")
        return super().execute(*args, **kwargs)


class Process:
    """One process of the sync: its plan, the connections that it keeps, and the time its requests seem to take."""

    def __init__(self) -> None:
        self.plan = Plan()
        self.depth = 0
        self.jitter = Random(0)
        self.idle: list[_Connection] = []

    def reach(self, kind: str) -> None:
        """Passes one point of the run at hand."""
        self.plan.reach(kind)


@dataclass(frozen=True)
class PointedDatabase(Database):
    """The sync's database. Connections are kept, because making one takes longer than most transactions here."""

    process: Process = field(kw_only=True)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction, as `Database.transaction`, with points before it, in it and after it."""
        process = self.process
        process.reach("begin")
        connection = process.idle.pop() if process.idle else self._open()
        process.depth += 1
        try:
            yield connection
            process.reach("commit")
        except BaseException:
            connection.rollback()
            raise
        else:
            connection.commit()
        finally:
            process.depth -= 1
            process.idle.append(connection)
        process.reach("committed")

    def _open(self) -> _Connection:
        connection = _Connection.connect(self.url, options="-c timezone=UTC -c lock_timeout=20000")
        connection.reach = self.process.reach
        return connection


class PointedSession(requests.Session):
    """The wire. How long a request took is drawn, from nothing to three seconds, so that the order of reads is now and then unclear."""

    def __init__(self, process: Process) -> None:
        super().__init__()
        self._process = process
        self._answers: list[requests.Response] = []

    def end(self) -> None:
        """Closes what a killed run left open: the process that would have died with it goes on here."""
        while self._answers:
            self._answers.pop().close()

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        """One request, with a point before and after it."""
        self._process.reach("call")
        response = super().request(*args, **kwargs)
        self._answers.append(response)
        response.elapsed = timedelta(seconds=self._process.jitter.choice((0.0, 0.0, 0.01, 0.4, 3.0)))
        self._process.reach("answer")
        return response
