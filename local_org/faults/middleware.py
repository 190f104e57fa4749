"""The ASGI middleware that commits the faults, outside of everything else. It never touches the admin endpoints, which take them back."""

from __future__ import annotations

from urllib.parse import unquote_plus

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from local_org.faults import content
from local_org.faults.plan import Asked, Fault
from local_org.faults.state import STATE, Surroundings
from local_org.faults.wire import WIRE, Exchange, Kept, Parking, kept, read_body, replayed

_LONGEST_BODY = 1 << 20
"""Bytes of a request's body that a fault may be about; a file is never read for it."""


class FaultMiddleware:
    """Serves requests, faultily where a fault is meant for one."""

    def __init__(self, app: ASGIApp, of: Surroundings, parking: Parking) -> None:
        """Stands in front of `app`; `parking` keeps what is carried out later."""
        self._app = app
        self._of = of
        self._parking = parking
        self._answers: dict[int, tuple[Fault, Kept]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http" or scope["path"].startswith("/__local_org__"):
            await self._app(scope, receive, send)
            return
        text, receive = await self._text(scope, receive)
        found = self._of.faults.next_for(Asked(scope["method"], scope["path"], text))
        if found is None:
            await self._app(scope, receive, send)
            return
        fault, is_due = found
        x = Exchange(self._app, scope, receive, send, fault, self._of.org.clock, self._parking)
        if fault.kind == "repeat":
            await self._repeat(x, is_due=is_due)
            return
        scope.setdefault("state", {})["fault"] = fault.kind
        await self._commit(x)

    async def _commit(self, x: Exchange) -> None:
        kind = x.fault.kind
        if kind in WIRE:
            await WIRE[kind](x)
        elif kind in STATE:
            await run_in_threadpool(STATE[kind], self._of, x.fault, x.scope)
            await x.app(x.scope, x.receive, x.send)
        else:
            answer = await kept(x)
            if kind == "skewed_date":
                content.skew(answer, x.fault.seconds)
                await answer.pass_on(x.send)
            else:
                await answer.pass_on(x.send, await run_in_threadpool(content.changed, answer, x.fault))

    async def _repeat(self, x: Exchange, *, is_due: bool) -> None:
        if is_due:
            await self._answers[id(x.fault)][1].pass_on(x.send)
            return
        answer = await kept(x)
        self._answers[id(x.fault)] = (x.fault, answer)
        await answer.pass_on(x.send)

    async def _text(self, scope: Scope, receive: Receive) -> tuple[str, Receive]:
        text = unquote_plus(scope["query_string"].decode(errors="replace"))
        length = Headers(scope=scope).get("content-length", "0")
        is_short = length.isdigit() and int(length) <= _LONGEST_BODY
        if not is_short or not self._of.faults.read_body_of(scope["method"], scope["path"]):
            return text, receive
        body = await read_body(receive)
        return f"{text}\n{unquote_plus(body.decode(errors='replace'))}", replayed(body, receive)
