"""The OAuth 2.0 endpoints of the local org: token, revoke, introspect, userinfo, the identity URL, OpenID discovery and keys.

Belongs here: HTTP in and out of these endpoints. Does not: what earns a token (grants.py), its validity (tokens.py), who somebody is
(identity.py), the authorize, login and consent pages (pages.py).
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from urllib.parse import unquote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from local_org import grants
from local_org.errors import not_found
from local_org.grants import Asked, Endpoint
from local_org.hosts import Host, host_of
from local_org.identity import Identity
from local_org.org import Org
from local_org.registration import Registration
from local_org.tokens import AccessToken, Issued, OAuthError, Tokens

NEVER_CACHED = {"Cache-Control": "no-store", "Pragma": "no-cache"}
Answer = Callable[[Asked, Request], dict[str, object]]


class OAuth:
    """The endpoints over one org's tokens and its one connected app."""

    def __init__(self, org: Org, registration: Registration, tokens: Tokens) -> None:
        """Holds what the endpoints answer from."""
        self.org = org
        self.registration = registration
        self.tokens = tokens
        self.who = Identity(org, registration)
        self._endpoint = Endpoint(org, registration, tokens)

    def routes(self) -> list[Route]:
        """Gives the routes of the endpoints."""
        return [
            Route("/services/oauth2/token", self._form_endpoint(self._token), methods=["POST"]),
            Route("/services/oauth2/introspect", self._form_endpoint(self._introspect), methods=["POST"]),
            Route("/services/oauth2/revoke", self.revoke, methods=["GET", "POST"]),
            Route("/services/oauth2/userinfo", self.userinfo, methods=["GET", "POST"]),
            Route("/id/keys", self.keys, methods=["GET"]),
            Route("/id/{organization_id}/{user_id}", self.identity, methods=["GET", "POST"]),
            Route("/.well-known/openid-configuration", self.discovery, methods=["GET"]),
        ]

    def _form_endpoint(self, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            form = await form_values(request)
            address = request.client.host if request.client else ""
            asked = Asked(form, host_of(self.org, request.headers.get("host", "")), address)
            try:
                body = await run_in_threadpool(answer, asked, request)
                return JSONResponse(body, headers=NEVER_CACHED)
            except OAuthError as refusal:
                text = {"error": refusal.error, "error_description": refusal.description}
                return JSONResponse(text, status_code=refusal.status, headers=NEVER_CACHED)

        return endpoint

    def _token(self, asked: Asked, request: Request) -> dict[str, object]:
        if asked.host is Host.SETUP:
            raise not_found()
        issued = grants.issue(self._endpoint, asked)
        return self._token_answer(issued, self._origin(request))

    def _token_answer(self, issued: Issued, origin: str) -> dict[str, object]:
        identity, issued_at = self.who.url(issued.user_id), str(int(issued.issued_at * 1000))
        secret = self.registration.client_secret.encode()
        mac = hmac.new(secret, (identity + issued_at).encode(), hashlib.sha256)
        answer: dict[str, object] = {"access_token": issued.access_token}
        if issued.refresh_token is not None:
            answer["refresh_token"] = issued.refresh_token
        if "openid" in issued.scope.split():
            answer["id_token"] = self.who.id_token(issued, origin)
        return answer | {
            "signature": base64.b64encode(mac.digest()).decode(),
            "scope": issued.scope,
            "instance_url": self.registration.base_url,
            "id": identity,
            "token_type": "Bearer",
            "issued_at": issued_at,
        }

    def _introspect(self, asked: Asked, _: Request) -> dict[str, object]:
        """Answers what a token of this app is worth; anything else is just not active. Raises OAuthError for a wrong client."""
        grants.authenticate_client(self._endpoint, asked.form)
        found = self.tokens.find(asked.form.get("token", ""))
        if found is None or found.client_id != asked.form["client_id"]:
            return {"active": False}
        return {
            "active": True,
            "scope": found.scope,
            "client_id": found.client_id,
            "username": self.org.user(found.user_id)["Username"],
            "sub": self.who.url(found.user_id),
            "token_type": "access_token",
            "exp": int(found.expires_at),
            "iat": int(found.issued_at),
            "nbf": int(found.issued_at),
        }

    async def revoke(self, request: Request) -> Response:
        """Ends the token named in form or query: 200 without a body, also for the unknown where the switch says so."""
        token = (await form_values(request)).get("token") or request.query_params.get("token", "")
        status = self.org.switches.revoke_unknown_token_status
        if await run_in_threadpool(self.tokens.revoke, token) or status == 200:
            return Response(status_code=200, headers=NEVER_CACHED)
        body = {"error": "unsupported_token_type", "error_description": "this token type is not supported"}
        return JSONResponse(body, status_code=status, headers=NEVER_CACHED)

    def userinfo(self, request: Request) -> Response:
        """Answers who the bearer is, in OpenID's words."""
        found = self._bearer(request)
        return self._bad_token() if found is None else JSONResponse(self.who.userinfo(found.user_id))

    def identity(self, request: Request) -> Response:
        """Answers who the bearer is, in Salesforce's own words."""
        found = self._bearer(request)
        asked = (request.path_params["organization_id"][:15], request.path_params["user_id"][:15])
        if found is None or asked != (self.org.org_id[:15], found.user_id[:15]):
            return self._bad_token()
        return JSONResponse(self.who.identity(found.user_id))

    def discovery(self, request: Request) -> Response:
        """Answers the OpenID Connect discovery document."""
        return JSONResponse(self.who.discovery(self._origin(request)))

    def keys(self, request: Request) -> Response:
        """Answers the keys of id_tokens."""
        return JSONResponse(self.who.keys())

    def _origin(self, request: Request) -> str:
        """Gives the origin as whose issuer this request is answered: the shared log-in host that was asked, else the My Domain."""
        host = request.headers.get("host", "")
        is_shared = host_of(self.org, host) in (Host.LOGIN, Host.OTHER_ENVIRONMENT)
        return f"https://{host}" if is_shared else self.registration.base_url

    def _bearer(self, request: Request) -> AccessToken | None:
        if host_of(self.org, request.headers.get("host", "")) is Host.OTHER_ENVIRONMENT:
            return None
        found = self.tokens.find(bearer(request))
        return found if found is not None and self.org.user(found.user_id)["IsActive"] else None

    def _bad_token(self) -> Response:
        return PlainTextResponse("Bad_OAuth_Token", status_code=self.org.switches.bad_identity_token_status)


async def form_values(request: Request) -> dict[str, str]:
    """Reads a form-encoded body; client id and secret of an Authorization: Basic header count as part of it."""
    values = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            client_id, _, secret = base64.b64decode(encoded).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return values
        values.setdefault("client_id", unquote(client_id))
        values.setdefault("client_secret", unquote(secret))
    return values


def bearer(request: Request) -> str:
    """Gives the token of the Authorization header, `Bearer` or the older `OAuth`; empty when there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() in {"bearer", "oauth"} else ""
