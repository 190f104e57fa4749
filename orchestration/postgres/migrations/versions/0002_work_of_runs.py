"""What a run works on, so that another one can go on where it was killed.

`work` names the work whole (a range of months), `begun_by` the run whose coverage tells how far it came.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds both columns; runs of before worked on nothing that could be gone on with."""
    op.execute("alter table fluint_sync.run add column work text, add column begun_by text")
