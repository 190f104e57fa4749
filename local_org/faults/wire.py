"""Faults of the way: answers that come late, in pieces, twice, cut off, from somebody else, or not at all.

Each takes an Exchange and serves it. What an answer says is content.py's.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from email.utils import format_datetime

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from local_org.clock import Clock
from local_org.faults.plan import Fault

PIECE = 512
"""Bytes of a piece of an answer that drips."""
PATIENCE = 1.0
"""Seconds for a client to end its side of a connection that was closed."""
_NOT_AT_ONCE = 3_600.0


class Parking:
    """Requests that are to be carried out later than they came."""

    def __init__(self) -> None:
        """Begins empty."""
        self._go: set[asyncio.Event] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def park(self, carry_out: Callable[[], Awaitable[None]], seconds: float) -> asyncio.Task[None]:
        """Carries a request out after so many seconds, without them only when it is released."""
        go = asyncio.Event()

        async def later() -> None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(go.wait(), seconds or _NOT_AT_ONCE)
            self._go.discard(go)
            await carry_out()

        self._go.add(go)
        task = asyncio.create_task(later())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def release(self) -> int:
        """Carries out what is parked, and returns how many requests that were once it is done."""
        waiting = list(self._tasks)
        for go in list(self._go):
            go.set()
        await asyncio.gather(*waiting, return_exceptions=True)
        return len(waiting)

    def close(self) -> None:
        """Gives up what is parked: the org ends."""
        for task in list(self._tasks):
            task.cancel()


@dataclass
class Exchange:
    """One request on its way to `app`, and the fault that is meant for it."""

    app: ASGIApp
    scope: Scope
    receive: Receive
    send: Send
    fault: Fault
    clock: Clock
    parking: Parking


@dataclass
class Kept:
    """An answer that is not sent on as it comes: its first message, its body, and a Send that keeps them."""

    start: Message = field(default_factory=dict)
    body: bytes = b""

    async def take(self, message: Message) -> None:
        """Keeps a message."""
        if message["type"] == "http.response.start":
            self.start = message
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")

    @property
    def headers(self) -> MutableHeaders:
        """The headers, which can be changed."""
        return MutableHeaders(scope=self.start)

    async def pass_on(self, send: Send, body: bytes | None = None) -> None:
        """Sends the answer, with another body if one is given."""
        content = self.body if body is None else body
        self.headers["content-length"] = str(len(content))
        await send(self.start)
        await send({"type": "http.response.body", "body": content})


async def kept(x: Exchange) -> Kept:
    """Carries the request out and keeps its answer, which is not compressed: what is compressed cannot be changed."""
    answer = Kept()
    plain = {
        **x.scope,
        "headers": [(name, value) for name, value in x.scope["headers"] if name != b"accept-encoding"],
    }
    await x.app(plain, x.receive, answer.take)
    return answer


async def answer(x: Exchange) -> None:
    """Answers in the org's place."""
    headers = {"date": format_datetime(x.clock.now(), usegmt=True)} | x.fault.headers
    await Response(x.fault.body, status_code=x.fault.status, headers=headers)(x.scope, x.receive, x.send)


async def delay(x: Exchange) -> None:
    """Lets time pass first."""
    await asyncio.sleep(x.fault.seconds)
    await x.app(x.scope, x.receive, x.send)


async def drop(x: Exchange) -> None:
    """Closes the connection in the middle of the body."""
    await x.app(x.scope, x.receive, _cut(x.send, x.fault.after_bytes, is_reset=False))
    try:
        await asyncio.wait_for(_until_disconnected(x.receive), PATIENCE)
    except TimeoutError:
        # Over TLS the client says goodbye too, and one that does not look for half a minute would hold up the end of the server.
        _end_connection(x.send, is_reset=True)
        await _until_disconnected(x.receive)


async def reset(x: Exchange) -> None:
    """Resets the connection in the middle of the body."""
    await x.app(x.scope, x.receive, _cut(x.send, x.fault.after_bytes, is_reset=True))
    await _until_disconnected(x.receive)


async def lose_answer(x: Exchange) -> None:
    """Carries the request out and resets the connection."""
    await x.app(x.scope, x.receive, _swallow)
    _end_connection(x.send, is_reset=True)
    await _until_disconnected(x.receive)


async def late_commit(x: Exchange) -> None:
    """Carries the request out later; a client that still waits then has its answer."""
    body = await read_body(x.receive)
    answer = Kept()
    task = x.parking.park(lambda: x.app(x.scope, replayed(body), answer.take), x.fault.seconds)
    gone = asyncio.create_task(_until_disconnected(x.receive))
    await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
    if task.done() and answer.start:
        gone.cancel()
        await answer.pass_on(x.send)


async def truncated_gzip(x: Exchange) -> None:
    """Sends a whole HTTP answer whose compressed body ends too early: nothing but the compression can tell."""
    answer = await kept(x)
    packed = gzip.compress(answer.body, 1)
    answer.headers["content-encoding"] = "gzip"
    await answer.pass_on(x.send, packed[: x.fault.after_bytes or len(packed) // 2])


async def drip(x: Exchange) -> None:
    """Sends the body in small pieces with a pause after each."""

    async def dripping(message: Message) -> None:
        body = message.get("body", b"")
        if message["type"] != "http.response.body" or not body:
            await x.send(message)
            return
        for start in range(0, len(body), PIECE):
            await x.send(
                {"type": "http.response.body", "body": body[start : start + PIECE], "more_body": True}
            )
            await asyncio.sleep(x.fault.seconds)
        if not message.get("more_body"):
            await x.send({"type": "http.response.body", "body": b""})

    await x.app(x.scope, x.receive, dripping)


WIRE: Mapping[str, Callable[[Exchange], Awaitable[None]]] = {
    **dict.fromkeys(
        ("answer", "unavailable_json", "unavailable_html", "unavailable_empty", "too_many_requests"), answer
    ),
    "delay": delay,
    "drop": drop,
    "reset": reset,
    "truncated_gzip": truncated_gzip,
    "drip": drip,
    "lose_answer": lose_answer,
    "late_commit": late_commit,
}


async def read_body(receive: Receive) -> bytes:
    """Returns the whole body of a request, as far as it came."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return b"".join(parts)


def replayed(body: bytes, receive: Receive | None = None) -> Receive:
    """Returns a Receive that gives a body which was read before, then what `receive` gives, or that nobody leaves."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await (receive or _nobody_leaves)()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


async def _nobody_leaves() -> Message:
    await asyncio.Event().wait()
    raise AssertionError("an event that nobody sets was set")


async def _swallow(message: Message) -> None:
    """Takes an answer that nobody will get."""


def _cut(send: Send, left: int, *, is_reset: bool) -> Send:
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
        _end_connection(send, is_reset=is_reset)

    return cut


def _end_connection(send: Send, *, is_reset: bool) -> None:
    """Ends the connection below HTTP; ASGI has no word for it, so this asks the server's own cycle for its transport."""
    transport = send.__self__.transport  # type: ignore[attr-defined]
    if is_reset:
        # Without this the kernel says goodbye politely.
        linger = struct.pack("ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()
    else:
        transport.close()


async def _until_disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
