"""The token endpoint's grants: authorization code, refresh token, JWT bearer, client credentials, username and password.

Belongs here: which form earns a token, at which host, for whom, and the exact refusals. Does not: validity of tokens (tokens.py),
the app's policies (connected_app.py), HTTP (oauth.py). Facts: API sheet 1.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from local_org.connected_app import admit
from local_org.hosts import Host
from local_org.jwt_bearer import GRANT_TYPE, user_of_assertion
from local_org.org import Org
from local_org.registration import Registration
from local_org.tokens import Issued, OAuthError, Tokens


@dataclass(frozen=True)
class Endpoint:
    """The org behind the endpoint: its app and its tokens."""

    org: Org
    registration: Registration
    tokens: Tokens


@dataclass(frozen=True)
class Asked:
    """One request: its form, the part of the host that it reached, and the caller's IP address."""

    form: Mapping[str, str]
    host: Host
    address: str


def issue(endpoint: Endpoint, asked: Asked) -> Issued:
    """Gives the tokens that a form earns by the grant that its `grant_type` names. Raises OAuthError."""
    grant = _GRANTS.get(asked.form.get("grant_type", ""))
    if grant is None:
        raise OAuthError("unsupported_grant_type", "grant type not supported")
    if not endpoint.org.switches.organization_is_active:
        raise OAuthError("invalid_grant", "inactive organization")
    return grant(endpoint, asked)


def authenticate_client(endpoint: Endpoint, form: Mapping[str, str]) -> None:
    """A confidential app sends its secret beside the PKCE verifier, never instead of it; a public app sends none. Raises OAuthError."""
    if form.get("client_id") != endpoint.registration.client_id:
        raise OAuthError("invalid_client_id", "client identifier invalid")
    secret = form.get("client_secret", "")
    if not endpoint.org.switches.require_client_secret:
        if secret:
            raise OAuthError("invalid_client", "invalid client credentials")
        return
    if not hmac.compare_digest(secret.encode(), endpoint.registration.client_secret.encode()):
        raise OAuthError("invalid_client", "invalid client credentials")


def _admit(endpoint: Endpoint, asked: Asked) -> Callable[[str], None]:
    return lambda user_id: admit(endpoint.org, endpoint.tokens, user_id, asked.address)


def _authorization_code(endpoint: Endpoint, asked: Asked) -> Issued:
    form = asked.form
    authenticate_client(endpoint, form)
    missing = [name for name in ("code", "redirect_uri") if not form.get(name)]
    if missing:
        raise OAuthError("invalid_request", f"missing required {missing[0]}")
    if asked.host is Host.OTHER_ENVIRONMENT:
        raise OAuthError("invalid_grant", "invalid authorization code")
    verifier = form.get("code_verifier", "")
    return endpoint.tokens.redeem_code(
        form["code"],
        form["client_id"],
        form["redirect_uri"],
        verifier,
        asked.host.value,
        _admit(endpoint, asked),
    )


def _refresh_token(endpoint: Endpoint, asked: Asked) -> Issued:
    authenticate_client(endpoint, asked.form)
    if asked.host is Host.OTHER_ENVIRONMENT:
        raise OAuthError("invalid_grant", "expired access/refresh token")
    token, client_id = asked.form.get("refresh_token", ""), asked.form["client_id"]
    return endpoint.tokens.refresh(token, client_id, asked.host.value, _admit(endpoint, asked))


def _client_credentials(endpoint: Endpoint, asked: Asked) -> Issued:
    if asked.host is not Host.MY_DOMAIN:
        raise OAuthError("invalid_grant", "request not supported on this domain")
    authenticate_client(endpoint, asked.form)
    username = endpoint.org.switches.client_credentials_username
    user = endpoint.org.user_by_username(username) if username else None
    if user is None:
        raise OAuthError("invalid_grant", "no client credentials user enabled")
    _admit(endpoint, asked)(str(user["Id"]))
    return endpoint.tokens.issue_without_grant(asked.form["client_id"], str(user["Id"]), "api")


def _jwt_bearer(endpoint: Endpoint, asked: Asked) -> Issued:
    if asked.host is Host.OTHER_ENVIRONMENT:
        raise OAuthError("invalid_grant", "Audience validation failed")
    org, card, tokens = endpoint.org, endpoint.registration, endpoint.tokens
    user_id = user_of_assertion(org, card, tokens, asked.form.get("assertion", ""))
    _admit(endpoint, asked)(user_id)
    return tokens.issue_without_grant(card.client_id, user_id, "api")


def _password(endpoint: Endpoint, asked: Asked) -> Issued:
    form, card = asked.form, endpoint.registration
    authenticate_client(endpoint, form)
    user = endpoint.org.user_by_username(form.get("username", ""))
    right = hmac.compare_digest(form.get("password", "").encode(), card.password.encode())
    allowed = endpoint.org.switches.username_password_flow and asked.host is not Host.OTHER_ENVIRONMENT
    if user is None or not right or not allowed:
        raise OAuthError("invalid_grant", "authentication failure")
    _admit(endpoint, asked)(str(user["Id"]))
    return endpoint.tokens.issue_without_grant(card.client_id, str(user["Id"]), "api")


_GRANTS: dict[str, Callable[[Endpoint, Asked], Issued]] = {
    "authorization_code": _authorization_code,
    "refresh_token": _refresh_token,
    "client_credentials": _client_credentials,
    GRANT_TYPE: _jwt_bearer,
    "password": _password,
}
