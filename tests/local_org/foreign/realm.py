"""A realm: a network namespace of its own in which Salesforce's host names lead to a local org, and no way leads out.

Belongs here: making the namespace, serving the org in it on port 443, running a program in it. Does not: any client.
The kernel sees to it that nothing leaves: the namespace has the loopback interface alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme

ROOT = Path(__file__).parents[3]
MY_DOMAIN = "acme.my.salesforce.com"
LOGIN = "login.salesforce.com"
# A user who is not root gets a namespace in which he is, where the kernel lets him.
_AS_ROOT: tuple[str, ...] = () if os.geteuid() == 0 else ("--user", "--map-root-user")
_ENTER: tuple[str, ...] = () if os.geteuid() == 0 else ("--user", "--preserve-credentials")
_PREPARE = 'mount --bind "$1" /etc/hosts && ip link set lo up && shift && exec "$@"'


@dataclass(frozen=True)
class Realm:
    """The running org and what a program needs to reach it: `card` is its org.json."""

    server: int
    directory: Path
    card: Mapping[str, str]

    def run(self, command: Sequence[str | Path], **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs a program in the realm, with a home of its own; raises AssertionError with its output if it fails."""
        home = self.directory.parent / "home"
        home.mkdir(exist_ok=True)
        done = subprocess.run(
            [*_enter(self.server, home), *map(str, command)],
            env=self._environment(home) | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}"
        return done

    def _environment(self, home: Path) -> dict[str, str]:
        authority = self.card["ca_file"]
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "LANG": "C.UTF-8",
            # Node adds this file to its own store; Python's libraries take theirs in place of it.
            "NODE_EXTRA_CA_CERTS": authority,
            "REQUESTS_CA_BUNDLE": authority,
            "SSL_CERT_FILE": authority,
        }

    def visit(self, *arguments: str) -> Any:
        """Runs visit.py in the realm, as someone with a browser, and gives what it printed."""
        script = [sys.executable, "-m", "tests.local_org.foreign.visit", str(self.directory), *arguments]
        return json.loads(self.run(script, PYTHONPATH=str(ROOT)).stdout)

    def connect(self) -> dict[str, str]:
        """Approves the connected app as the integration user and gives the token answer."""
        return dict(self.visit("connect"))

    def told(self) -> dict[str, str]:
        """Gives what a program must be told to connect, as an environment."""
        return {
            "INSTANCE_URL": self.card["base_url"],
            "CLIENT_ID": self.card["client_id"],
            "CLIENT_SECRET": self.card["client_secret"],
            "ORG_USERNAME": self.card["username"],
            "ORG_PASSWORD": self.card["password"],
        }

    def switch(self, **values: object) -> None:
        """Sets switches of the org."""
        self.visit("switch", json.dumps(values))

    def log(self) -> list[dict[str, Any]]:
        """Gives the org's access log."""
        return list(self.visit("log"))

    def trust(self, key_file: Path) -> None:
        """Writes a new private key to `key_file` and uploads its certificate for the app's JWT assertions."""
        authority = trustme.CA(organization_name="Foreign client", key_type=trustme.KeyType.RSA)
        authority.private_key_pem.write_to_path(key_file)
        self.switch(jwt_certificate=authority.cert_pem.bytes().decode())

    def count(self, sobject: str, access_token: str) -> int:
        """Counts all rows of an object that a token's user sees, those of the recycle bin included."""
        return int(self.visit("count", sobject, access_token))


def why_not(home: Path) -> str | None:
    """Tells why no realm can be made here and what to do about it, or None if one can."""
    if not sys.platform.startswith("linux"):
        return "network namespaces are Linux's: run these tests in a Linux container or virtual machine"
    missing = [name for name in ("unshare", "nsenter", "mount", "ip") if shutil.which(name) is None]
    if missing:
        return f"{', '.join(missing)} missing: `apt-get install util-linux mount iproute2` brings them"
    hosts = _hosts(home)
    trial = subprocess.run(_namespace(hosts, ["true"]), capture_output=True, text=True, check=False)
    if trial.returncode == 0:
        return None
    return f"no network namespace may be made here ({trial.stderr.strip()}): run the tests as root"


@contextlib.contextmanager
def realm(home: Path, opportunities: int = 60) -> Iterator[Realm]:
    """Serves a demo org in a new namespace until the block ends. Raises AssertionError if it does not come up."""
    directory = home / "org"
    serve = [sys.executable, "-m", "local_org", "serve", "--directory", directory, "--port", "443"]
    names = ["--name", MY_DOMAIN, "--name", LOGIN]
    more = ["--opportunities", str(opportunities), "--with-parent", str(os.getpid())]
    with (
        (home / "server.log").open("w") as log,
        subprocess.Popen(
            _namespace(_hosts(home), [*serve, *names, *more]),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            assert process.stdout.readline(), (home / "server.log").read_text()
            yield Realm(process.pid, directory, json.loads((directory / "org.json").read_text()))
        finally:
            process.terminate()


def _hosts(home: Path) -> Path:
    path = home / "hosts"
    path.write_text(f"127.0.0.1 localhost {MY_DOMAIN} {LOGIN}\n")
    return path


def _enter(server: int, home: Path) -> list[str]:
    return ["nsenter", f"--target={server}", "--net", "--mount", *_ENTER, f"--wd={home}", "--"]


def _namespace(hosts: Path, command: Sequence[str | Path]) -> list[str]:
    within = ["sh", "-c", _PREPARE, "sh", str(hosts), *map(str, command)]
    return ["unshare", *_AS_ROOT, "--net", "--mount", "--", *within]
