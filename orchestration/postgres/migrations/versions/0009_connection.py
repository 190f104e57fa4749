"""How a renewal of the Salesforce session stands, so that a process that is killed in the middle of one costs nothing it need not cost.

`refreshing_since` (there from the beginning) says that the refresh token is being presented; `refresh_tries`, how often it was without
a result that anybody knows; `rotates`, whether the org gives another refresh token each time.
"""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the two columns; a connection that exists counts as one whose tokens rotate."""
    op.execute(
        """
        alter table fluint_sync.connection
            add column refresh_tries integer not null default 0,
            add column rotates boolean not null default true;
        """
    )
