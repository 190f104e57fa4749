"""What all pages share: who asks and from where, forms that cannot be forged, how a page is rendered, what a refusal looks like.

Belongs here: the way of a request to a page's function and back. Does not: any page.
A page is a plain function of the site and the visit; it runs in a thread, so it may ask the store.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from local_org.access_log import AccessLog
from local_org.errors import ApiError
from local_org.faults import Faults
from local_org.org import Org
from local_org.registration import Registration
from local_org.tokens import Tokens
from local_org.workbench import formats
from local_org.workbench.person import Person
from local_org.workbench.sessions import Session, Sessions

PREFIX = "/__local_org__/workbench"
TEMPLATES = Path(__file__).parents[1] / "templates"
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'; img-src data:; form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
NAVIGATION = (
    ("Home", "/"),
    ("Deals", "/deals"),
    ("Permissions", "/permissions"),
    ("Layouts", "/layouts"),
    ("Faults", "/faults"),
    ("Clock and switches", "/operator"),
    ("Access log", "/log"),
)


class NobodyChosenError(Exception):
    """A page needs to know as whom to look, and nobody was chosen yet."""


@dataclass
class Visit:
    """One request to a page. `form` holds the texts of a posted form, `uploads` its files."""

    request: Request
    session: Session
    form: Mapping[str, str] = field(default_factory=dict)
    uploads: Mapping[str, UploadFile] = field(default_factory=dict)

    @property
    def asked(self) -> Mapping[str, str]:
        """The parameters of the address."""
        return self.request.query_params

    def part(self, name: str) -> str:
        """Gives a part of the path."""
        return str(self.request.path_params[name])

    def say(self, text: str, *, good: bool = True) -> None:
        """Leaves a message for the next page."""
        self.session.messages.append((good, text))


Page = Callable[["Site", Visit], Response]
Pages = Iterable[tuple[str, str, Page]]


@dataclass(frozen=True)
class Site:
    """The pages of one org, and what they show and turn."""

    org: Org
    registration: Registration
    tokens: Tokens
    log: AccessLog
    faults: Faults
    sessions: Sessions
    templates: Environment

    @classmethod
    def of(cls, org: Org, registration: Registration, tokens: Tokens, log: AccessLog, faults: Faults) -> Site:
        """Makes the site of an org."""
        loader = FileSystemLoader(TEMPLATES)
        templates = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
        templates.filters.update(formats.FILTERS)
        return cls(org, registration, tokens, log, faults, Sessions(org.org_id), templates)

    def routes(self, pages: Pages) -> list[Route]:
        """Gives the routes of the pages `(method, path, function)`, each behind the guard."""
        return [Route(path, self._guarded(page), methods=[method]) for method, path, page in pages]

    def person(self, visit: Visit) -> Person:
        """Gives whom the visitor plays. Raises NobodyChosenError, also when that user was deactivated meanwhile."""
        found = self._player(visit)
        if found is None:
            raise NobodyChosenError
        return Person(self.org, str(found["Id"]))

    def administrator(self) -> str:
        """Gives the user in whose name settings are changed: the first active administrator, else the platform itself."""
        rows = self.org.store.select(
            "select u.Id from User u join Profile p on p.Id = u.ProfileId where p.Name = 'System Administrator' and u.IsActive = 1"
            " order by u.Id limit 1"
        )
        return str(rows[0][0]) if rows else self.org.system_user_id

    def page(self, visit: Visit, template: str, status: int = 200, **values: object) -> Response:
        """Renders a page."""
        path = visit.request.url.path.removeprefix(PREFIX)
        here = max((each for _, each in NAVIGATION if path.startswith(each)), key=len, default="")
        shared = {
            "prefix": PREFIX,
            "navigation": NAVIGATION,
            "here": here if here != "/" or path == "/" else "",
            "player": self._player(visit),
            "csrf": self.sessions.token(visit.session),
            "messages": visit.session.take_messages(),
            "now": self.org.clock.now(),
        }
        text = self.templates.get_template(f"workbench/{template}").render(shared | values)
        return HTMLResponse(text, status_code=status)

    def go(self, path: str, **query: str) -> Response:
        """Leads to another page."""
        question = f"?{urlencode(query)}" if query else ""
        return RedirectResponse(f"{PREFIX}{path}{question}", status_code=303)

    async def nowhere(self, request: Request) -> Response:
        """Says that there is no such page."""
        return await self._guarded(lambda site, visit: site.problem(visit, 404, "There is no such page."))(
            request
        )

    def problem(self, visit: Visit, status: int, text: str) -> Response:
        """Says why a page cannot be shown."""
        return self.page(visit, "problem.html", status, text=text)

    def _player(self, visit: Visit) -> dict[str, object] | None:
        if visit.session.user_id is None:
            return None
        user = self.org.store.get("User", visit.session.user_id)
        return user if user is not None and user["IsActive"] else None

    def _guarded(self, page: Page) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            if request.client is None or not ipaddress.ip_address(request.client.host).is_loopback:
                return Response("The pages of the local org answer this machine alone.", status_code=403)
            known = self.sessions.find(request.cookies.get(self.sessions.cookie, ""))
            visit = Visit(request, known or self.sessions.begin())
            if request.method == "POST":
                # Leaving the block closes the uploads.
                async with request.form() as form:
                    visit.form = {name: value for name, value in form.items() if isinstance(value, str)}
                    visit.uploads = {
                        name: value for name, value in form.items() if isinstance(value, UploadFile)
                    }
                    answer = await run_in_threadpool(self._answer, page, visit)
            else:
                answer = await run_in_threadpool(self._answer, page, visit)
            if known is None or known is not visit.session:
                answer.set_cookie(
                    self.sessions.cookie, visit.session.sid, path=PREFIX, secure=True, httponly=True, samesite="lax"
                )  # fmt: skip
            for name, value in HEADERS.items():
                answer.headers.setdefault(name, value)
            return answer

        return guarded

    def _answer(self, page: Page, visit: Visit) -> Response:
        if visit.request.method == "POST" and not self.sessions.is_token(
            visit.session, visit.form.get("csrf", "")
        ):
            text = "This form was not opened in this browser session, or the org was started again since. Go back, reload, and repeat."
            return self.problem(visit, 403, text)
        try:
            return page(self, visit)
        except NobodyChosenError:
            visit.say("Choose whom to play first: the page shows what that person sees.", good=False)
            return self.go("/people", next=visit.request.url.path)
        except ApiError as refusal:
            return self.problem(visit, refusal.status, said(refusal))


def said(refusal: ApiError) -> str:
    """Gives a refusal as the API words it."""
    return f"{refusal.code}: {refusal.message}"
