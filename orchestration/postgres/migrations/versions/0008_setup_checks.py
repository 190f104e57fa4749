"""The last answer of each item of the set-up check, so that the next one tells first what changed.

`findings` are codes of texts with the object or field that each is about; no name, no address. `since`: when the outcome last changed.
"""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the table; the first check after it has nothing to compare with."""
    op.execute(
        """
        create table fluint_sync.setup (
            item text primary key,
            outcome text not null,
            findings text[] not null,
            since timestamptz not null,
            checked_at timestamptz not null
        )
        """
    )
