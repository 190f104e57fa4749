"""The one grant of a workspace, kept encrypted in `fluint_sync.connection`, for every process that talks to the org.

It fulfils salesforce.oauth.TokenStore without importing it: the class of the tokens is an argument. What tokens are good
for, and when they are refreshed, is of salesforce/. Nobody else reads or writes the encrypted columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, Protocol, TypeVar

import psycopg
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from orchestration.errors import NeedsReconnectError, SetupError, TransientError, WrongOrgError
from orchestration.postgres.archive import archive_org
from orchestration.postgres.connection import Connection, Database

# A refresh takes one request; who waits longer than this waits for a process that hangs.
_PATIENCE = "60s"
# A request has ended after this, whatever became of it: a mark that is older was left by a process that died.
_LONGEST_REQUEST = "90s"
_MOST_TRIES = 2

_LOAD = """
select access_token, refresh_token, instance_url, identity_url, scope, token_generation, state, reason,
    coalesce(token_url, ''), rotates, refreshed_at
from fluint_sync.connection
"""
_CONNECT = """
insert into fluint_sync.connection as held (
    org_id, user_id, instance_url, identity_url, scope, access_token, refresh_token, client_id, token_url, rotates, state
)
values (
    %(org_id)s, %(user_id)s, %(instance_url)s, %(identity_url)s, %(scope)s, %(access_token)s, %(refresh_token)s,
    %(client_id)s, %(login_url)s, %(rotates)s, 'connected'
)
on conflict (singleton) do update set
    user_id = excluded.user_id, instance_url = excluded.instance_url, identity_url = excluded.identity_url,
    scope = excluded.scope, access_token = excluded.access_token, refresh_token = excluded.refresh_token,
    client_id = excluded.client_id, token_url = excluded.token_url, rotates = excluded.rotates, state = 'connected',
    reason = null, token_generation = held.token_generation + 1, refreshing_since = null, refresh_tries = 0,
    connected_at = now(), refreshed_at = now()
where held.org_id = excluded.org_id
returning token_generation
"""
# One org's data goes to an archive before another org's comes in; its row here is taken over by the new one.
_TAKE_OVER = "update fluint_sync.connection set org_id = %s, environment = null"
_BEGIN = """
update fluint_sync.connection set refreshing_since = clock_timestamp(), refresh_tries = refresh_tries + 1
where state = 'connected' and token_generation = %(generation)s and (refresh_tries < %(most)s or not rotates)
  and (refreshing_since is null or refreshing_since < clock_timestamp() - %(longest)s::interval)
returning refresh_tries
"""
_IS_SPENT = """
select token_generation = %(generation)s and refresh_tries >= %(most)s and rotates
    and (refreshing_since is null or refreshing_since < clock_timestamp() - %(longest)s::interval)
from fluint_sync.connection
"""
_END = """
update fluint_sync.connection set refreshing_since = null, refresh_tries = case when %(is_known)s then 0 else refresh_tries end
where token_generation = %(generation)s
"""
_SAVE = """
update fluint_sync.connection set
    instance_url = %(instance_url)s, identity_url = %(identity_url)s, scope = %(scope)s,
    access_token = %(access_token)s, refresh_token = %(refresh_token)s, rotates = %(rotates)s, user_id = %(user_id)s,
    token_generation = token_generation + 1, refreshing_since = null, refresh_tries = 0, refreshed_at = now()
where state = 'connected' and org_id = %(org_id)s and token_generation = %(generation)s
"""
_MARK = """
update fluint_sync.connection set state = 'needs_reconnect', reason = %(reason)s, refreshing_since = null
where state = 'connected' and token_generation = coalesce(%(generation)s, token_generation)
"""
_FORGET = """
update fluint_sync.connection set
    state = 'disconnected', reason = null, access_token = null, refresh_token = null, refreshing_since = null, refresh_tries = 0,
    token_generation = token_generation + 1
"""
_KILLED = (
    "Its renewal was interrupted twice before Salesforce's answer was stored, so its tokens are lost; presenting them again would look"
    " like an attack."
)


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
    def generation(self) -> int: ...  # noqa: D102
    @property
    def rotates(self) -> bool: ...  # noqa: D102
    @property
    def org_id(self) -> str: ...  # noqa: D102
    @property
    def user_id(self) -> str: ...  # noqa: D102


T = TypeVar("T", bound=Grant)


class PostgresTokenStore(Generic[T]):
    """The grant as Postgres holds it; `make` is the class of the tokens, `encryption_key` a Fernet key.

    Several keys, separated by commas, are keys in rotation: the first one encrypts, each can decrypt.
    `before_use` is called before the grant is given to somebody who asks with it; what it raises keeps the grant back.
    Every method uses a connection of its own, so that no transaction of the caller can take a saved token back.
    Raises SetupError when the key is none, or not the one that the grant was stored with.
    """

    def __init__(
        self,
        database: Database,
        encryption_key: str,
        make: Callable[..., T],
        *,
        before_use: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._make = make
        self._before_use = before_use
        try:
            self._cipher = MultiFernet([Fernet(key.strip()) for key in encryption_key.split(",")])
        except ValueError:
            raise SetupError(
                "FLUINT_ENCRYPTION_KEY is no Fernet key (44 characters, as Fernet.generate_key() of the package cryptography"
                " gives them). Whoever runs this sets the key with which the connection was made."
            ) from None

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        """One transaction; a connection that breaks is TransientError, for whoever holds the only copy of a token tries again."""
        try:
            with self._database.transaction() as conn:
                yield conn
        except psycopg.OperationalError:
            raise TransientError(
                "The database ended the connection while the Salesforce session was read or stored. Nothing is lost yet; it is tried again."
            ) from None

    def load(self) -> T:
        """The grant; NeedsReconnectError when there is none or it is dead."""
        self._before_use()
        return self._load()

    def _load(self) -> T:
        with self._transaction() as conn:
            row = conn.execute(_LOAD).fetchone()
        if row is None or row[6] == "disconnected":
            raise NeedsReconnectError(
                "This workspace is not connected to a Salesforce org. What was imported stays readable. A Salesforce admin"
                " connects it with `fluint connect`."
            )
        if row[6] == "needs_reconnect":
            raise NeedsReconnectError(
                f"The connection to Salesforce no longer works: {row[7]} What was imported stays readable; after `fluint connect` the sync"
                " goes on from where it was."
            )
        return self._made(row)

    def held(self) -> T | None:
        """The grant whatever its state, for whoever ends it; None when no tokens are held."""
        with self._transaction() as conn:
            row = conn.execute(_LOAD).fetchone()
        return None if row is None or row[0] is None else self._made(row)

    def _made(self, row: tuple[Any, ...]) -> T:
        (
            access,
            refresh,
            instance_url,
            identity_url,
            scope,
            generation,
            _,
            _,
            login_url,
            rotates,
            refreshed_at,
        ) = row
        return self._make(
            access_token=self._decrypted(access),
            refresh_token=None if refresh is None else self._decrypted(refresh),
            instance_url=instance_url,
            identity_url=identity_url,
            scope=scope,
            generation=generation,
            login_url=login_url,
            rotates=rotates,
            refreshed_at=refreshed_at,
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
            yield self._load()

    def connect(self, tokens: T, *, client_id: str, login_url: str) -> T:
        """Stores a grant that somebody just gave, in place of an older one of the same org; WrongOrgError for another org."""
        with self._transaction() as conn:
            values = self._values(tokens) | {"client_id": client_id, "login_url": login_url}
            if conn.execute(_CONNECT, values).fetchone() is None:
                raise _wrong_org(conn, tokens)
        return self._load()

    def replace_org(self, tokens: T, *, client_id: str, login_url: str) -> str | None:
        """Stores a grant of whichever org: another org's data is archived first, in the same transaction.

        Returns the schema of the archive, None where nothing had to go. The caller holds `views_lock` alone.
        """
        with self._transaction() as conn:
            held = _org_of(conn)
            archive = None if held in (None, tokens.org_id) else archive_org(conn, str(held))
            if archive is not None:
                conn.execute(_TAKE_OVER, [tokens.org_id])
            conn.execute(_CONNECT, self._values(tokens) | {"client_id": client_id, "login_url": login_url})
        return archive

    def name_environment(self, environment: str) -> None:
        """Keeps what kind of org this is (`sandbox`, or its edition), for people who read the ledger."""
        with self._transaction() as conn:
            conn.execute("update fluint_sync.connection set environment = %s", [environment])

    def begin_refresh(self, tokens: T) -> int:
        """Marks, durably, that the refresh token is presented now; returns how often that was done without a known result.

        Raises NeedsReconnectError, and marks the grant, when a rotating token was presented twice so; TransientError while another
        process's request may be on its way, or when somebody has just connected anew.
        """
        values = {"generation": tokens.generation, "most": _MOST_TRIES, "longest": _LONGEST_REQUEST}
        with self._transaction() as conn:
            conn.execute("set local synchronous_commit = on")
            begun = conn.execute(_BEGIN, values).fetchone()
            is_spent = conn.execute(_IS_SPENT, values).fetchone()
        if begun is not None:
            return int(begun[0])
        if is_spent == (True,):
            self.mark_needs_reconnect(_KILLED, tokens)
        self._load()  # says so, if it is dead
        raise TransientError(
            "The Salesforce session is being renewed by a process that has lost its database, or was connected anew at this moment."
            " Nothing was changed; the next run tries again."
        )

    def end_refresh(self, tokens: T, *, was_taken: bool | None) -> None:
        """Takes the mark away after a request without tokens: False, the old token is as good as before; None, nobody knows."""
        with self._transaction() as conn:
            conn.execute(_END, {"generation": tokens.generation, "is_known": was_taken is not None})

    def save(self, tokens: T) -> T:
        """Stores a refreshed grant, durably before it returns; returns what is stored then, with its generation.

        Another grant that was connected meanwhile stays. Raises NeedsReconnectError when the workspace was disconnected meanwhile,
        WrongOrgError for tokens of another org.
        """
        with self._transaction() as conn:
            # The old refresh token is dead already: this commit must be on disk, whatever the server's default is.
            conn.execute("set local synchronous_commit = on")
            saved = conn.execute(_SAVE, self._values(tokens)).rowcount
            if not saved and _org_of(conn) not in (None, tokens.org_id):
                raise _wrong_org(conn, tokens)
        return self._load()

    def mark_needs_reconnect(self, reason: str, tokens: T | None = None) -> None:
        """Records that the grant is dead and why (sentences for people), so that no process asks with it again.

        A grant that was connected since `tokens` were loaded stays as it is.
        """
        with self._transaction() as conn:
            conn.execute(_MARK, {"reason": reason, "generation": tokens.generation if tokens else None})

    def note_refusal(self, reason: str) -> None:
        """Keeps why a sign-in was refused (sentences for people) with a grant that is dead: what stands in the way now, not at its end."""
        with self._transaction() as conn:
            conn.execute(
                "update fluint_sync.connection set reason = %s where state = 'needs_reconnect'", [reason]
            )

    def encrypt_anew(self) -> bool:
        """Encrypts the stored tokens with the first key; whether there were any. Atomic beside a process that refreshes."""
        with self._transaction() as conn:
            row = conn.execute(
                "select access_token, refresh_token from fluint_sync.connection for update"
            ).fetchone()
            if row is None or row[0] is None:
                return False
            anew = [
                None if value is None else self._cipher.encrypt(self._decrypted(value).encode())
                for value in row
            ]
            conn.execute("update fluint_sync.connection set access_token = %s, refresh_token = %s", anew)
        return True

    def forget(self) -> None:
        """Deletes the tokens. Org, cursors and rows stay, so that connecting again goes on from there."""
        with self._transaction() as conn:
            conn.execute(_FORGET)

    def _values(self, tokens: T) -> dict[str, Any]:
        refresh = tokens.refresh_token
        return {
            "org_id": tokens.org_id,
            "user_id": tokens.user_id,
            "instance_url": tokens.instance_url,
            "identity_url": tokens.identity_url,
            "scope": tokens.scope,
            "rotates": tokens.rotates,
            "generation": tokens.generation,
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


def _org_of(conn: Connection) -> str | None:
    """The org that the database belongs to, if it belongs to one."""
    held = conn.execute("select org_id from fluint_sync.connection").fetchone()
    return str(held[0]) if held else None


def _wrong_org(conn: Connection, tokens: Grant) -> SetupError:
    """Why a grant could not be stored: the database holds another org."""
    return WrongOrgError(
        f"This database belongs to the Salesforce org {_org_of(conn)}; the sign-in was to {tokens.org_id}. Nothing was stored. Whoever"
        " connects signs in to the first one, or uses a database of its own for the other. If the org was replaced (a sandbox that was"
        " refreshed has another id), `fluint connect --replace-org` puts what is held into an archive and begins anew."
    )
