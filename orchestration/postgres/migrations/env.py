"""What Alembic runs around the revisions: they go over the connection, and in the transaction, that `upgrade` opened."""

from __future__ import annotations

from alembic import context

from orchestration.postgres.migrations import SCHEMA

context.configure(
    connection=context.config.attributes["connection"],
    version_table="alembic_version",
    version_table_schema=SCHEMA,
)
context.run_migrations()
