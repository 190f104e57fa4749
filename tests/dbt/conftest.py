"""A database with every view deployed, for each test that asks: a copy of one that is made once in a run."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from orchestration.modelling import Dbt, prepare
from orchestration.postgres.connection import Database
from tests.dbt.workspace import Workspace
from tests.postgres_fixtures import PostgresServer

_A_TEST = timedelta(minutes=5)  # on a busy machine


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


@pytest.fixture
def today() -> datetime:
    """Midnight UTC of the database's day, which is still this one when the test ends: shortly before midnight it begins after it."""
    now = datetime.now(UTC)
    tomorrow = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    if tomorrow - now >= _A_TEST:
        return tomorrow - timedelta(days=1)
    time.sleep((tomorrow - now).total_seconds())
    return tomorrow
