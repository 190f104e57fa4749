"""The REST API's resources under /services/data/vNN.N, as plain functions from a Call to an Answer, and the route that serves them.

dispatch.py says how a call finds its resource. Not here: OAuth, who is calling (gate.py), Bulk jobs, file contents.
"""

from __future__ import annotations

import json

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local_org import access_log
from local_org.org import Org
from local_org.rest import (
    collections,
    composite,
    describe,
    discovery,
    layouts,
    query,
    records,
    replication,
    tooling,
)
from local_org.rest.dispatch import Answer, Call, respond
from local_org.shapes import returned_in

__all__ = [
    "collections",
    "composite",
    "describe",
    "discovery",
    "layouts",
    "query",
    "records",
    "replication",
    "routes",
    "tooling",
]
_JSON = "application/json;charset=UTF-8"
_METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"]


def routes(org: Org) -> list[Route]:
    """Gives the routes of the REST API; `request.state.user_id` says who calls, but for the list of versions."""

    async def serve(request: Request) -> Response:
        body = await request.body()
        return await run_in_threadpool(_serve, org, request, body)

    def versions(request: Request) -> Response:
        return _response(Answer(discovery.versions(org.switches.newest_api_version)))

    return [
        Route("/services/data", versions, methods=["GET"]),
        Route("/services/data/", versions, methods=["GET"]),
        Route("/services/data/v{version}", serve, methods=_METHODS),
        Route("/services/data/v{version}/{path:path}", serve, methods=_METHODS),
    ]


def _serve(org: Org, request: Request, body: bytes) -> Response:
    version, path = request.path_params["version"], request.path_params.get("path", "")
    whole = version if "." in version else f"{version}.0"
    call = Call(
        org, request.state.user_id, whole, request.method, f"/{path}" if path else "",
        dict(request.query_params), dict(request.headers), body,
    )  # fmt: skip
    answer = respond(call)
    access_log.note(returned=returned_in(answer.body))
    return _response(answer)


def _response(answer: Answer) -> Response:
    headers = dict(answer.headers)
    if answer.body is None:
        return Response(status_code=answer.status, headers=headers)
    text = json.dumps(answer.body, ensure_ascii=False, separators=(",", ":"))
    # Half of a surrogate pair has no UTF-8; as an escape it is what JSON says it is.
    content = text.encode(errors="backslashreplace")
    return Response(content, answer.status, headers, media_type=_JSON)
