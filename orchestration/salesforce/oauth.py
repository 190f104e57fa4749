"""OAuth 2.0 with a Salesforce org: authorization code with PKCE, refresh with rotation, the ways without a person, revoke.

authlib does the protocol. `TokenStore` says what a place for tokens must promise; who keeps them, and how, belongs elsewhere, and when
they are renewed is `renewal`'s business. No browser, no redirect server here. Facts: Salesforce Help, "OAuth 2.0 Web Server Flow",
"OAuth 2.0 Refresh Token Flow", "OAuth 2.0 JWT Bearer Flow" and "OAuth 2.0 Client Credentials Flow".
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, Protocol
from urllib.parse import parse_qs, urlsplit

import requests
from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session

from orchestration.errors import NeedsReconnectError, SetupError, TransientSalesforceError
from orchestration.salesforce.ids import to_18
from orchestration.salesforce.jwt_bearer import JWT_BEARER, assertion
from orchestration.salesforce.my_domain import my_domain_url
from orchestration.salesforce.oauth_errors import NoTokenAnswerError, unreachable, was_never_sent
from orchestration.salesforce.responses import request_id, sign_in_error

__all__ = [
    "LoginAttempt", "OAuthApp", "SignIn", "TokenStore", "Tokens",
    "begin_login", "finish_login", "my_domain_url", "refresh", "revoke", "sign_in",
]  # fmt: skip

SignIn = Literal["browser", "jwt", "client_credentials"]
"""How the app gets its session: a person approves it in a browser, or, without one, by a signed assertion or by its secret alone."""

SCOPES = "api refresh_token"
"""`api` reads and writes records as the user; `refresh_token` lets the sync go on without a person."""

TIMEOUT = (10.0, 60.0)
"""Seconds to connect and between two bytes of the answer, for every request of a sign-in."""


@dataclass(frozen=True)
class OAuthApp:
    """The connected app (External Client App) and how it signs in: `login_url` is an https origin without a path.

    `username` and `private_key` (PEM) are those of the JWT bearer flow. Without `login_url` it only serves a grant that exists.
    """

    client_id: str
    client_secret: str | None = field(repr=False)
    login_url: str
    redirect_uri: str
    ca_file: str | None = None
    sign_in: SignIn = "browser"
    username: str | None = None
    private_key: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Raises `SetupError` unless `login_url` is https."""
        if self.login_url and urlsplit(self.login_url).scheme != "https":
            raise SetupError(
                f"The Salesforce address {self.login_url} does not begin with https://. Tokens are sent only over TLS: correct the address."
            )

    def endpoint(self, name: str) -> str:
        """The URL of one of the org's OAuth endpoints: authorize, token, revoke. Raises `SetupError` when no org is named."""
        if not self.login_url:
            raise SetupError(
                "No Salesforce org is named. Whoever runs this gives its address to `fluint connect --subdomain`, or sets"
                " FLUINT_SALESFORCE_SUBDOMAIN or FLUINT_SALESFORCE_URL in fluint.yaml or the environment."
            )
        return f"{self.login_url.rstrip('/')}/services/oauth2/{name}"

    def at_host_of(self, tokens: Tokens) -> OAuthApp:
        """The app as it signs in at the host that issued a grant: another one does not know its refresh token."""
        return replace(self, login_url=tokens.login_url) if tokens.login_url else self


@dataclass(frozen=True)
class Tokens:
    """One grant as the org gave it; secrets stay out of `repr`.

    The store adds: `generation`, which counts what was saved; `login_url`, the host that issued it; `rotates`, whether the last answer
    brought another refresh token; `refreshed_at` (aware, UTC), when it was last given or renewed.
    """

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    instance_url: str
    identity_url: str
    scope: str
    generation: int = 0
    login_url: str = field(default="", compare=False)
    rotates: bool = field(default=True, compare=False)
    refreshed_at: datetime | None = field(default=None, compare=False)

    @property
    def org_id(self) -> str:
        """The org's 18-character id (00D…), from the identity URL `…/id/<org>/<user>`."""
        return to_18(self.identity_url.rstrip("/").split("/")[-2])

    @property
    def user_id(self) -> str:
        """The authorising user's 18-character id (005…), from the identity URL."""
        return to_18(self.identity_url.rstrip("/").split("/")[-1])


class TokenStore(Protocol):
    """A place for the one grant, shared by every process of a workspace."""

    def load(self) -> Tokens:
        """Returns the grant. Raises `NeedsReconnectError` when there is none, or it was marked."""

    def exclusive(self) -> AbstractContextManager[Tokens]:
        """Makes the caller the only one who refreshes, across processes; yields what is stored at that moment."""

    def begin_refresh(self, tokens: Tokens) -> int:
        """Makes durable, before the request, that a grant's refresh token is presented; returns how many times it was, this one included.

        Raises `NeedsReconnectError`, and marks the grant, when a rotating token was presented twice and no result of either is known.
        """

    def end_refresh(self, tokens: Tokens, *, was_taken: bool | None) -> None:
        """Records how a request ended that brought no tokens: False, the token is as good as before; None, nobody knows."""

    def save(self, tokens: Tokens) -> Tokens:
        """Makes the grant durable before it returns, outside any transaction of the caller; returns what is stored then.

        That is another grant where somebody connected anew meanwhile.
        """

    def mark_needs_reconnect(self, reason: str, tokens: Tokens) -> None:
        """Records that this grant is dead, so that no process asks with it again; a newer one stays as it is."""


@dataclass(frozen=True)
class LoginAttempt:
    """One sign-in under way: the page to open, and the two secrets that tie the answer to it."""

    url: str
    state: str = field(repr=False)
    code_verifier: str = field(repr=False)


def begin_login(app: OAuthApp) -> LoginAttempt:
    """Returns the consent page's URL with a fresh `state` and PKCE challenge (S256). Sends nothing."""
    verifier = generate_token(64)
    with _session(app) as session:
        url, state = session.create_authorization_url(
            app.endpoint("authorize"), code_verifier=verifier, scope=SCOPES
        )
    return LoginAttempt(str(url), str(state), verifier)


def answer_of(attempt: LoginAttempt, redirected_url: str) -> dict[str, str]:
    """Returns what came back in the address that the browser was redirected to: `code`, or `error` and its description.

    Raises `SetupError` when it belongs to another attempt, or holds neither.
    """
    answer = {name: values[0] for name, values in parse_qs(urlsplit(redirected_url.strip()).query).items()}
    if not hmac.compare_digest(answer.get("state", "").encode(), attempt.state.encode()):
        raise SetupError(
            "The address that came back from Salesforce belongs to another sign-in. Start the connection again and use the newest page."
        )
    if not {"error", "code"} & answer.keys():
        raise SetupError(
            "The address that came back from Salesforce holds no code. Paste the whole address from the browser's address bar."
        )
    return answer


def finish_login(app: OAuthApp, attempt: LoginAttempt, redirected_url: str) -> Tokens:
    """Returns the tokens for the URL that the browser was redirected to.

    Raises `SetupError` when the person or the org refused, or when the answer belongs to another attempt.
    """
    answer = answer_of(attempt, redirected_url)
    if "error" in answer:
        raise sign_in_error(answer["error"], answer.get("error_description", ""), app.login_url)
    with _session(app) as session:
        given = _post(app, session, lambda: session.fetch_token(
            app.endpoint("token"), code=answer["code"], code_verifier=attempt.code_verifier,
            grant_type="authorization_code", timeout=TIMEOUT, **_wire(app),
        ))  # fmt: skip
    tokens = _tokens(given, fallback=None)
    if tokens.refresh_token is None:
        raise SetupError(
            "Salesforce gave no refresh token, so the connection would end within hours. A Salesforce admin adds the scope"
            " 'Perform requests at any time (refresh_token, offline_access)' to the connected app; then connect again."
        )
    return tokens


def sign_in(app: OAuthApp) -> Tokens:
    """Returns a session without a person, by the app's JWT bearer or client credentials flow; it comes without a refresh token.

    Raises what `refresh` raises, and `SetupError` when the app is one that a person signs in.
    """
    if app.sign_in == "browser":
        raise NeedsReconnectError(
            "The Salesforce session has ended and was given without a refresh token. A Salesforce admin connects Fluint again."
        )
    proof = {"grant_type": "client_credentials"}
    if app.sign_in == "jwt":
        proof = {"grant_type": JWT_BEARER, "assertion": assertion(app)}
    with _session(app) as session:
        given = _post(app, session, lambda: session.fetch_token(
            app.endpoint("token"), timeout=TIMEOUT, **proof, **_wire(app)
        ))  # fmt: skip
    return _tokens(given, fallback=None)


def refresh(app: OAuthApp, tokens: Tokens) -> Tokens:
    """Returns new tokens; with rotation on, the given refresh token is dead from here on. One request, never repeated here.

    Raises `NeedsReconnectError` for `invalid_grant`, `SetupError` for what an admin can lift, `NoTokenAnswerError` when the request left
    and no answer tells what became of it, another `TransientSalesforceError` when the token is as good as before.
    """
    app = app.at_host_of(tokens)
    if tokens.refresh_token is None:
        return replace(sign_in(app), generation=tokens.generation, login_url=tokens.login_url)
    with _session(app) as session:
        given = _post(app, session, lambda: session.refresh_token(
            app.endpoint("token"), refresh_token=tokens.refresh_token, timeout=TIMEOUT, **_wire(app)
        ), tokens.user_id)  # fmt: skip
    return _tokens(given, fallback=tokens)


def revoke(app: OAuthApp, tokens: Tokens) -> None:
    """Ends the grant in the org: the refresh token, and the session by itself. What is dead already counts as ended.

    Whether a refresh token takes its access tokens along is not certain, so both are revoked.
    """
    app = app.at_host_of(tokens)
    for secret in filter(None, (tokens.refresh_token, tokens.access_token)):
        try:
            answer = requests.post(
                app.endpoint("revoke"), data={"token": secret}, auth=_no_auth, timeout=TIMEOUT, **_wire(app)
            )
        except requests.RequestException as error:
            raise unreachable(app.login_url, error) from None
        if answer.status_code >= 500:
            raise TransientSalesforceError(
                f"{app.login_url} could not revoke the connection for the moment (HTTP {answer.status_code}). Disconnect again later."
            )


def _session(app: OAuthApp) -> Any:
    session = OAuth2Session(
        app.client_id,
        app.client_secret,
        token_endpoint_auth_method="client_secret_post" if app.client_secret else "none",
        redirect_uri=app.redirect_uri,
        code_challenge_method="S256",
    )

    def look(answer: requests.Response, **_: Any) -> None:
        session.request_id = request_id(answer.headers)
        if 300 <= answer.status_code < 400:
            # authlib would read the page as tokens and fail at it as at an answer that was lost; a redirect is one, and issued nothing.
            answer.close()
            raise requests.HTTPError(response=answer)

    session.hooks["response"] = [look]
    return session


def _wire(app: OAuthApp) -> dict[str, Any]:
    # `verify` goes with every request: on a session, REQUESTS_CA_BUNDLE in the environment would override it (psf/requests#3829).
    # A redirect would turn the POST into a GET with the secrets' answer lost, so none is followed.
    return {"verify": app.ca_file or True, "allow_redirects": False}


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request  # keeps requests from adding credentials of a .netrc file


def _post(
    app: OAuthApp, session: Any, send: Callable[[], Mapping[str, Any]], user_id: str = ""
) -> Mapping[str, Any]:
    """Sends one token request and turns every failure into one of ours; causes are cut off because they may quote the request."""
    try:
        return send()
    except OAuthError as error:
        said = str(error.error), str(error.description or "")
        raise sign_in_error(
            *said, app.login_url, user_id=user_id, request_id=getattr(session, "request_id", None)
        ) from None
    except requests.HTTPError as error:
        # authlib raises it for a 5xx and `_session` for a redirect, which are answers: nothing was issued.
        status = error.response.status_code if error.response is not None else 500
        raise TransientSalesforceError(_NO_TOKENS.format(app.login_url, f" (HTTP {status})")) from None
    except (requests.ConnectionError, requests.Timeout) as error:
        told = unreachable(app.login_url, error)
        if was_never_sent(error) or not isinstance(told, TransientSalesforceError):
            raise told from None
        raise NoTokenAnswerError(str(told)) from None
    except (requests.RequestException, ValueError):
        raise NoTokenAnswerError(_NO_TOKENS.format(app.login_url, "")) from None


_NO_TOKENS = (
    "{} answered the token request with something else than tokens{}. It is asked again at the next sync; if this stays, check that the"
    " Salesforce address is the org's My Domain."
)


def _tokens(given: Mapping[str, Any], fallback: Tokens | None) -> Tokens:
    """Reads a token answer; what a refresh leaves out is kept from the grant before."""

    def value(name: str, kept: str | None) -> str:
        found = given.get(name) or kept
        if not found:
            raise SetupError(
                f"Salesforce's token answer lacks {name!r}. Check that the Salesforce address is the org's My Domain."
            )
        return str(found)

    rotated = given.get("refresh_token")
    tokens = Tokens(
        access_token=value("access_token", None),
        refresh_token=str(rotated) if rotated else (fallback.refresh_token if fallback else None),
        instance_url=value("instance_url", fallback.instance_url if fallback else None).rstrip("/"),
        identity_url=value("id", fallback.identity_url if fallback else None),
        scope=str(given.get("scope") or (fallback.scope if fallback else "")),
        generation=fallback.generation if fallback else 0,
        login_url=fallback.login_url if fallback else "",
        rotates=bool(rotated) and (fallback is None or str(rotated) != fallback.refresh_token),
    )
    if urlsplit(tokens.instance_url).scheme != "https":
        raise SetupError(
            f"Salesforce named {tokens.instance_url} as the address for API calls, which is not https. Nothing is sent there."
        )
    return tokens
