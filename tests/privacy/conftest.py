"""Workspaces in which somebody is to be forgotten: the sync's bench with an erasure key, and a copy of a loaded database for each test."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest
import requests

from orchestration.modelling import Dbt
from orchestration.salesforce.client import Salesforce
from tests.contract.running_org import RunningOrg
from tests.dbt.conftest import deployed_template, workspace
from tests.postgres_fixtures import PostgresServer
from tests.privacy.people import KEY, Office
from tests.salesforce.scripted_org import MemoryStore
from tests.sync.bench import Bench
from tests.sync.conftest import sync_org

__all__ = ["deployed_template", "sync_org", "workspace"]


@pytest.fixture(scope="session")
def loaded_template(
    sync_org: RunningOrg, postgres_server: PostgresServer, deployed_template: str
) -> Iterator[str]:
    """The name of a database that has read everything, marts and a day's snapshot included; nobody is connected to it."""
    name = f"fluint_test_{uuid.uuid4().hex}"
    database = postgres_server.create(name, deployed_template)
    with requests.Session() as session:
        session.trust_env = False
        tokens = sync_org.connect()
        client = Salesforce(sync_org.app(), MemoryStore(tokens), session=session, sleep=lambda _: None)
        bench = Bench(sync_org, database, client, tokens)
        bench.load()
        bench.follow()
    dbt = Dbt(database)
    dbt.build()
    dbt.build("tag:daily")
    yield name
    postgres_server.drop(name)


@pytest.fixture
def office(sync_org: RunningOrg, postgres_server: PostgresServer, loaded_template: str) -> Iterator[Office]:
    """A workspace that has read and modelled everything."""
    name = f"fluint_test_{uuid.uuid4().hex}"
    database = replace(postgres_server.create(name, loaded_template), erasure_key=KEY)
    with requests.Session() as session:
        session.trust_env = False
        tokens = sync_org.connect()
        client = Salesforce(sync_org.app(), MemoryStore(tokens), session=session, sleep=lambda _: None)
        yield Office(Bench(sync_org, database, client, tokens))
    postgres_server.drop(name)
