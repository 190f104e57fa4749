"""A database with every view deployed, for each test that asks: a copy of one that is made once in a run."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from psycopg import sql

from orchestration.modelling import Dbt, prepare
from tests.dbt.workspace import Workspace
from tests.postgres_fixtures import PostgresServer


@pytest.fixture(scope="session")
def deployed_template(postgres_server: PostgresServer) -> str:
    """The name of a database like `database` with dbt's tables and views, empty."""
    name = f"{postgres_server.template}_deployed"
    with postgres_server.admin.connect(autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(hashtextextended(%s, 0))", [name])
        prepare()
        made = connection.execute("select from pg_database where datname = %s", [name]).fetchone()
        if made is None:  # a row without columns is an empty, false tuple
            unfinished = f"{name}_unfinished"
            Dbt(postgres_server.create(unfinished, postgres_server.template)).deploy_views()
            rename = sql.SQL("alter database {} rename to {}")
            connection.execute(rename.format(sql.Identifier(unfinished), sql.Identifier(name)))
    return name


@pytest.fixture
def workspace(postgres_server: PostgresServer, deployed_template: str) -> Iterator[Workspace]:
    """A fresh workspace for one test, without a row."""
    name = f"fluint_test_{uuid.uuid4().hex}"
    yield Workspace(postgres_server.create(name, deployed_template))
    postgres_server.drop(name)
