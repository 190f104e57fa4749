"""A database with every view deployed, for each test that asks: a copy of one that is made once in a run."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from orchestration.modelling import Dbt, prepare
from orchestration.postgres.connection import Database
from tests.dbt.workspace import Workspace
from tests.postgres_fixtures import PostgresServer


@pytest.fixture(scope="session")
def deployed_template(postgres_server: PostgresServer) -> str:
    """The name of a database like `database` with dbt's tables and views, empty."""

    def deploy(database: Database) -> None:
        prepare()
        Dbt(database).deploy_views()

    return postgres_server.make_once(f"{postgres_server.template}_deployed", postgres_server.template, deploy)


@pytest.fixture
def workspace(postgres_server: PostgresServer, deployed_template: str) -> Iterator[Workspace]:
    """A fresh workspace for one test, without a row."""
    name = f"fluint_test_{uuid.uuid4().hex}"
    yield Workspace(postgres_server.create(name, deployed_template))
    postgres_server.drop(name)
