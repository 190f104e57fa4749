"""The spelling of header names in answers: `Content-Type`, as Salesforce sends it over HTTP/1.1, where Starlette sends `content-type`.

Belongs here: the outermost middleware, which spells the names. Does not: any header's value.
To HTTP both are one name, but clients differ: Airbyte's connector looks for a lower-case name in a plain dict, does not find
Salesforce's, and fails on the one it would find.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_OWN_SPELLING = {
    b"etag": b"ETag",
    b"sforce-numberofrecords": b"Sforce-NumberOfRecords",
    b"www-authenticate": b"WWW-Authenticate",
}


class HeaderNames:
    """Middleware: capitalises each part of a header's name."""

    def __init__(self, app: ASGIApp) -> None:
        """Stands in front of everything that still looks for a header by its lower-case name."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        await self._app(scope, receive, _Spelling(send).send if scope["type"] == "http" else send)


class _Spelling:
    """Stands for the server's own cycle of one request, which faults ask for its transport (faults.py)."""

    def __init__(self, send: Send) -> None:
        self._send = send

    @property
    def transport(self) -> object:
        return self._send.__self__.transport  # type: ignore[attr-defined]

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [(_spelled(name), value) for name, value in message.get("headers", [])]
            message = {**message, "headers": headers}
        await self._send(message)


def _spelled(name: bytes) -> bytes:
    return _OWN_SPELLING.get(name) or b"-".join(part.capitalize() for part in name.split(b"-"))
