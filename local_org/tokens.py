"""OAuth grants, authorization codes and tokens of the local org: issuing, rotating, expiring, revoking.

Belongs here: what is valid and until when, kept in the store by digest, so that no token is readable there.
Does not: HTTP (oauth.py), pages (pages.py).
Facts: API sheet 1 (Salesforce Help, "OAuth 2.0 Web Server Flow", "OAuth 2.0 Refresh Token Flow", "Session Settings").
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

from local_org.clock import Clock
from local_org.errors import ApiError
from local_org.store import Store
from local_org.switches import Switches

_TABLES = (
    """create table if not exists _oauth_code (digest text primary key, client_id text not null, user_id text not null,
        redirect_uri text not null, scope text not null, code_challenge text not null, issued_at real not null,
        is_used integer not null, nonce text)""",
    """create table if not exists _oauth_grant (grant_id integer primary key, client_id text not null, user_id text not null,
        scope text not null, is_revoked integer not null, host text, created_at real, used_at real, uses integer)""",
    """create table if not exists _oauth_refresh_token (digest text primary key, grant_id integer not null, is_retired integer not null)""",
    """create table if not exists _oauth_access_token (digest text primary key, grant_id integer, client_id text not null,
        user_id text not null, scope text not null, issued_at real not null, used_at real not null)""",
)
# What an org that an older version made lacks.
_GROWN = {
    "_oauth_code": ("nonce text",),
    "_oauth_grant": ("host text", "created_at real", "used_at real", "uses integer"),
}
REFRESH_SCOPES = frozenset({"refresh_token", "offline_access"})
DATA_SCOPES = frozenset({"api", "full"})
"""One of these lets a token call the API."""
_DAY = 86_400.0
Admit = Callable[[str], None]
"""Raises OAuthError for a user (id) who may not have a token now."""


class OAuthError(Exception):
    """A refusal of an OAuth endpoint: `error` and `error_description` as Salesforce words them, and the HTTP status."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        """Holds the code, the text and the status of the refusal."""
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.status = status


@dataclass(frozen=True)
class Approval:
    """What a user approved on the consent page."""

    client_id: str
    user_id: str
    redirect_uri: str
    scope: str
    code_challenge: str
    nonce: str = ""


@dataclass(frozen=True)
class Issued:
    """Tokens fresh from the token endpoint; `issued_at` in seconds since 1970, UTC. `nonce` is that of the authorization request."""

    access_token: str
    refresh_token: str | None
    user_id: str
    scope: str
    issued_at: float
    nonce: str = ""


@dataclass(frozen=True)
class AccessToken:
    """A valid access token as the store knows it; times in seconds since 1970, UTC."""

    client_id: str
    user_id: str
    scope: str
    issued_at: float
    expires_at: float


@dataclass(frozen=True)
class Grant:
    """What a user allowed the app, as OAuth Usage shows it; times in seconds since 1970, UTC."""

    grant_id: int
    user_id: str
    created_at: float
    used_at: float
    uses: int


class Tokens:
    """The tokens of one org. Every decision about time asks the org's clock, so that a turned clock expires them."""

    def __init__(self, store: Store, clock: Clock, switches: Switches, org_id: str) -> None:
        """Makes the tables where they are missing."""
        self._store = store
        self._clock = clock
        self._switches = switches
        self._org_id = org_id
        for table in _TABLES:
            store.execute(table)
        for name, columns in _GROWN.items():
            present = {str(row[1]) for row in store.select(f"pragma table_info({name})")}
            for column in columns:
                if column.split()[0] not in present:
                    store.execute(f"alter table {name} add column {column}")

    def issue_code(self, approval: Approval) -> str:
        """Gives the authorization code for what the user approved."""
        code = "aPrx" + secrets.token_urlsafe(48) + "=="
        row = (
            approval.client_id,
            approval.user_id,
            approval.redirect_uri,
            approval.scope,
            approval.code_challenge,
        )
        self._store.execute(
            "insert into _oauth_code values (?, ?, ?, ?, ?, ?, ?, 0, ?)",
            (_digest(code), *row, self._now(), approval.nonce),
        )
        return code

    def redeem_code(
        self, code: str, client_id: str, redirect_uri: str, verifier: str, host: str, admit: Admit
    ) -> Issued:
        """Exchanges an authorization code once, at `host`, which the grant remembers.

        Raises OAuthError when the code is unknown, used, late, or was meant for another request, and what `admit` raises.
        """
        with self._store.transaction():
            rows = self._store.select(
                "select client_id, user_id, redirect_uri, scope, code_challenge, issued_at, is_used, nonce from _oauth_code"
                " where digest = ?",
                (_digest(code),),
            )
            if not rows or rows[0][0] != client_id:
                raise OAuthError("invalid_grant", "invalid authorization code")
            _, user_id, asked_uri, scope, challenge, issued_at, is_used, nonce = rows[0]
            if is_used or self._now() - float(str(issued_at)) > self._switches.authorization_code_seconds:
                raise OAuthError("invalid_grant", "expired authorization code")
            if redirect_uri != asked_uri:
                raise OAuthError("redirect_uri_mismatch", "redirect_uri must match configuration")
            if challenge and not _proves(verifier, str(challenge)):
                raise OAuthError("invalid_grant", "invalid code verifier")
            admit(str(user_id))
            self._store.execute("update _oauth_code set is_used = 1 where digest = ?", (_digest(code),))
            issued = self._open_grant(client_id, str(user_id), str(scope), host)
            return replace(issued, nonce=str(nonce or ""))

    def refresh(self, refresh_token: str, client_id: str, host: str, admit: Admit) -> Issued:
        """Gives a new access token, and with rotation a new refresh token in place of this one.

        Presenting a token that was rotated out revokes the whole grant. Raises OAuthError `invalid_grant` for every dead token and
        for one of another host, and what `admit` raises; a refused token is not used up.
        """
        with self._store.transaction():
            grant = self._grant_of(refresh_token, client_id, host)
            if grant is not None:
                admit(grant[1])
            issued = None if grant is None else self._renew(client_id, *grant)
        # Raised only now: the revocation that a replayed token causes has to be committed.
        if issued is None:
            raise OAuthError("invalid_grant", "expired access/refresh token")
        return issued

    def issue_without_grant(self, client_id: str, user_id: str, scope: str) -> Issued:
        """Gives an access token alone, as the JWT bearer and client credentials flows do."""
        with self._store.transaction():
            return self._issue(None, client_id, user_id, scope, None)

    def find(self, access_token: str) -> AccessToken | None:
        """Gives a valid access token's facts, or None when it is unknown, revoked or timed out, the app blocked, or the org inactive."""
        if self._switches.connected_app_policy == "blocked" or not self._switches.organization_is_active:
            return None
        rows = self._store.select(
            "select client_id, user_id, scope, issued_at, used_at from _oauth_access_token where digest = ?",
            (_digest(access_token),),
        )
        if not rows:
            return None
        client_id, user_id, scope, issued_at, used_at = rows[0]
        expires_at = float(str(used_at)) + self._switches.access_token_seconds
        if expires_at <= self._now():
            return None
        return AccessToken(str(client_id), str(user_id), str(scope), float(str(issued_at)), expires_at)

    def authenticate(self, access_token: str) -> str:
        """Gives the user of a valid access token and keeps the session alive. Raises ApiError 401 INVALID_SESSION_ID."""
        found = self.find(access_token)
        if found is None:
            raise ApiError(401, "INVALID_SESSION_ID", "Session expired or invalid")
        if DATA_SCOPES.isdisjoint(found.scope.split()):
            raise ApiError(401, "INVALID_SESSION_ID", "This session is not valid for use with the REST API")
        # The last use is only noted once half of the time-out has passed (Session Settings); it also spares a write per call.
        if found.expires_at - self._now() < self._switches.access_token_seconds / 2:
            self._store.execute(
                "update _oauth_access_token set used_at = ? where digest = ?",
                (self._now(), _digest(access_token)),
            )
        return found.user_id

    def revoke(self, token: str) -> bool:
        """Ends an access token, or a refresh token with all access tokens of its grant; False when the token is unknown."""
        digest = _digest(token)
        grants = self._store.select(
            "select grant_id from _oauth_refresh_token join _oauth_grant using (grant_id) where digest = ? and not is_revoked",
            (digest,),
        )
        if grants:
            self._revoke_grant(int(str(grants[0][0])), self._switches.revoke_ends_access_tokens)
            return True
        known = bool(self._store.select("select 1 from _oauth_access_token where digest = ?", (digest,)))
        self._store.execute("delete from _oauth_access_token where digest = ?", (digest,))
        return known

    def revoke_all(self, user_id: str | None = None) -> None:
        """Ends every grant and access token, of one user or of all: what an administrator does under OAuth Usage."""
        where, parameters = ("", ()) if user_id is None else (" where user_id = ?", (user_id,))
        with self._store.transaction():
            self._store.execute(f"update _oauth_grant set is_revoked = 1{where}", parameters)
            self._store.execute(f"delete from _oauth_access_token{where}", parameters)

    def has_approved(self, client_id: str, user_id: str, scope: str) -> bool:
        """Tells whether the user approved these scopes for the app before and nobody revoked it."""
        rows = self._store.select(
            "select scope from _oauth_grant where client_id = ? and user_id = ? and not is_revoked",
            (client_id, user_id),
        )
        return any(set(scope.split()) <= set(str(row[0]).split()) for row in rows)

    def grants(self) -> list[Grant]:
        """Gives the live grants of every user, oldest first."""
        rows = self._store.select(
            "select grant_id, user_id, coalesce(created_at, 0), coalesce(used_at, 0), coalesce(uses, 0) from _oauth_grant"
            " where not is_revoked order by grant_id"
        )
        return [
            Grant(
                int(str(each[0])), str(each[1]), float(str(each[2])), float(str(each[3])), int(str(each[4]))
            )
            for each in rows
        ]

    def logins_in_last_hour(self, user_id: str) -> int:
        """Counts the access tokens that a user was given in the last hour and that live."""
        sql = "select count(*) from _oauth_access_token where user_id = ? and issued_at > ?"
        return int(str(self._store.select(sql, (user_id, self._now() - 3_600.0))[0][0]))

    def _open_grant(self, client_id: str, user_id: str, scope: str, host: str) -> Issued:
        self._store.execute(
            "insert into _oauth_grant (client_id, user_id, scope, is_revoked, host, created_at, used_at, uses)"
            " values (?, ?, ?, 0, ?, ?, ?, 1)",
            (client_id, user_id, scope, host, self._now(), self._now()),
        )
        grants = self._store.select(
            "select grant_id from _oauth_grant where client_id = ? and user_id = ? and not is_revoked order by grant_id desc",
            (client_id, user_id),
        )
        grant_id = int(str(grants[0][0]))
        for (too_old,) in grants[self._switches.grants_per_user :]:
            self._revoke_grant(int(str(too_old)))
        wants_refresh = not REFRESH_SCOPES.isdisjoint(scope.split())
        return self._issue(
            grant_id, client_id, user_id, scope, self._new_refresh_token(grant_id) if wants_refresh else None
        )

    def _renew(self, client_id: str, grant_id: int, user_id: str, scope: str) -> Issued:
        self._store.execute(
            "update _oauth_grant set used_at = ?, uses = coalesce(uses, 0) + 1 where grant_id = ?",
            (self._now(), grant_id),
        )
        if not self._switches.rotate_refresh_tokens:
            return self._issue(grant_id, client_id, user_id, scope, None)
        self._store.execute("update _oauth_refresh_token set is_retired = 1 where grant_id = ?", (grant_id,))
        return self._issue(grant_id, client_id, user_id, scope, self._new_refresh_token(grant_id))

    def _grant_of(self, refresh_token: str, client_id: str, host: str) -> tuple[int, str, str] | None:
        rows = self._store.select(
            """select grant_id, user_id, scope, is_retired, is_revoked, client_id, host, created_at, used_at
               from _oauth_refresh_token join _oauth_grant using (grant_id) where digest = ?""",
            (_digest(refresh_token),),
        )
        if not rows or rows[0][4] or rows[0][5] != client_id:
            return None
        grant_id, user_id, scope, is_retired, _, _, issued_at_host, created_at, used_at = rows[0]
        if self._switches.refresh_at_issuing_host_only and issued_at_host not in (None, host):
            return None
        if is_retired:
            self._revoke_grant(int(str(grant_id)))
            return None
        if self._is_past_its_policy(float(str(created_at or 0)), float(str(used_at or 0))):
            return None
        return int(str(grant_id)), str(user_id), str(scope)

    def _is_past_its_policy(self, created_at: float, used_at: float) -> bool:
        """Tells whether the app's refresh token policy has ended a grant of these times."""
        days = self._switches.refresh_token_days * _DAY
        ends = {"immediately": 0.0, "after_days": created_at + days, "idle_days": used_at + days}
        return self._now() >= ends.get(self._switches.refresh_token_policy, float("inf"))

    def _revoke_grant(self, grant_id: int, with_access_tokens: bool = True) -> None:
        self._store.execute("update _oauth_grant set is_revoked = 1 where grant_id = ?", (grant_id,))
        if with_access_tokens:
            self._store.execute("delete from _oauth_access_token where grant_id = ?", (grant_id,))

    def _new_refresh_token(self, grant_id: int) -> str:
        token = "5Aep861" + secrets.token_urlsafe(60)
        self._store.execute("insert into _oauth_refresh_token values (?, ?, 0)", (_digest(token), grant_id))
        return token

    def _issue(
        self, grant_id: int | None, client_id: str, user_id: str, scope: str, refresh_token: str | None
    ) -> Issued:
        access_token = f"{self._org_id[:15]}!AQEAQ{secrets.token_urlsafe(64)}"
        now = self._now()
        self._store.execute(
            "insert into _oauth_access_token values (?, ?, ?, ?, ?, ?, ?)",
            (_digest(access_token), grant_id, client_id, user_id, scope, now, now),
        )
        return Issued(access_token, refresh_token, user_id, scope, now)

    def _now(self) -> float:
        return self._clock.now().timestamp()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _proves(verifier: str, challenge: str) -> bool:
    """Tells whether `verifier` (43–128 characters) is the secret behind an S256 challenge (RFC 7636)."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    return 43 <= len(verifier) <= 128 and hmac.compare_digest(digest, challenge.rstrip("=").encode())
