"""The pages that a person sees while connecting: log in, approve, and why it cannot be.

Belongs here: the authorize endpoint, login and consent, and their browser session. Does not: what a code is worth (tokens.py).
The forms are plain HTML without script, so that a test without a browser can fill them in: post the hidden fields back with the answers.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

from jinja2 import Environment, FileSystemLoader
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from local_org.connected_app import refusal
from local_org.hosts import Host, host_of
from local_org.identity import SCOPES
from local_org.oauth import form_values
from local_org.org import Org
from local_org.registration import Registration
from local_org.tokens import Approval, OAuthError, Tokens

AUTHORIZE = "/services/oauth2/authorize"
COOKIE = "sid"
SESSION_SECONDS = 7_200.0
SAFE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}
SCOPE_WORDS = {
    "api": "Read and change the data that you can see and change, over the APIs",
    "web": "Open your org's pages in a browser",
    "full": "Everything that you can do yourself",
    "refresh_token": "Do this at any time, also while you are away",
    "offline_access": "Do this at any time, also while you are away",
    "openid": "See who you are",
    "id": "See who you are",
    "profile": "See your name and settings",
    "email": "See your e-mail address",
    "address": "See your address",
    "phone": "See your phone number",
}

_GENERIC = "An unexpected error has occurred during authentication. Please try again."


@dataclass(frozen=True)
class Asked:
    """An authorization request that may be answered on the client's redirect URI."""

    redirect_uri: str
    state: str | None
    scope: str
    code_challenge: str
    prompt: frozenset[str]
    login_hint: str
    nonce: str

    def back(self, answer: Mapping[str, str]) -> Response:
        """Sends the browser back to the client with `answer` and the client's own state."""
        parameters = dict(answer) if self.state is None else {**answer, "state": self.state}
        joint = "&" if urlsplit(self.redirect_uri).query else "?"
        return RedirectResponse(
            f"{self.redirect_uri}{joint}{urlencode(parameters)}", status_code=303, headers=SAFE_HEADERS
        )

    def refuse(self, error: OAuthError) -> Response:
        """Sends the browser back to the client with a refusal."""
        return self.back({"error": error.error, "error_description": error.description})


class Pages:
    """Login, consent and the browser sessions of one org."""

    def __init__(self, org: Org, registration: Registration, tokens: Tokens) -> None:
        """Makes the table of browser sessions where it is missing."""
        self.org = org
        self.registration = registration
        self.tokens = tokens
        loader = FileSystemLoader(Path(__file__).parent / "templates")
        self._templates = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
        org.store.execute(
            "create table if not exists _browser_session (digest text primary key, user_id text not null, started_at real not null)"
        )

    def routes(self) -> list[Route]:
        """Gives the routes of the pages."""
        return [
            Route(AUTHORIZE, self.authorize, methods=["GET"]),
            Route("/services/oauth2/approve", self.approve, methods=["POST"]),
            Route("/login", self.login_page, methods=["GET"]),
            Route("/login", self.login, methods=["POST"]),
            Route("/logout", self.logout, methods=["POST"]),
        ]

    def authorize(self, request: Request) -> Response:
        """Leads from the client's request to its answer, by way of login and consent where these are needed."""
        query = dict(request.query_params)
        read = self._read(query)
        if isinstance(read, Response):
            return read
        asked, scope = read
        user = self._user_of(request)
        if user is None or "login" in asked.prompt:
            # prompt=login is spent by showing the login page; left in place it would ask for ever.
            query["prompt"] = " ".join(asked.prompt - {"login"})
            start = f"{AUTHORIZE}?{urlencode(query)}"
            return RedirectResponse(
                f"/login?{urlencode({'startURL': start, 'un': asked.login_hint})}", status_code=303
            )
        if "consent" not in asked.prompt and self.tokens.has_approved(
            query["client_id"], str(user["Id"]), scope
        ):
            return self._grant(asked, scope, user)
        lines = list(dict.fromkeys(SCOPE_WORDS[name] for name in scope.split()))
        return self._page(
            "consent.html",
            user=user,
            scopes=lines,
            request_text=urlencode(query),
            csrf=_csrf(request.cookies[COOKIE]),
            start=f"{AUTHORIZE}?{urlencode(query)}",
        )

    async def approve(self, request: Request) -> Response:
        """Takes the answer of the consent page: a code on Allow, `access_denied` on Deny."""
        form = await form_values(request)
        return await run_in_threadpool(self._decide, request, form)

    def _decide(self, request: Request, form: Mapping[str, str]) -> Response:
        query = dict(parse_qsl(form.get("request", ""), keep_blank_values=True))
        user = self._user_of(request)
        expected = _csrf(request.cookies.get(COOKIE, ""))
        if user is None or not hmac.compare_digest(form.get("csrf", "").encode(), expected.encode()):
            text = "This page was not opened in this browser session, or the session ended. Start again from the application."
            return self._page("error.html", status=403, error="session ended", description=text)
        read = self._read(query)
        if isinstance(read, Response):
            return read
        asked, scope = read
        if form.get("decision") != "allow":
            return asked.refuse(OAuthError("access_denied", "end-user denied authorization"))
        return self._grant(asked, scope, user)

    def login_page(self, request: Request) -> Response:
        """Shows the form for username and password."""
        parameters = request.query_params
        return self._page(
            "login.html",
            start=parameters.get("startURL", ""),
            username=parameters.get("un", ""),
            failed=False,
        )

    async def login(self, request: Request) -> Response:
        """Checks username and password, starts a browser session, and goes on where the person was going."""
        form = await form_values(request)
        username = form.get("username", "").strip()
        user = await run_in_threadpool(self.org.user_by_username, username)
        right = hmac.compare_digest(form.get("password", "").encode(), self.registration.password.encode())
        start = _local_path(form.get("startURL", ""))
        # The log-in host of the other environment knows nobody of this org.
        stranger = host_of(self.org, request.headers.get("host", "")) is Host.OTHER_ENVIRONMENT
        if user is None or not user["IsActive"] or not right or stranger:
            return self._page("login.html", status=401, start=start, username=username, failed=True)
        sid = secrets.token_urlsafe(32)
        started = self.org.clock.now().timestamp()
        row = (_digest(sid), str(user["Id"]), started)
        await run_in_threadpool(self.org.store.execute, "insert into _browser_session values (?, ?, ?)", row)
        answer = (
            RedirectResponse(start, status_code=303, headers=SAFE_HEADERS)
            if start
            else self._page("home.html", user=user)
        )
        answer.set_cookie(COOKIE, sid, secure=True, httponly=True, samesite="lax")
        return answer

    async def logout(self, request: Request) -> Response:
        """Ends the browser session and shows the login page, which goes on where the person was."""
        start = _local_path((await form_values(request)).get("startURL", ""))
        row = (_digest(request.cookies.get(COOKIE, "")),)
        await run_in_threadpool(self.org.store.execute, "delete from _browser_session where digest = ?", row)
        answer = RedirectResponse(
            f"/login?{urlencode({'startURL': start})}", status_code=303, headers=SAFE_HEADERS
        )
        answer.delete_cookie(COOKIE)
        return answer

    def _read(self, query: Mapping[str, str]) -> tuple[Asked, str] | Response:
        """Gives a request and its scope, or the answer that refuses it: on a page, or on the client's own URI where that is known."""
        try:
            asked = self._asked(query)
        except OAuthError as refusal:
            return self._page("error.html", status=400, error=refusal.error, description=refusal.description)
        try:
            return asked, self._check(query, asked)
        except OAuthError as refusal:
            return asked.refuse(refusal)

    def _asked(self, query: Mapping[str, str]) -> Asked:
        """Reads a request whose client and redirect URI are known. Raises OAuthError where nothing may be sent to that URI."""
        if query.get("client_id") != self.registration.client_id:
            raise OAuthError("invalid_client_id", "client identifier invalid")
        redirect_uri = query.get("redirect_uri", "")
        if not self.registration.allows_callback(redirect_uri):
            raise OAuthError("redirect_uri_mismatch", "redirect_uri must match configuration")
        return Asked(
            redirect_uri=redirect_uri,
            state=query.get("state"),
            scope=query.get("scope", "") or "api refresh_token",
            code_challenge=query.get("code_challenge", ""),
            prompt=frozenset(query.get("prompt", "").split()),
            login_hint=query.get("login_hint", ""),
            nonce=query.get("nonce", ""),
        )

    def _check(self, query: Mapping[str, str], asked: Asked) -> str:
        """Gives the scope to ask consent for. Raises OAuthError for what the client is told on its redirect URI."""
        if query.get("response_type") != "code":
            raise OAuthError("unsupported_response_type", "response type not supported")
        if not set(asked.scope.split()) <= set(SCOPES):
            raise OAuthError("invalid_scope", "the requested scope is invalid, unknown, or malformed")
        if not asked.code_challenge and self.org.switches.require_pkce:
            raise OAuthError("invalid_request", "missing required code challenge")
        if query.get("code_challenge_method", "S256") != "S256":
            raise OAuthError("invalid_request", "code challenge method must be S256")
        return " ".join(dict.fromkeys(asked.scope.split()))

    def _grant(self, asked: Asked, scope: str, user: Mapping[str, object]) -> Response:
        refused = refusal(self.org, str(user["Id"]))
        if refused is not None:
            policy, switches = self.org.switches.connected_app_policy, self.org.switches
            if policy == "uninstalled" and switches.uninstalled_app_shows_page:
                return self._page(
                    "error.html", status=400, error="OAUTH_APPROVAL_ERROR_GENERIC", description=_GENERIC
                )
            return asked.refuse(refused)
        client_id = self.registration.client_id
        approval = Approval(
            client_id, str(user["Id"]), asked.redirect_uri, scope, asked.code_challenge, asked.nonce
        )
        return asked.back({"code": self.tokens.issue_code(approval)})

    def _user_of(self, request: Request) -> dict[str, object] | None:
        rows = self.org.store.select(
            "select user_id, started_at from _browser_session where digest = ?",
            (_digest(request.cookies.get(COOKIE, "")),),
        )
        if not rows or self.org.clock.now().timestamp() - float(str(rows[0][1])) > SESSION_SECONDS:
            return None
        user = self.org.user(str(rows[0][0]))
        return user if user["IsActive"] else None

    def _page(self, template: str, status: int = 200, **values: object) -> Response:
        text = self._templates.get_template(template).render(values)
        return HTMLResponse(text, status_code=status, headers=SAFE_HEADERS)


def _local_path(start: str) -> str:
    """Gives `start` if it is a path of this org, else nothing: a login page must not send people elsewhere."""
    return start if start.startswith("/") and not start.startswith(("//", "/\\")) else ""


def _digest(sid: str) -> str:
    return hashlib.sha256(sid.encode()).hexdigest()


def _csrf(sid: str) -> str:
    """Gives the form token of a browser session; who does not know the session's secret cannot compute it."""
    return hashlib.sha256(b"consent form of " + sid.encode()).hexdigest()
