"""The org as a process of its own, measured from outside: what it takes of the processors and of memory. Linux only."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from local_org.registration import Registration, registration_of

V = "/services/data/v66.0"


@dataclass
class OrgProcess:
    """A running org; `http` is the session of its integration user, by client credentials."""

    pid: int
    card: Registration
    http: requests.Session = field(repr=False)

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Calls a resource and returns its JSON."""
        answer = self.http.request(method, self.card.base_url + path, json=body, timeout=60)
        assert answer.ok, answer.text
        return answer.json()

    def log_in(self) -> None:
        """Begins the session of the integration user."""
        self.ask("PATCH", "/__local_org__/switches", {"client_credentials_username": self.card.username})
        keys = {"client_id": self.card.client_id, "client_secret": self.card.client_secret}
        form = {"grant_type": "client_credentials", **keys}
        answer = self.http.post(f"{self.card.base_url}/services/oauth2/token", form, timeout=60)
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def most_megabytes(self) -> int:
        """The most memory that it ever took."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(each.split()[1]) // 1024 for each in lines if each.startswith("VmHWM"))

    def processor_seconds(self) -> float:
        """What it has used of the processors, which other processes change little."""
        times = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def org_process(directory: Path, *more: str) -> Iterator[OrgProcess]:
    """Runs an org in `directory` while the block runs."""
    command = [sys.executable, "-m", "local_org", "serve", "--directory", str(directory), *more]
    process = subprocess.Popen(
        [*command, "--with-parent", str(os.getpid())], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline(), "the local org ended before it answered"
        with requests.Session() as http:
            card = registration_of(directory)
            http.verify = card.ca_file
            http.trust_env = False
            org = OrgProcess(process.pid, card, http)
            org.log_in()
            yield org
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()
