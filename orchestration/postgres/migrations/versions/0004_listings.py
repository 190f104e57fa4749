"""What a listing under way owes and what must not be covered by it, so that a kill or a second process loses nothing.

`listing`: since when keys are to be read again, because rows were stored whose keys pass has not ended. `uncovered_deal`: when the
coverage of a deal's children was dropped, by this database's clock; a listing that began before does not cover them.
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes both tables; nothing is under way while an upgrade runs."""
    op.execute(
        """
        create table fluint_sync.listing (object text primary key, began timestamptz not null);
        create table fluint_sync.uncovered_deal (
            object text not null,
            opportunity_id text not null,
            at timestamptz not null default clock_timestamp(),
            primary key (object, opportunity_id)
        );
        """
    )
