"""How a REST call finds its resource: the table of routes that the sibling modules fill, and the call and answer that they exchange.

Resources are plain functions, so that a composite request can run several of them in one transaction. Here is no HTTP (__init__.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local_org.errors import ApiError, not_found
from local_org.freshness import is_known
from local_org.org import Org
from local_org.security import Access


@dataclass(frozen=True)
class Call:
    """One request to a resource; `path` is what follows `/services/data/vNN.N`, decoded."""

    org: Org
    user_id: str
    version: str
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    value: object = None
    """The body of a subrequest, which is parsed already."""

    @property
    def access(self) -> Access:
        """What the caller may do."""
        return self.org.security.of(self.user_id)

    @property
    def base(self) -> str:
        """The path before the resource, e.g. `/services/data/v66.0`."""
        return f"/services/data/v{self.version}"

    def json(self) -> Any:
        """Returns the parsed body; raises ApiError 400 JSON_PARSER_ERROR, or 415 for another media type."""
        if self.value is not None:
            return self.value
        kind = self.headers.get("content-type", "application/json")
        if not kind.lower().startswith("application/json"):
            raise ApiError(
                415,
                "UNSUPPORTED_MEDIA_TYPE",
                "The content type of the request is not supported for this resource",
            )
        try:
            return json.loads(self.body)
        except ValueError as error:
            place = (
                f"[line:{error.lineno}, column:{error.colno}]"
                if isinstance(error, json.JSONDecodeError)
                else "[line:1, column:1]"
            )
            raise ApiError(
                400, "JSON_PARSER_ERROR", f"Unexpected character or end of input at {place}"
            ) from None


@dataclass(frozen=True)
class Answer:
    """What a resource answers; a None body is an empty one."""

    body: object = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def described(call: Call, body: object) -> Answer:
    """Answers with a description of the org, or 304 without a body when the caller has it already."""
    headers = call.org.freshness.headers(f"{call.user_id} {call.version} {call.path.lower()}", body)
    return Answer(None, 304, headers) if is_known(call.headers, headers) else Answer(body, 200, headers)


Handler = Callable[..., Answer]
_ROUTES: dict[str, tuple[re.Pattern[str], dict[str, Handler]]] = {}


def resource(method: str, template: str) -> Callable[[Handler], Handler]:
    """Registers a function for a method and a path such as `/sobjects/{sobject}/describe`; it takes the Call and the path's parts."""
    pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template), re.IGNORECASE)

    def register(handler: Handler) -> Handler:
        _ROUTES.setdefault(template, (pattern, {}))[1][method] = handler
        return handler

    return register


def _find(path: str) -> tuple[dict[str, Handler], dict[str, str]]:
    """Returns the handlers of a path; where two templates fit, the one with fewer open parts wins."""
    for template in sorted(_ROUTES, key=lambda each: each.count("{")):
        pattern, handlers = _ROUTES[template]
        match = pattern.fullmatch(path)
        if match:
            return handlers, match.groupdict()
    raise not_found()


def respond(call: Call) -> Answer:
    """Runs the resource of a call; a refusal comes back as an answer with the usual body."""
    try:
        handlers, parts = _find(call.path.rstrip("/"))
        handler = handlers.get("GET" if call.method == "HEAD" else call.method)
        if handler is None:
            allowed = ",".join((["HEAD"] if "GET" in handlers else []) + list(handlers))
            raise ApiError(
                405, "METHOD_NOT_ALLOWED", f"HTTP Method '{call.method}' not allowed. Allowed are {allowed}"
            )
        return handler(call, **parts)
    except ApiError as refusal:
        return Answer(refusal.body(), refusal.status)
