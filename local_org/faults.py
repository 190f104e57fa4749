"""Faults on demand: the next matching requests are refused, delayed, broken off, or carried out without an answer.

Belongs here: the faults at work and the ASGI middleware that commits them, outermost, so that they hit what was already done.
Does not: refusals that an org's own state explains (switches.py).
"""

import asyncio
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from email.utils import format_datetime

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from local_org.clock import Clock

KINDS = ("answer", "delay", "drop", "lose_answer")


@dataclass
class Fault:
    """One fault and whom it hits: requests whose method and path match, after `skip` of them, `times` times.

    answer: `status`, `body` and `headers` in place of the org's own; the request is not carried out.
    delay: `seconds` pass before it is carried out. drop: the connection ends after `after_bytes` of the body.
    lose_answer: the request is carried out and the connection is reset without a byte of answer.
    """

    kind: str
    method: str = ".*"
    path: str = ".*"
    skip: int = 0
    times: int = 1
    status: int = 503
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    after_bytes: int = 0

    @classmethod
    def of(cls, values: Mapping[str, object]) -> "Fault":
        """Reads a fault from JSON. Raises ValueError for an unknown kind or name."""
        known = {item.name for item in fields(cls)}
        if values.get("kind") not in KINDS or not set(values) <= known:
            raise ValueError(
                f"A fault has a kind ({', '.join(KINDS)}) and may have: {', '.join(sorted(known - {'kind'}))}."
            )
        return cls(**values)  # type: ignore[arg-type]

    def matches(self, method: str, path: str) -> bool:
        """Tells whether the fault is meant for this request; both patterns match the whole text."""
        return re.fullmatch(self.method, method) is not None and re.fullmatch(self.path, path) is not None


class Faults:
    """The faults at work in one org."""

    def __init__(self) -> None:
        """Begins without faults."""
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Puts a fault to work, after those that are there."""
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Ends all faults."""
        with self._lock:
            self._faults.clear()

    def listing(self) -> Sequence[dict[str, object]]:
        """Gives the faults that have not yet spent themselves."""
        with self._lock:
            return [asdict(fault) for fault in self._faults]

    def next_for(self, method: str, path: str) -> Fault | None:
        """Gives the fault that hits this request and counts it off; None for most requests."""
        with self._lock:
            for fault in self._faults:
                if not fault.matches(method, path):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                if fault.times <= 0:
                    self._faults.remove(fault)
                return fault
        return None


class FaultMiddleware:
    """Commits the faults. It never touches the admin endpoints, which take them back."""

    def __init__(self, app: ASGIApp, faults: Faults, clock: Clock) -> None:
        """Stands in front of `app`, outside of everything else; `clock` dates what it answers itself."""
        self._app = app
        self._faults = faults
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request, faultily if a fault is meant for it."""
        fault = None
        if scope["type"] == "http" and not scope["path"].startswith("/__local_org__"):
            fault = self._faults.next_for(scope["method"], scope["path"])
        if fault is None:
            await self._app(scope, receive, send)
        elif fault.kind == "answer":
            headers = {"date": format_datetime(self._clock.now(), usegmt=True)} | fault.headers
            await Response(fault.body, status_code=fault.status, headers=headers)(scope, receive, send)
        elif fault.kind == "delay":
            await asyncio.sleep(fault.seconds)
            await self._app(scope, receive, send)
        elif fault.kind == "drop":
            await self._app(scope, receive, _cut(send, fault.after_bytes))
        else:
            await self._app(scope, receive, _swallow)
            _end_connection(send, reset=True)
            await _until_disconnected(receive)


async def _swallow(message: Message) -> None:
    """Takes an answer that nobody will get."""


def _cut(send: Send, left: int) -> Send:
    """Sends the first `left` bytes of the body and then ends the connection in the middle of the answer."""

    async def cut(message: Message) -> None:
        nonlocal left
        if message["type"] != "http.response.body" or left < 0:
            if left >= 0:
                await send(message)
            return
        body = message.get("body", b"")
        if len(body) < left and message.get("more_body"):
            left -= len(body)
            await send(message)
            return
        await send({"type": "http.response.body", "body": body[:left], "more_body": True})
        left = -1
        _end_connection(send, reset=False)

    return cut


def _end_connection(send: Send, *, reset: bool) -> None:
    """Ends the connection below HTTP; ASGI has no word for it, so this asks the server's own cycle for its transport."""
    transport = send.__self__.transport  # type: ignore[attr-defined]
    if reset:
        transport.abort()
    else:
        transport.close()


async def _until_disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
