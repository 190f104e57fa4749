"""Dagster's webserver with the Data Docs of Great Expectations under its own address; takes the options of `dagster-webserver`.

No browser follows a file:// link from the UI. Below the UI's own address the pages can be reached from wherever the UI can be, through
the same proxy and its login. Started as `python -m orchestration.cli.webserver`; a bare `dagster-webserver` has no such pages.
"""

from __future__ import annotations

from typing import Any

from dagster_webserver import cli
from dagster_webserver.app import create_app_from_workspace_process_context
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from orchestration.checks.expectations import PAGES
from orchestration.settings import load_settings


class _Sandboxed(StaticFiles):
    """Pages that name scripts of other hosts: sandboxed, they have no say in the UI, whose address they share."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Content-Security-Policy"] = "sandbox allow-scripts allow-popups"
        response.headers["Cache-Control"] = "no-cache"  # the night's pages take the place of those before
        return response


def with_data_docs(*given: Any, **options: Any) -> Starlette:
    """Dagster's application with the pages before its own routes, the last of which takes every path."""
    app = create_app_from_workspace_process_context(*given, **options)
    directory = load_settings().data_docs
    directory.mkdir(parents=True, exist_ok=True)
    app.router.routes.insert(0, Mount(PAGES, _Sandboxed(directory=directory, html=True)))
    return app


if __name__ == "__main__":
    # The command makes its application by this name; all that it reads and starts besides stays Dagster's.
    cli.create_app_from_workspace_process_context = with_data_docs  # type: ignore[attr-defined]
    cli.main()  # type: ignore[no-untyped-call]
