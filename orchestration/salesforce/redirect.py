"""Catches the one redirect of a sign-in on http://localhost, where the person's browser is sent with the code.

Only the address that came back is of interest here; what it says is judged in oauth.py.
"""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

from orchestration.errors import SetupError

PATH = "/callback"

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Fluint</title>
<body style="font: 1.1rem/1.5 system-ui, sans-serif; max-width: 34rem; margin: 15vh auto; padding: 0 1rem">
<h1>Salesforce has answered</h1><p>You can close this page. The terminal says whether Fluint is connected and what happens next.</p>"""


class RedirectCatcher:
    """A server for one request on 127.0.0.1:`port`; use it as a context manager, then `wait`."""

    def __init__(self, port: int) -> None:
        """Raises `SetupError` when something else listens on the port."""
        self._came = threading.Event()
        self._address = ""
        catcher = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                """Keeps the address of the callback; a browser also asks for icons."""
                if not self.path.startswith(PATH):
                    self.send_error(404)
                    return
                catcher._address = f"http://localhost:{port}{self.path}"
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(_PAGE.encode())
                catcher._came.set()

            def log_message(self, format: str, *args: object) -> None:
                """Logs nothing: the address holds the code."""

        try:
            # A thread for each connection: browsers open some ahead that never ask, and would keep the one that does waiting.
            self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
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
        """Stops listening."""
        self._server.shutdown()
        self._server.server_close()

    def wait(self, seconds: float) -> str:
        """The address to which the browser was sent; raises `SetupError` when nobody came in time."""
        if not self._came.wait(seconds):
            raise SetupError(
                "Nobody finished the sign-in page in time. Run `fluint connect` again and approve the access in the browser."
            )
        return self._address
