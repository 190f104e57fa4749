"""Ports for servers that have to know theirs before they listen."""

from __future__ import annotations

import secrets
import socket

# Below the range out of which Linux and macOS give ports to those that ask for any: none of these is taken by chance meanwhile.
_LOWEST, _NUMBER = 20_000, 12_000


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    while True:
        port = _LOWEST + secrets.randbelow(_NUMBER)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
