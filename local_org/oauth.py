"""The OAuth 2.0 endpoints of the local org: token, revoke, introspect, userinfo, the identity URL and OpenID discovery.

Belongs here: HTTP in and out of these endpoints, client authentication, the exact refusals. Does not: validity of tokens (tokens.py),
the authorize, login and consent pages (pages.py).
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import unquote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from local_org.jwt_bearer import GRANT_TYPE, user_of_assertion
from local_org.org import Org
from local_org.registration import Registration
from local_org.tokens import AccessToken, Issued, OAuthError, Tokens

NEVER_CACHED = {"Cache-Control": "no-store", "Pragma": "no-cache"}
SCOPES = (
    "api",
    "refresh_token",
    "offline_access",
    "id",
    "profile",
    "email",
    "address",
    "phone",
    "web",
    "full",
)
Answer = Callable[["OAuth", Mapping[str, str]], dict[str, object]]


class OAuth:
    """The endpoints over one org's tokens and its one connected app."""

    def __init__(self, org: Org, registration: Registration, tokens: Tokens) -> None:
        """Holds what the endpoints answer from."""
        self.org = org
        self.registration = registration
        self.tokens = tokens

    def routes(self) -> list[Route]:
        """Gives the routes of the endpoints."""
        return [
            Route("/services/oauth2/token", self._form_endpoint(answer_token), methods=["POST"]),
            Route("/services/oauth2/introspect", self._form_endpoint(answer_introspect), methods=["POST"]),
            Route("/services/oauth2/revoke", self.revoke, methods=["GET", "POST"]),
            Route("/services/oauth2/userinfo", self.userinfo, methods=["GET", "POST"]),
            Route("/id/{organization_id}/{user_id}", self.identity, methods=["GET", "POST"]),
            Route("/.well-known/openid-configuration", self.discovery, methods=["GET"]),
        ]

    def _form_endpoint(self, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            form = await form_values(request)
            try:
                return JSONResponse(await run_in_threadpool(answer, self, form), headers=NEVER_CACHED)
            except OAuthError as refusal:
                body = {"error": refusal.error, "error_description": refusal.description}
                return JSONResponse(body, status_code=refusal.status, headers=NEVER_CACHED)

        return endpoint

    async def revoke(self, request: Request) -> Response:
        """Ends the token named in form or query: 200 without a body, or 400 `unsupported_token_type`."""
        token = (await form_values(request)).get("token") or request.query_params.get("token", "")
        if await run_in_threadpool(self.tokens.revoke, token):
            return Response(status_code=200, headers=NEVER_CACHED)
        body = {"error": "unsupported_token_type", "error_description": "this token type is not supported"}
        return JSONResponse(body, status_code=400, headers=NEVER_CACHED)

    def userinfo(self, request: Request) -> Response:
        """Answers who the bearer is, in OpenID's words."""
        found = self._bearer(request)
        return _bad_token() if found is None else JSONResponse(self._userinfo(found.user_id))

    def identity(self, request: Request) -> Response:
        """Answers who the bearer is, in Salesforce's own words."""
        found = self._bearer(request)
        asked = (request.path_params["organization_id"][:15], request.path_params["user_id"][:15])
        if found is None or asked != (self.org.org_id[:15], found.user_id[:15]):
            return _bad_token()
        return JSONResponse(self._identity(found.user_id))

    def discovery(self, request: Request) -> Response:
        """Answers the OpenID Connect discovery document."""
        base = self.registration.base_url
        endpoints = {name: f"{base}/services/oauth2/{path}" for name, path in _ENDPOINTS.items()}
        return JSONResponse({"issuer": base, **endpoints, **_CAPABILITIES})

    def identity_url(self, user_id: str) -> str:
        """Gives the URL that names the user in token answers and as `sub`."""
        return f"{self.registration.base_url}/id/{self.org.org_id}/{user_id}"

    def _bearer(self, request: Request) -> AccessToken | None:
        found = self.tokens.find(bearer(request))
        return found if found is not None and self.org.user(found.user_id)["IsActive"] else None

    def _urls(self) -> dict[str, str]:
        base = self.registration.base_url
        data = f"{base}/services/data/v{{version}}/"
        return {
            "enterprise": f"{base}/services/Soap/c/{{version}}/{self.org.org_id[:15]}",
            "partner": f"{base}/services/Soap/u/{{version}}/{self.org.org_id[:15]}",
            "rest": data,
            "sobjects": f"{data}sobjects/",
            "search": f"{data}search/",
            "query": f"{data}query/",
            "recent": f"{data}recent/",
            "custom_domain": base,
        }

    def _userinfo(self, user_id: str) -> dict[str, object]:
        user = self.org.user(user_id)
        return {
            "sub": self.identity_url(user_id),
            "user_id": user_id,
            "organization_id": self.org.org_id,
            "preferred_username": user["Username"],
            "nickname": user.get("CommunityNickname"),
            "name": user["Name"],
            "email": user.get("Email"),
            "email_verified": True,
            "given_name": user.get("FirstName"),
            "family_name": user.get("LastName"),
            "zoneinfo": user.get("TimeZoneSidKey"),
            "photos": {},
            "profile": f"{self.registration.base_url}/{user_id}",
            "picture": None,
            "address": {},
            "is_salesforce_integration_user": False,
            "urls": self._urls(),
            "active": bool(user["IsActive"]),
            "user_type": "STANDARD",
            "language": user.get("LanguageLocaleKey"),
            "locale": user.get("LocaleSidKey"),
            "utcOffset": 0,
            "updated_at": str(user["SystemModstamp"]).replace(".000Z", "Z"),
        }

    def _identity(self, user_id: str) -> dict[str, object]:
        user = self.org.user(user_id)
        return {
            "id": self.identity_url(user_id),
            "asserted_user": True,
            "user_id": user_id,
            "organization_id": self.org.org_id,
            "username": user["Username"],
            "nick_name": user.get("CommunityNickname"),
            "display_name": user["Name"],
            "email": user.get("Email"),
            "photos": {},
            "urls": self._urls(),
            "active": bool(user["IsActive"]),
            "user_type": "STANDARD",
            "language": user.get("LanguageLocaleKey"),
            "locale": user.get("LocaleSidKey"),
        }


_ENDPOINTS = {
    "authorization_endpoint": "authorize",
    "token_endpoint": "token",
    "revocation_endpoint": "revoke",
    "introspection_endpoint": "introspect",
    "userinfo_endpoint": "userinfo",
}
_CAPABILITIES: dict[str, object] = {
    "scopes_supported": list(SCOPES),
    "response_types_supported": ["code"],
    "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials", GRANT_TYPE],
    "code_challenge_methods_supported": ["S256"],
    "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
}


def answer_token(oauth: OAuth, form: Mapping[str, str]) -> dict[str, object]:
    """Answers the token endpoint: the grant that `grant_type` names. Raises OAuthError."""
    grant = _GRANTS.get(form.get("grant_type", ""))
    if grant is None:
        raise OAuthError("unsupported_grant_type", "grant type not supported")
    issued = grant(oauth, form)
    return _token_answer(oauth, issued)


def answer_introspect(oauth: OAuth, form: Mapping[str, str]) -> dict[str, object]:
    """Answers what a token of this app is worth; anything else is just not active. Raises OAuthError for a wrong client."""
    _authenticate_client(oauth, form)
    found = oauth.tokens.find(form.get("token", ""))
    if found is None:
        return {"active": False}
    return {
        "active": True,
        "scope": found.scope,
        "client_id": found.client_id,
        "username": oauth.org.user(found.user_id)["Username"],
        "sub": oauth.identity_url(found.user_id),
        "token_type": "access_token",
        "exp": int(found.expires_at),
        "iat": int(found.issued_at),
        "nbf": int(found.issued_at),
    }


def _authorization_code(oauth: OAuth, form: Mapping[str, str]) -> Issued:
    _authenticate_client(oauth, form)
    missing = [name for name in ("code", "redirect_uri") if not form.get(name)]
    if missing:
        raise OAuthError("invalid_request", f"missing required {missing[0]}")
    verifier = form.get("code_verifier", "")
    return oauth.tokens.redeem_code(form["code"], form["client_id"], form["redirect_uri"], verifier)


def _refresh_token(oauth: OAuth, form: Mapping[str, str]) -> Issued:
    _authenticate_client(oauth, form)
    token = form.get("refresh_token", "")
    user_id = oauth.tokens.owner_of_refresh_token(token)
    if user_id is not None and not oauth.org.user(user_id)["IsActive"]:
        raise OAuthError("invalid_grant", "inactive user")
    return oauth.tokens.refresh(token, form["client_id"])


def _client_credentials(oauth: OAuth, form: Mapping[str, str]) -> Issued:
    _authenticate_client(oauth, form)
    username = oauth.org.switches.client_credentials_username
    user = oauth.org.user_by_username(username) if username else None
    if user is None:
        raise OAuthError("invalid_grant", "no client credentials user enabled")
    return oauth.tokens.issue_without_grant(form["client_id"], str(user["Id"]), "api")


def _jwt_bearer(oauth: OAuth, form: Mapping[str, str]) -> Issued:
    user_id = user_of_assertion(oauth.org, oauth.registration, oauth.tokens, form.get("assertion", ""))
    return oauth.tokens.issue_without_grant(oauth.registration.client_id, user_id, "api")


_GRANTS: dict[str, Callable[[OAuth, Mapping[str, str]], Issued]] = {
    "authorization_code": _authorization_code,
    "refresh_token": _refresh_token,
    "client_credentials": _client_credentials,
    GRANT_TYPE: _jwt_bearer,
}


def _authenticate_client(oauth: OAuth, form: Mapping[str, str]) -> None:
    """The app is confidential: its secret is required beside the PKCE verifier, never instead of it."""
    if form.get("client_id") != oauth.registration.client_id:
        raise OAuthError("invalid_client_id", "client identifier invalid")
    if not hmac.compare_digest(
        form.get("client_secret", "").encode(), oauth.registration.client_secret.encode()
    ):
        raise OAuthError("invalid_client", "invalid client credentials")


def _token_answer(oauth: OAuth, issued: Issued) -> dict[str, object]:
    identity, issued_at = oauth.identity_url(issued.user_id), str(int(issued.issued_at * 1000))
    mac = hmac.new(oauth.registration.client_secret.encode(), (identity + issued_at).encode(), hashlib.sha256)
    answer: dict[str, object] = {"access_token": issued.access_token}
    if issued.refresh_token is not None:
        answer["refresh_token"] = issued.refresh_token
    return answer | {
        "signature": base64.b64encode(mac.digest()).decode(),
        "scope": issued.scope,
        "instance_url": oauth.registration.base_url,
        "id": identity,
        "token_type": "Bearer",
        "issued_at": issued_at,
    }


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


def _bad_token() -> Response:
    return PlainTextResponse("Bad_OAuth_Token", status_code=403)
