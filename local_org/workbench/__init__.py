"""The pages with which people play with the org: deals as a rep sees them, what an administrator turns, and the access log.

Belongs here: putting the pages together and where Salesforce's own address of a record leads. Does not: any page. Each module holds
the pages of one subject as plain functions (`PAGES`); site.py is what they share. They are this machine's own tool and lie under
/__local_org__/, so they count as no API call, are in no log, and no fault hits them.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from local_org.errors import not_found
from local_org.ids import to_18
from local_org.workbench import acts, deal, deals, faults, files, log, operator, people, setup
from local_org.workbench.site import PREFIX, Site

__all__ = ["PREFIX", "Site", "routes"]
_MODULES = (people, deals, deal, acts, files, setup, faults, operator, log)


def routes(site: Site) -> list[BaseRoute]:
    """Gives the routes of all pages, of `/` and of `/<id of an opportunity>`; they stand before those of the admin endpoints."""
    pages = [page for module in _MODULES for page in module.PAGES]
    return [
        Route("/", _start, methods=["GET"]),
        Route("/006{rest}", _record, methods=["GET"]),
        Mount(PREFIX, routes=[*site.routes(pages), Route("/{rest:path}", site.nowhere)]),
    ]


def _start(_: Request) -> Response:
    return RedirectResponse(f"{PREFIX}/", status_code=303)


def _record(request: Request) -> Response:
    """Leads from `/006…`, the address that every Salesforce org gives a record, to the deal's page. Raises ApiError 404."""
    record_id = to_18(f"006{request.path_params['rest']}")
    if record_id is None:
        raise not_found()
    return RedirectResponse(f"{PREFIX}/deals/{record_id}", status_code=303)
