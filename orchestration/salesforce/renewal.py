"""When and how a grant is renewed: by one process at a time, with nothing used before it is stored, and never without an end.

The refresh token of an app with rotation dies the moment it is presented, and presenting it once more ends the connection. So a
renewal is marked in the store before its request, its result is durable before anybody uses it, and a mark that is found without a
result is tried once more and then given up: a person connects again. What is sent is `oauth`'s business. For one thread.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NoReturn

from orchestration.errors import FluintError, NeedsReconnectError, TransientError, TransientSalesforceError
from orchestration.salesforce import oauth
from orchestration.salesforce.oauth import Tokens
from orchestration.salesforce.oauth_errors import NoTokenAnswerError

KEEP_ALIVE = timedelta(days=1)
"""A grant that was not renewed for so long is renewed though its session lives: policies end tokens that nobody presents."""

IDLE_POLICY = timedelta(days=30)
"""The shortest usual policy for refresh tokens that nobody presents."""

WARN_BEFORE = timedelta(days=10)
"""How long before that a person is warned."""

_SAVES = 6
"""Tries to store a grant that was just received, over about half a minute: it is the only copy."""


class RenewalError(TransientSalesforceError):
    """A renewal brought no session for the moment; this call does not present the refresh token again.

    `was_taken` is False where the token is as good as before, and None where nobody knows.
    """

    def __init__(self, error: TransientSalesforceError) -> None:
        super().__init__(str(error), code=error.code, request_id=error.request_id)
        self.was_taken = None if isinstance(error, NoTokenAnswerError) else False


class Renewal:
    """Renews the one grant of a store for one user of it."""

    def __init__(self, app: oauth.OAuthApp, store: oauth.TokenStore, sleep: Callable[[float], None]) -> None:
        self._app, self._store, self._sleep = app, store, sleep
        self._unsaved: Tokens | None = None
        self._dead: tuple[int, NeedsReconnectError] | None = None

    def renew(self, used: Tokens) -> tuple[Tokens, bool]:
        """Returns a live grant, and whether it was fetched by us: another process may have renewed the `used` one already.

        Raises `NeedsReconnectError` when the grant is dead, `SetupError` for what an admin can lift, `RenewalError` for the moment.
        """
        with self._store.exclusive() as stored:
            if stored.generation != used.generation:
                self._unsaved = None
                return stored, False
            # A grant that could not be stored is stored first: the one that was presented for it is dead.
            self._unsaved = self._unsaved or self._ask(stored)
            saved = self._save(self._unsaved)
            self._unsaved = None
            return saved, True

    def _ask(self, stored: Tokens) -> Tokens:
        """Presents the stored grant once. The mark is durable before the request leaves, and its end is before anything else."""
        if self._dead and self._dead[0] == stored.generation:
            self._give_up(stored, self._dead[1])  # it could not be marked before
        rotates = stored.refresh_token is not None
        tries = self._store.begin_refresh(stored) if rotates else 1
        try:
            return oauth.refresh(self._app, stored)
        except NeedsReconnectError as error:
            reason = f"{_INTERRUPTED} {error}" if tries > 1 and stored.rotates else str(error)
            self._give_up(stored, NeedsReconnectError(reason, code=error.code, request_id=error.request_id))
        except FluintError as error:
            told = RenewalError(error) if isinstance(error, TransientSalesforceError) else error
            if rotates:
                self._store.end_refresh(stored, was_taken=getattr(told, "was_taken", False))
            raise told from None

    def _give_up(self, stored: Tokens, error: NeedsReconnectError) -> NoReturn:
        """Marks a grant that Salesforce refused. Known here first, so that a database that is away makes nobody present it again."""
        self._dead = stored.generation, error
        self._store.mark_needs_reconnect(str(error), stored)
        raise error from None

    def _save(self, tokens: Tokens) -> Tokens:
        for pause in range(1, _SAVES):
            try:
                return self._store.save(tokens)
            except TransientError:
                self._sleep(2.0 * pause)
        return self._store.save(tokens)


_INTERRUPTED = (
    "An earlier renewal of the Salesforce session was interrupted before its answer was stored, so the token that it"
    " brought is lost."
)


def is_due(tokens: Tokens, now: datetime) -> bool:
    """Tells whether a grant is to be renewed though its session may live; `now` is aware and in UTC."""
    return bool(
        tokens.refresh_token and tokens.refreshed_at is not None and now - tokens.refreshed_at > KEEP_ALIVE
    )


def was_idle(refreshed_at: datetime, now: datetime) -> bool:
    """Tells whether a grant was not renewed for so long that the usual policies are about to end it. Times aware, in UTC."""
    return now - refreshed_at >= IDLE_POLICY - WARN_BEFORE


def idle_warning(refreshed_at: datetime, now: datetime) -> str | None:
    """Returns what a person reads before a grant dies because nobody used it; None while there is time. Times aware, in UTC."""
    if not was_idle(refreshed_at, now):
        return None
    return (
        f"The connection to Salesforce was last renewed {(now - refreshed_at).days} days ago ({refreshed_at:%Y-%m-%d}). Many apps'"
        f" policies end a refresh token after {IDLE_POLICY.days} days without use; then a Salesforce admin has to connect again. Whoever"
        " runs Fluint starts the sync: its first call renews it. A Salesforce admin can set the policy to 'valid until revoked' under"
        " Setup › Manage Connected Apps › Fluint's app › Edit Policies."
    )
