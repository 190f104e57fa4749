"""Serving the local org over HTTPS, as a process of its own or in a thread of a test.

Belongs here: socket, TLS, readiness, the end. Does not: routes (app.py), command line (__main__.py).
"""

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from local_org.app import build_app
from local_org.ca import certificates
from local_org.faults import Faults
from local_org.hosts import PRODUCTION, SANDBOX
from local_org.org import Org
from local_org.registration import FILE_NAME, Registration, register
from local_org.scenario import NOTHING_SPECIAL, Scenario

SHUTDOWN_SECONDS = 3
KEEP_ALIVE_SECONDS = 3_600


@dataclass(frozen=True)
class Address:
    """Where to serve: `port` 0 takes the port of the last time if it is still free, else any. `names` go into the certificate."""

    host: str = "127.0.0.1"
    port: int = 0
    names: tuple[str, ...] = ()


class OrgServer(uvicorn.Server):
    """A server of one org that tells when it answers."""

    def __init__(
        self,
        config: uvicorn.Config,
        org: Org,
        faults: Faults,
        registration: Registration,
        listener: socket.socket,
    ) -> None:
        """Holds a socket that already listens: connections that come early wait instead of failing."""
        super().__init__(config)
        self.org = org
        self.faults = faults
        self.registration = registration
        self.listener = listener
        self._on_ready: Callable[[], None] = lambda: None
        self.ends: list[Callable[[], object]] = []
        """What is told first when the server ends, while the org is still open."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts, then tells that it answers."""
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends at once the connections that wait for a next request: over TLS a client that does not answer would hold them open."""
        for end in self.ends:
            end()
        for connection in list(self.server_state.connections):
            cycle = getattr(connection, "cycle", None)
            if cycle is None or cycle.response_complete:
                connection.transport.abort()
        await super().shutdown(sockets)

    def serve_until_stopped(self, on_ready: Callable[[], None]) -> None:
        """Serves until `should_exit` is set or, in the main thread, a signal comes."""
        self._on_ready = on_ready
        try:
            self.run(sockets=[self.listener])
        finally:
            self.listener.close()


def make_server(
    directory: Path, address: Address = Address(), scenario: Scenario = NOTHING_SPECIAL
) -> OrgServer:
    """Opens the org of `directory` and readies its server; the port is bound, and `org.json` is written. Raises OSError."""
    directory = directory.resolve()
    listener = _bind(address, directory)
    port = listener.getsockname()[1]
    # The shared log-in hosts are no org's own address.
    own = [each for each in address.names if each not in (PRODUCTION, SANDBOX)]
    name = own[0] if own else address.host
    # Addresses that Salesforce gives out carry no port.
    base_url = f"https://{name}" if port == 443 else f"https://{name}:{port}"
    registration = register(directory, base_url, address.names)
    tls = certificates(directory, (*address.names, address.host))
    org = Org.open(directory)
    faults = scenario.begin(org)
    config = uvicorn.Config(
        build_app(org, faults),
        ssl_certfile=tls.certificate_file,
        ssl_keyfile=tls.key_file,
        # httptools would send header names in lower case, which Salesforce does not (header_names.py).
        http="h11",
        loop="asyncio",  # uvloop cannot abort a TLS connection without leaving its transport behind.
        log_level="warning",
        access_log=False,
        date_header=False,  # The gate sends the org's own time.
        server_header=False,
        h11_max_incomplete_event_size=256 * 1024,  # So that the gate, not the parser, refuses long URIs.
        # uvicorn ends an idle connection after five seconds, perhaps in the moment in which a client sends on it again.
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    return OrgServer(config, org, faults, registration, listener)


@contextlib.contextmanager
def serving_in_thread(directory: Path, address: Address = Address()) -> Iterator[OrgServer]:
    """Serves the org of `directory` in a thread until the block ends; for tests."""
    server = make_server(directory, address)
    ready = threading.Event()
    # Not waited for at the interpreter's end: a server that hangs would keep its process for ever.
    thread = threading.Thread(
        target=server.serve_until_stopped, args=(ready.set,), name="local-org", daemon=True
    )
    thread.start()
    try:
        if not ready.wait(30):
            raise TimeoutError("The local org did not answer within 30 seconds.")
        yield server
    finally:
        server.should_exit = True
        thread.join(2 * SHUTDOWN_SECONDS)
        server.force_exit = True
        thread.join(10 * SHUTDOWN_SECONDS)


def stop_with_parent(
    server: uvicorn.Server, parent: int, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Ends the server soon after process `parent` is gone, even if that was killed and could not say so. Returns at once."""

    def watch() -> None:
        while _is_alive(parent):
            sleep(0.5)
        server.should_exit = True
        # A request in flight must not keep an orphan alive.
        sleep(SHUTDOWN_SECONDS + 2)
        os._exit(0)

    threading.Thread(target=watch, name="watch-parent", daemon=True).start()


def _is_alive(parent: int) -> bool:
    if os.getppid() == parent:
        return True
    try:
        os.kill(parent, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    # A dead process that nobody has collected yet still has its number.
    return not _is_zombie(parent)


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False


def _bind(address: Address, directory: Path) -> socket.socket:
    for port in [address.port] if address.port else [*_last_port(directory), 0]:
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        # Without the protocol's number asyncio does not switch Nagle's algorithm off: 40 ms for each answer.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((address.host, port))
        except OSError:
            listener.close()
            if port == address.port:
                raise
            continue
        listener.listen(128)
        listener.set_inheritable(True)
        return listener
    raise OSError(f"No port is free on {address.host}.")


def _last_port(directory: Path) -> Sequence[int]:
    """Gives the port of the last time: whoever connected then finds the org again after a restart."""
    path = directory / FILE_NAME
    if not path.exists():
        return []
    port = str(json.loads(path.read_text())["base_url"]).rpartition(":")[2]
    return [int(port) if port.isdigit() else 443]
