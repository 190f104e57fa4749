"""A deployed database, from the room of the models."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from orchestration.postgres.connection import Database
from tests.dbt.conftest import deployed_template
from tests.postgres_fixtures import PostgresServer

__all__ = ["deployed_template"]


@pytest.fixture
def deployed(postgres_server: PostgresServer, deployed_template: str) -> Iterator[Database]:
    """A database as `fluint upgrade` leaves it, in which nothing was read."""
    name = f"fluint_test_{uuid.uuid4().hex}"
    yield postgres_server.create(name, deployed_template)
    postgres_server.drop(name)
