"""The way to a Postgres database: what a URL may be, how a connection is made, which servers will do.

What is done on the connection belongs to the other modules of this room and to the rooms above it.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, cast

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow

from orchestration.errors import SetupError, TransientError
from orchestration.postgres.idle import IDLE

Connection = psycopg.Connection[TupleRow]

MINIMUM_SERVER = 15
CONNECT_TIMEOUT = 10  # seconds

_SCHEME = re.compile(r"^postgres(?:ql)?(?:\+\w+)?://")
# libpq gives no SQLSTATE for a refused connection; these are its English texts for what waiting does not cure.
_REFUSALS = (
    "password authentication failed",
    "does not exist",
    "no pg_hba.conf entry",
    "certificate",
    "does not support SSL",
)


@dataclass(frozen=True)
class Database:
    """One Postgres database by its URL, `postgresql://…` (a SQLAlchemy driver suffix is accepted and taken off).

    A server that is not on this machine is reached with `sslmode=verify-full` only, unless `without_tls_because` says why not.
    `erasure_key` is the secret under which `fluint_sync.erased` keeps what was erased; every session brings it along.
    Raises SetupError when the URL is none, names no host, or would send rows and passwords over an unverified connection.
    """

    url: str = field(repr=False)
    without_tls_because: str | None = field(default=None, kw_only=True)
    erasure_key: str | None = field(default=None, kw_only=True, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "url", _SCHEME.sub("postgresql://", self.url.strip()))
        parameters = _parameters(self.url)
        hosts = _hosts(parameters)
        if not hosts:
            raise SetupError(
                "The database URL names no host. Whoever set it writes it out: postgresql://user:password@host:port/database."
            )
        verified = parameters.get("sslmode") == "verify-full"
        if not (verified or self.without_tls_because or all(map(_is_local, hosts))):
            raise SetupError(
                f"The database on {', '.join(hosts)} is on another machine, and its URL does not ask for a verified TLS connection."
                " Nothing was sent. Whoever runs this adds ?sslmode=verify-full&sslrootcert=… to the URL, or, where the network"
                " itself is trusted, sets FLUINT_DATABASE_WITHOUT_TLS_BECAUSE to the reason."
            )

    def __str__(self) -> str:
        """The database as a person may see it: host, port and name, without user and password."""
        parameters = _parameters(self.url)
        name = parameters.get("dbname") or parameters.get("user") or ""
        return f"{name} on {','.join(_hosts(parameters))}:{parameters.get('port') or 5432}"

    def connect(self, *, autocommit: bool = False) -> Connection:
        """A new connection in UTC; as a context manager it commits (rolls back on an exception) and closes.

        Raises TransientError when the server cannot be reached now, SetupError when it refuses us.
        """
        parameters = _parameters(self.url)
        options = f"{parameters.get('options') or ''} -c timezone=UTC{_key_options(self.erasure_key)}".strip()
        try:
            return psycopg.connect(
                self.url,
                autocommit=autocommit,
                application_name="fluint",
                connect_timeout=int(parameters.get("connect_timeout") or CONNECT_TIMEOUT),
                options=options,
            )
        except psycopg.OperationalError as error:
            raise self._explained(error) from None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction on a connection of its own: committed at the end, rolled back on an exception.

        The connection may have served an earlier transaction (idle.py), so nothing may be left in its session: settings are
        `set local`, locks `pg_advisory_xact_lock`, temporary tables `on commit drop`.
        """
        session = (self.url, self.erasure_key)
        connection = IDLE.take(session) or self.connect()
        # A statement that is prepared by itself would fail once its table gets a column.
        connection.prepare_threshold = None
        try:
            yield connection
            connection.commit()
        except BaseException:
            with suppress(psycopg.Error):
                connection.rollback()
            connection.close()
            raise
        IDLE.keep(session, connection)

    def check_server(self) -> None:
        """Returns if the server can hold our tables; SetupError names what it lacks."""
        with self.connect() as connection:
            version = connection.info.server_version // 10_000
            encoding = connection.info.parameter_status("server_encoding")
        if version < MINIMUM_SERVER:
            raise SetupError(
                f"The database {self} runs Postgres {version}; Fluint needs {MINIMUM_SERVER} or newer. Nothing was changed there."
                " Whoever runs the server upgrades it, or FLUINT_DATABASE_URL is set to a newer one."
            )
        if encoding != "UTF8":
            raise SetupError(
                f"The database {self} has the encoding {encoding}; names and mails need UTF8. Nothing was changed there."
                " Whoever runs the server creates a database with ENCODING 'UTF8'."
            )

    def sqlalchemy_url(self, driver: str = "psycopg") -> str:
        """The URL for SQLAlchemy with its driver written out (a bare `postgresql://` means another one in every release)."""
        # Here, because every process imports this module and few need SQLAlchemy, which takes a third of a second.
        from sqlalchemy.engine import make_url

        return make_url(self.url).set(drivername=f"postgresql+{driver}").render_as_string(hide_password=False)

    def _explained(self, error: psycopg.OperationalError) -> SetupError | TransientError:
        text = " ".join(str(error).split())
        if any(refusal in text for refusal in _REFUSALS):
            return SetupError(
                f"The database {self} refused the connection: {text}. Whoever set the database URL corrects user, password or name."
            )
        return TransientError(
            f"The database {self} cannot be reached: {text}. Nothing was changed; the next run tries again. If it stays,"
            " whoever runs the server starts it or corrects the host and port in the database URL."
        )


def _parameters(url: str) -> dict[str, Any]:
    """The URL as libpq reads it; SetupError when it is none (without echoing it, because it holds the password)."""
    try:
        if not url.startswith("postgresql://"):
            raise psycopg.ProgrammingError
        return cast("dict[str, Any]", conninfo_to_dict(url))
    except psycopg.ProgrammingError:
        raise SetupError(
            "The database URL cannot be read. Whoever set it writes it as postgresql://user:password@host:port/database,"
            " with special characters of the password percent-encoded."
        ) from None


def _hosts(parameters: dict[str, Any]) -> list[str]:
    listed = str(parameters.get("hostaddr") or parameters.get("host") or "")
    return [host for host in listed.split(",") if host]


def _key_options(key: str | None) -> str:
    """The halves of an HMAC-SHA-256 (RFC 2104) under this key, as settings of the session: SQL then needs core sha256() alone."""
    if not key:
        return ""
    secret = key.encode()
    block = (hashlib.sha256(secret).digest() if len(secret) > 64 else secret).ljust(64, b"\0")
    halves = {"inner": 0x36, "outer": 0x5C}
    return "".join(
        f" -c fluint.erasure_{half}={bytes(byte ^ mask for byte in block).hex()}"
        for half, mask in halves.items()
    )


def _is_local(host: str) -> bool:
    """Whether what is sent to `host` stays on this machine: a socket directory, localhost, a loopback address."""
    return host.startswith(("/", "@")) or is_loopback(host)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches `host`, by its name or address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
