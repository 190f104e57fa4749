"""The one grant of a workspace, kept encrypted in `fluint_sync.connection`, for every process that talks to the org.

It fulfils salesforce.oauth.TokenStore without importing it: the class of the tokens is an argument. What tokens are good
for, and when they are refreshed, is of salesforce/. Nobody else reads or writes the encrypted columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

import psycopg
from cryptography.fernet import Fernet, InvalidToken

from orchestration.errors import NeedsReconnectError, SetupError, TransientError, WrongOrgError
from orchestration.postgres.connection import Connection, Database

# A refresh takes one request; who waits longer than this waits for a process that hangs.
_PATIENCE = "60s"

_LOAD = """
select access_token, refresh_token, instance_url, identity_url, scope, token_generation, state, reason
from fluint_sync.connection
"""
_CONNECT = """
insert into fluint_sync.connection as held (
    org_id, user_id, instance_url, identity_url, scope, access_token, refresh_token, client_id, token_url, state
)
values (
    %(org_id)s, %(user_id)s, %(instance_url)s, %(identity_url)s, %(scope)s, %(access_token)s, %(refresh_token)s,
    %(client_id)s, %(login_url)s, 'connected'
)
on conflict (singleton) do update set
    user_id = excluded.user_id, instance_url = excluded.instance_url, identity_url = excluded.identity_url,
    scope = excluded.scope, access_token = excluded.access_token, refresh_token = excluded.refresh_token,
    client_id = excluded.client_id, token_url = excluded.token_url, state = 'connected', reason = null,
    token_generation = held.token_generation + 1, refreshing_since = null, connected_at = now(), refreshed_at = now()
where held.org_id = excluded.org_id
returning token_generation
"""
_SAVE = """
update fluint_sync.connection set
    instance_url = %(instance_url)s, identity_url = %(identity_url)s, scope = %(scope)s,
    access_token = %(access_token)s, refresh_token = %(refresh_token)s,
    token_generation = token_generation + 1, refreshed_at = now()
where state = 'connected' and org_id = %(org_id)s
returning token_generation
"""
_MARK = "update fluint_sync.connection set state = 'needs_reconnect', reason = %s where state = 'connected'"
_FORGET = """
update fluint_sync.connection set state = 'disconnected', reason = null, access_token = null, refresh_token = null
"""


def new_key() -> str:
    """A fresh encryption key, for whoever sets up a workspace."""
    return Fernet.generate_key().decode()


class Grant(Protocol):
    """What the store needs of a token class; its constructor takes the fields but the two ids, by name."""

    @property
    def access_token(self) -> str: ...  # noqa: D102
    @property
    def refresh_token(self) -> str | None: ...  # noqa: D102
    @property
    def instance_url(self) -> str: ...  # noqa: D102
    @property
    def identity_url(self) -> str: ...  # noqa: D102
    @property
    def scope(self) -> str: ...  # noqa: D102
    @property
    def org_id(self) -> str: ...  # noqa: D102
    @property
    def user_id(self) -> str: ...  # noqa: D102


T = TypeVar("T", bound=Grant)


class PostgresTokenStore(Generic[T]):
    """The grant as Postgres holds it; `make` is the class of the tokens, `encryption_key` a Fernet key.

    Every method uses a connection of its own, so that no transaction of the caller can take a saved token back.
    Raises SetupError when the key is none, or not the one that the grant was stored with.
    """

    def __init__(self, database: Database, encryption_key: str, make: Callable[..., T]) -> None:
        self._database = database
        self._make = make
        try:
            self._cipher = Fernet(encryption_key)
        except ValueError:
            raise SetupError(
                "FLUINT_ENCRYPTION_KEY is no Fernet key (44 characters, as Fernet.generate_key() of the package cryptography"
                " gives them). Whoever runs this sets the key with which the connection was made."
            ) from None

    def load(self) -> T:
        """The grant; NeedsReconnectError when there is none or it is dead."""
        with self._database.transaction() as conn:
            row = conn.execute(_LOAD).fetchone()
        if row is None or row[6] == "disconnected":
            raise NeedsReconnectError(
                "This workspace is not connected to a Salesforce org. What was imported stays readable. A Salesforce admin"
                " connects it with `fluint connect`."
            )
        access, refresh, instance_url, identity_url, scope, generation, state, reason = row
        if state == "needs_reconnect":
            raise NeedsReconnectError(
                f"The connection to Salesforce no longer works: {reason} What was imported stays readable. A Salesforce admin"
                " connects again with `fluint connect`; the sync then goes on from where it was."
            )
        return self._make(
            access_token=self._decrypted(access),
            refresh_token=None if refresh is None else self._decrypted(refresh),
            instance_url=instance_url,
            identity_url=identity_url,
            scope=scope,
            generation=generation,
        )

    @contextmanager
    def exclusive(self) -> Iterator[T]:
        """Yields the grant as stored now, to one caller at a time among all processes.

        Raises TransientError when another caller keeps it for a minute.
        """
        with self._database.connect(autocommit=True) as conn:
            conn.execute("select set_config('lock_timeout', %s, false)", [_PATIENCE])
            try:
                conn.execute("select pg_advisory_lock(hashtextextended('fluint token refresh', 0))")
            except psycopg.errors.LockNotAvailable:
                raise TransientError(
                    "Another process of this workspace has been renewing the Salesforce session for a minute. Nothing was"
                    " changed; the next run tries again."
                ) from None
            yield self.load()

    def connect(self, tokens: T, *, client_id: str, login_url: str) -> T:
        """Stores a grant that somebody just gave, in place of an older one of the same org; WrongOrgError for another org."""
        with self._database.transaction() as conn:
            values = self._values(tokens) | {"client_id": client_id, "login_url": login_url}
            row = conn.execute(_CONNECT, values).fetchone()
            if row is None:
                raise _wrong_org(conn, tokens)
        return self.load()

    def name_environment(self, environment: str) -> None:
        """Keeps what kind of org this is (`sandbox`, or its edition), for people who read the ledger."""
        with self._database.transaction() as conn:
            conn.execute("update fluint_sync.connection set environment = %s", [environment])

    def save(self, tokens: T) -> T:
        """Stores a refreshed grant, durably before it returns; returns it with its new generation.

        Raises NeedsReconnectError when the workspace was disconnected meanwhile, WrongOrgError for tokens of another org.
        """
        with self._database.transaction() as conn:
            # The old refresh token is dead already: this commit must be on disk, whatever the server's default is.
            conn.execute("set local synchronous_commit = on")
            row = conn.execute(_SAVE, self._values(tokens)).fetchone()
            if row is None:
                raise _wrong_org(conn, tokens)
        return self.load()

    def mark_needs_reconnect(self, reason: str) -> None:
        """Records that the grant is dead and why (a sentence for people), so that no process asks with it again."""
        with self._database.transaction() as conn:
            conn.execute(_MARK, [reason])

    def forget(self) -> None:
        """Deletes the tokens. Org, cursors and rows stay, so that connecting again goes on from there."""
        with self._database.transaction() as conn:
            conn.execute(_FORGET)

    def _values(self, tokens: T) -> dict[str, str | bytes | None]:
        refresh = tokens.refresh_token
        return {
            "org_id": tokens.org_id,
            "user_id": tokens.user_id,
            "instance_url": tokens.instance_url,
            "identity_url": tokens.identity_url,
            "scope": tokens.scope,
            "access_token": self._cipher.encrypt(tokens.access_token.encode()),
            "refresh_token": None if refresh is None else self._cipher.encrypt(refresh.encode()),
        }

    def _decrypted(self, encrypted: bytes) -> str:
        try:
            return self._cipher.decrypt(encrypted).decode()
        except InvalidToken:
            raise SetupError(
                "FLUINT_ENCRYPTION_KEY is not the key with which the connection to Salesforce was stored. Nothing was sent."
                " Whoever runs this sets the former key; if it is lost, a Salesforce admin connects again with `fluint connect`."
            ) from None


def _wrong_org(conn: Connection, tokens: Grant) -> SetupError:
    """Why a grant could not be stored: another org is held, or none is connected any more."""
    held = conn.execute("select org_id from fluint_sync.connection").fetchone()
    if held is not None and held[0] != tokens.org_id:
        return WrongOrgError(
            f"This database belongs to the Salesforce org {held[0]}; the sign-in was to {tokens.org_id}. Nothing was stored. Whoever"
            " connects signs in to the first one, or uses a database of its own for the other."
        )
    return NeedsReconnectError(
        "The workspace was disconnected from Salesforce while its session was renewed. What was imported stays readable."
        " A Salesforce admin connects it with `fluint connect`."
    )
