"""A Debian with systemd, booted from a folder: where the commands of docs/operating.md are run as their reader runs them.

Belongs here: making, booting and asking the machine. What is installed on it and has to hold is test_booted.py's.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestration.settings import PROJECT

# The oldest that is supported: Python 3.11, Postgres 15.
_RELEASE = "bookworm"
PACKAGES = "systemd,systemd-sysv,dbus,python3,python3-venv,git,make,ca-certificates,postgresql,curl,procps"
# How the machine that the tests run on reaches a package index: an address and an authority of its own, where it has them.
_WAY_OUT = ("etc/pip.conf", "etc/ssl/certs/ca-certificates.crt", "etc/resolv.conf")
_REPOSITORY = "/src"
_RUN = Path("/run/systemd/nspawn")


@dataclass(frozen=True)
class Machine:
    """A booted machine; it shares the network of this one, and nothing else."""

    root: Path
    leader: int

    def run(self, script: str, *, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """Runs lines of a shell as root, to the first that fails."""
        inside = ("nsenter", "--target", str(self.leader), "--mount", "--uts", "--ipc", "--pid", "--cgroup")
        path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return subprocess.run(
            [*inside, "env", "-i", path, "HOME=/root", "LANG=C.UTF-8", "PIP_CERT=/etc/ssl/certs/ca-certificates.crt", "sh", "-ec", script],
            capture_output=True, text=True, timeout=timeout, check=False, start_new_session=True,
        )  # fmt: skip

    def said(self, script: str, *, timeout: float = 300) -> str:
        """What the lines print, all of which must succeed."""
        done = self.run(script, timeout=timeout)
        assert done.returncode == 0, f"{script}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        return done.stdout

    def until(self, script: str, *, seconds: float = 90) -> None:
        """Waits until the lines succeed."""
        end = time.monotonic() + seconds
        while self.run(script).returncode:
            assert time.monotonic() < end, f"not within {seconds:.0f} s: {script}"
            time.sleep(1)


@contextmanager
def machine(directory: Path) -> Iterator[Machine]:
    """Makes the machine, boots it, and turns it off. The repository of this checkout is at /src, for it to be cloned."""
    root = directory / "machine"
    _command("debootstrap", f"--include={PACKAGES}", _RELEASE, str(root))
    for path in _WAY_OUT:
        if Path("/", path).exists():
            (root / path).unlink(missing_ok=True)
            shutil.copy(Path("/", path), root / path)
    _command("git", "clone", "--quiet", "--bare", str(PROJECT), str(root / _REPOSITORY.lstrip("/")))
    with _room_for_nspawn():
        booted = subprocess.Popen(
            ["systemd-nspawn", "--directory", str(root), "--boot", "--register=no", "--keep-unit"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            found = Machine(root, _leader(booted.pid))
            found.until("systemctl is-system-running --wait")
            yield found
        finally:
            booted.terminate()
            booted.wait(60)


@contextmanager
def _room_for_nspawn() -> Iterator[None]:
    """Where systemd does not run itself, /run may lie on a disk, which systemd-nspawn refuses to clean up."""
    _RUN.mkdir(parents=True, exist_ok=True)
    mounted = not Path("/run/systemd/system").exists()
    if mounted:
        _command("mount", "-t", "tmpfs", "tmpfs", str(_RUN))
    try:
        yield
    finally:
        if mounted:
            _command("umount", str(_RUN))


def _leader(parent: int) -> int:
    """The process that is the machine's first, as this machine counts."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        found = subprocess.run(["pgrep", "-P", str(parent)], capture_output=True, text=True, check=False)
        if found.stdout.strip():
            time.sleep(1)
            return int(found.stdout.split()[0])
        time.sleep(0.2)
    raise AssertionError("systemd-nspawn has started nothing")


def _command(*arguments: str) -> None:
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(arguments)}\n{done.stdout[-1000:]}\n{done.stderr[-1000:]}"
