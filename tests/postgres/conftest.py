"""A database with the small raw table of this room's tests."""

from __future__ import annotations

import pytest

from orchestration.postgres.connection import Database
from orchestration.postgres.raw_tables import bring_up
from tests.postgres.rows import DEAL


@pytest.fixture
def deals(database: Database) -> Database:
    """A fresh database with the raw table DEAL."""
    with database.transaction() as conn:
        bring_up(conn, [DEAL])
    return database
