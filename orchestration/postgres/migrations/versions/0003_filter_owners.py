"""The workspace's filter can leave out owners: Salesforce user ids, beside stages, record types, a date and an amount."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column; a filter that is in force stays as it is."""
    op.execute(
        "alter table fluint_app.backfill_filter add column if not exists excluded_owners text[] not null default '{}'"
    )
