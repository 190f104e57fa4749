"""The whole org as one ASGI application: every route, the gate before them, and how errors look.

Belongs here: putting the parts together. Does not: any behaviour of a part.
"""

import contextlib
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from local_org import rest, workbench
from local_org.access_log import AccessLog
from local_org.admin import Admin
from local_org.admin_faults import FaultEndpoints
from local_org.bulk import Bulk
from local_org.bulk_jobs import Jobs
from local_org.connected_app import reflect
from local_org.errors import ApiError, not_found
from local_org.faults import FaultMiddleware, Faults, Surroundings
from local_org.faults.wire import Parking
from local_org.file_routes import FileRoutes
from local_org.gate import Gate
from local_org.header_names import HeaderNames
from local_org.oauth import OAuth
from local_org.org import Org
from local_org.pages import Pages
from local_org.registration import registration_of
from local_org.soap_login import SoapLogin
from local_org.tokens import Tokens

_JSON = "application/json;charset=UTF-8"


def build_app(org: Org, faults: Faults) -> ASGIApp:
    """Gives the application of an org that is registered (`org.json`); ending it stops the jobs and closes the org.

    `faults` are those at work from the first request on.
    """
    registration = registration_of(org.directory)
    tokens = Tokens(org.store, org.clock, org.switches, org.org_id)
    for sobject in ("connectedapplication", "oauthtoken"):
        org.before_query[sobject] = lambda _: reflect(org, tokens)
    log, jobs, parking = AccessLog(org), Jobs(org), Parking()
    of = Surroundings(org, tokens, jobs, faults)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        parking.close()
        jobs.close()
        org.close()

    oauth = OAuth(org, registration, tokens)
    org.identity_url = oauth.who.url
    routes: list[BaseRoute] = [
        *oauth.routes(),
        *Pages(org, registration, tokens).routes(),
        *SoapLogin(org, registration, tokens).routes(),
        *Bulk(org, jobs).routes(),
        *FileRoutes(org).routes(),
        *rest.routes(org),
        *workbench.routes(workbench.Site.of(org, registration, tokens, log, faults)),
        Admin(org, tokens, log, FaultEndpoints(faults, parking)).mount(),
    ]
    handlers = {ApiError: _api_error, 404: _not_found, 405: _not_allowed, Exception: _unexpected}
    app = Starlette(routes=routes, exception_handlers=handlers, lifespan=lifespan)
    # The log counts bytes before compression; a fault may hit the compressed answer.
    zipped = _zipping(Gate(app, org, tokens, log), org)
    return HeaderNames(FaultMiddleware(zipped, of, parking))


def _zipping(app: ASGIApp, org: Org) -> ASGIApp:
    """Compresses for whoever accepts it, except results of Bulk jobs where a switch says so."""
    zipped = GZipMiddleware(app, minimum_size=1_000, compresslevel=1)

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        is_result = scope["type"] == "http" and scope["path"].endswith("/results")
        await (app if is_result and not org.switches.bulk_gzip else zipped)(scope, receive, send)

    return serve


async def _api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return JSONResponse(error.body(), status_code=error.status, headers={"content-type": _JSON})


async def _not_found(request: Request, error: Exception) -> Response:
    return await _api_error(request, not_found())


async def _not_allowed(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    # In the order in which Salesforce lists them: HEAD, GET, then the rest.
    allowed = (error.headers or {}).get("Allow", "").replace(" ", "").split(",")
    listed = ",".join(sorted(filter(None, allowed), key=lambda each: (each != "HEAD", each != "GET", each)))
    message = f"HTTP Method '{request.method}' not allowed. Allowed are {listed}"
    return await _api_error(request, ApiError(405, "METHOD_NOT_ALLOWED", message))


async def _unexpected(request: Request, error: Exception) -> Response:
    return await _api_error(
        request, ApiError(500, "UNKNOWN_EXCEPTION", "An unexpected error occurred inside the local org")
    )
