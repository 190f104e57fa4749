"""A database whose owner is nobody special, which is what a managed Postgres gives."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterator

import pytest
from psycopg import sql
from sqlalchemy.engine import make_url

from orchestration.modelling import prepare
from orchestration.postgres import raw_tables
from orchestration.postgres.connection import Database
from orchestration.postgres.migrations import upgrade
from orchestration.sync.objects import CATALOGUE
from tests.dbt.test_builds import a_book
from tests.dbt.workspace import Workspace
from tests.postgres_fixtures import PostgresServer


@pytest.fixture
def ordinary(postgres_server: PostgresServer) -> Iterator[Database]:
    """An empty database that a role of its own owns, without any right on the server."""
    name, password = f"fluint_test_{uuid.uuid4().hex}", secrets.token_hex(8)
    role = sql.Identifier(name)
    database = postgres_server.create(name)
    with postgres_server.admin.connect(autocommit=True) as connection:
        connection.execute(
            sql.SQL("create role {} login nosuperuser nocreaterole password {}").format(
                role, sql.Literal(password)
            )
        )
        connection.execute(sql.SQL("alter database {} owner to {}").format(role, role))
    url = make_url(database.url).set(username=name, password=password)
    yield Database(
        url.render_as_string(hide_password=False), without_tls_because=database.without_tls_because
    )
    postgres_server.drop(name)
    with postgres_server.admin.connect(autocommit=True) as connection:
        connection.execute(sql.SQL("drop role {}").format(role))


@pytest.mark.slow
def test_an_ordinary_owner_can_do_all_that_upgrade_and_models_do(ordinary: Database) -> None:
    """The tests' superuser may do everything; a customer's role fails at the first statement that needs more."""
    prepare()
    upgrade(ordinary)
    with ordinary.transaction() as connection:
        raw_tables.bring_up(connection, [sobject.raw_table() for sobject in CATALOGUE])
    workspace = Workspace(ordinary)
    workspace.dbt.deploy_views()
    with workspace.writing() as rows:
        a_book(rows)
    workspace.dbt.build()
    assert workspace.ask("select count(*) from fluint.deals")[0][0] > 0
    workspace.dbt.build(full_refresh=True)
    workspace.dbt.deploy_views()
