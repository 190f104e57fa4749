"""The certificate authority of the local org and the server certificate that it signs.

Belongs here: making both on first start, keeping them across restarts, renewing the server's. Does not: serving (server.py).
Clients trust `ca.pem`; it stays the same for the life of the directory, so a client that trusts it once trusts every restart.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import trustme

ALWAYS_NAMED = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Certificates:
    """The files that a TLS server and its clients need."""

    ca_file: Path
    certificate_file: Path
    key_file: Path


def certificates(directory: Path, names: Sequence[str] = ()) -> Certificates:
    """Gives the authority and the server certificate of `directory` for loopback and `names`, made where missing.

    `ca.pem` is public; `ca.key` and `server.key` are readable by their owner alone. Raises OSError if the directory cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    wanted = sorted({*ALWAYS_NAMED, *names})
    found = Certificates(directory / "ca.pem", directory / "server.pem", directory / "server.key")
    authority = _authority(directory)
    names_file = directory / "server.names.json"
    # A server certificate is cheap: it is renewed at each start that asks for other names, and the authority never is.
    if not found.key_file.exists() or not names_file.exists() or json.loads(names_file.read_text()) != wanted:
        leaf = authority.issue_cert(*wanted)
        _write_private(found.key_file, leaf.private_key_pem.bytes())
        found.certificate_file.write_bytes(b"".join(pem.bytes() for pem in leaf.cert_chain_pems))
        names_file.write_text(json.dumps(wanted))
    return found


def _authority(directory: Path) -> trustme.CA:
    certificate, key = directory / "ca.pem", directory / "ca.key"
    if certificate.exists() and key.exists():
        return trustme.CA.from_pem(certificate.read_bytes(), key.read_bytes())
    authority = trustme.CA(organization_name="Local Salesforce org on this machine")
    _write_private(key, authority.private_key_pem.bytes())
    certificate.write_bytes(authority.cert_pem.bytes())
    return authority


def _write_private(path: Path, content: bytes) -> None:
    """Writes a file that only its owner can read, from its first byte on."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
