"""The sync against a running local org: one org for the room, a fresh database with deployed views for each test."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
import requests

from orchestration.postgres.connection import Database
from orchestration.salesforce.client import Salesforce
from tests.contract.running_org import RunningOrg, serving
from tests.dbt.conftest import deployed_template
from tests.postgres_fixtures import PostgresServer
from tests.salesforce.scripted_org import MemoryStore
from tests.sync.bench import Bench, connected

__all__ = ["deployed_template"]

OPPORTUNITIES = 360


@pytest.fixture(scope="session")
def sync_org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningOrg]:
    """A demo org that the tests of this room change; what they leave, the next one meets."""
    with serving(tmp_path_factory.mktemp("sync-org"), OPPORTUNITIES) as org:
        yield org


@pytest.fixture
def bench(
    sync_org: RunningOrg,
    postgres_server: PostgresServer,
    deployed_template: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Bench]:
    """A connected workspace with the cast as its users; nothing was read yet."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    switches = sync_org.admin("GET", "/switches")
    name = f"fluint_test_{uuid.uuid4().hex}"
    database: Database = postgres_server.create(name, deployed_template)
    with requests.Session() as session:
        tokens = sync_org.connect()
        client = Salesforce(sync_org.app(), MemoryStore(tokens), session=session, sleep=lambda _: None)
        yield Bench(sync_org, database, client, tokens)
    sync_org.admin("DELETE", "/faults")
    sync_org.admin("PATCH", "/switches", switches)
    postgres_server.drop(name)


@pytest.fixture(scope="module")
def loaded(sync_org: RunningOrg, postgres_server: PostgresServer, deployed_template: str) -> Iterator[Bench]:
    """A workspace that has read everything, and whose last changes are a minute old."""
    with connected(sync_org, postgres_server, deployed_template) as bench:
        bench.load()
        bench.follow()
        yield bench
