"""The room's org, in a thread of the test process and with a clock that stands, and the workspace that every history uses."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Iterator

import pytest
import requests

import local_org.rest.query
from local_org import demo_data
from local_org.server import serving_in_thread
from orchestration.entitlement.users import FluintUser, import_users
from tests.contract.running_org import RunningOrg
from tests.dbt.conftest import deployed_template
from tests.histories.history import History
from tests.histories.people import People
from tests.histories.workspace import Workspace
from tests.postgres_fixtures import PostgresServer
from tests.salesforce.scripted_org import MemoryStore

__all__ = ["deployed_template"]
_OWNERS = ("rep", "rep_case_differs", "unmatched")


@pytest.fixture(scope="module")
def history(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer, deployed_template: str
) -> Iterator[History]:
    """A workspace and an org of three owners, two of whom can be licensed, made anew by `begin`."""
    name = f"fluint_test_{uuid.uuid4().hex}"
    with (
        pytest.MonkeyPatch.context() as patched,
        serving_in_thread(tmp_path_factory.mktemp("history-org")) as server,
        requests.Session() as http,
    ):
        patched.setenv("NO_PROXY", "127.0.0.1,localhost")
        # It reports every answer that a fault cut off.
        patched.setattr(logging.getLogger("uvicorn.error"), "disabled", True)
        patched.setattr(local_org.rest.query, "PAGE", 7)
        demo_data.populate(server.org, opportunities=12)
        card = json.loads((server.org.directory / "org.json").read_text())
        http.verify, http.trust_env = card["ca_file"], False
        org = RunningOrg(card, http)
        cast = org.admin("GET", "/cast")
        members = [next(m for m in cast if m["role"] == role) for role in _OWNERS]
        server.org.switches.set(
            {
                "access_token_seconds": 1e9,
                "daily_api_limit": 10**9,
                "bulk_queued_seconds": 0.0,
                "bulk_processing_seconds": 0.0,
                "bulk_page_records": 2,
            }
        )
        database = postgres_server.create(name, deployed_template)
        truth = postgres_server.create(f"{name}_truth", deployed_template)
        import_users(
            database,
            [FluintUser(m["fluint_email"] or m["email"], "x", False) for m in members if m["fluint_email"]],
        )
        kinds = [
            str(row[0])
            for row in server.org.store.select(
                "select Id from RecordType where SobjectType = 'Opportunity' order by Id"
            )
        ]
        people = People(server, [m["user_id"] for m in members], [None, *kinds[:1]])
        workspace = Workspace(
            people,
            {m["user_id"]: m["fluint_email"] or "" for m in members},
            database,
            org.app(),
            MemoryStore(org.connect()),
        )
        made = History(workspace, truth)
        yield made
        made.close()
    postgres_server.drop(name)
    postgres_server.drop(f"{name}_truth")
