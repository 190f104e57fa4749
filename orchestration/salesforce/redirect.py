"""Catches the one redirect of a sign-in on http://localhost, and answers the person's browser once it is known how the sign-in ended.

Only the address that came back is of interest here; what it says is judged in oauth.py, what the page says is the caller's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

from orchestration.errors import SetupError

PATH = "/callback"

_PATIENCE = 150.0
"""Seconds that the browser is kept waiting for its page: a token request, and the first call to the org."""

_STALE = (
    "This page belongs to another sign-in. Go back to the terminal and open the address that it shows now."
)


class RedirectCatcher:
    """A server for one redirect on 127.0.0.1:`port`; use it as a context manager, `wait` for the address, then `answer` the browser.

    `accepts` tells whether an address belongs to this sign-in; the page of another one is told so and changes nothing.
    """

    def __init__(self, port: int, accepts: Callable[[str], bool], page: Callable[[str], str]) -> None:
        """Raises `SetupError` when something else listens on the port. `page` makes HTML of a text."""
        self._came, self._known, self._sent = threading.Event(), threading.Event(), threading.Event()
        self._address = self._page = ""
        self._lock = threading.Lock()
        self._accepts, self._html = accepts, page
        try:
            # A thread for each connection: browsers open some ahead that never ask, and would keep the one that does waiting.
            self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self, port))
        except OSError:
            raise SetupError(
                f"Port {port} of this machine is in use, so the answer of the sign-in cannot be caught. Whoever runs this"
                " ends the other program, or sets FLUINT_REDIRECT_PORT to another port that the connected app lists."
            ) from None

    def __enter__(self) -> RedirectCatcher:
        """Begins to listen."""
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops listening, once a browser that waits has its page."""
        self._known.set()
        if self._came.is_set():
            self._sent.wait(5)
        self._server.shutdown()
        self._server.server_close()

    def wait(self, seconds: float) -> str | None:
        """The address to which the browser was sent; None when nobody came in time."""
        return self._address if self._came.wait(seconds) else None

    def answer(self, page: str) -> None:
        """Gives the browser its page, as HTML; without one it is sent to the terminal."""
        self._page = page
        self._known.set()

    def page_for(self, address: str) -> tuple[int, str]:
        """What a browser that comes to `address` reads, with the HTTP status; the first one that belongs here waits for it."""
        with self._lock:
            if not self._accepts(address):
                return 409, self._html(_STALE)
            self._address = self._address or address
        self._came.set()
        self._known.wait(_PATIENCE)
        return 200, self._page or self._html("You can close this page. The terminal says how it ended.")

    def has_answered(self) -> None:
        """Notes that the page of this sign-in has left."""
        self._sent.set()


def _handler(catcher: RedirectCatcher, port: int) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Serves the callback alone; a browser also asks for icons."""
            if not self.path.startswith(PATH):
                self.send_error(404)
                return
            status, page = catcher.page_for(f"http://localhost:{port}{self.path}")
            self.send_response(status)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            # The address of this page holds the code: it goes neither into a cache nor to another site.
            self.send_header("Cache-Control", "no-store")
            self.send_header("Referrer-Policy", "no-referrer")
            self.end_headers()
            self.wfile.write(page.encode())
            self.wfile.flush()
            if status == 200:
                catcher.has_answered()

        def log_message(self, format: str, *args: object) -> None:
            """Logs nothing: the address holds the code."""

    return Handler
