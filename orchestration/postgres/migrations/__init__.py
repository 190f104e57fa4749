"""The migrations of fluint_sync (our ledger) and fluint_app (the application's side), run by Alembic from inside the program.

There is no ini file: `upgrade` brings the connection. The raw tables belong to raw_tables, everything else to dbt.
"""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from orchestration.postgres.connection import Database

SCHEMA = "fluint_sync"


def upgrade(database: Database) -> None:
    """Brings both schemas to the newest revision in one transaction; a second or simultaneous call changes nothing."""
    config = Config()
    config.set_main_option("script_location", "orchestration.postgres:migrations")
    engine = create_engine("postgresql+psycopg://", creator=database.connect, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("select pg_advisory_xact_lock(hashtextextended('fluint migrations', 0))"))
        connection.execute(text(f"create schema if not exists {SCHEMA}"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
