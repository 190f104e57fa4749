"""When the ids of each object's months were last compared one by one, and the permissions that the last comparison was made under.

`ids_compared`: months of the deals' CreatedDate (UTC), of what others name of its own. `permissions_compared`: those of the last whole
comparison, however it ended; what is not as there calls for another one. Times, ids and names of permissions; no content.
"""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the two tables; no ids were compared before, and the first comparison notes what it is made under."""
    op.execute(
        """
        create table fluint_sync.ids_compared (
            object text not null,
            month date not null,
            compared_at timestamptz not null default now(),
            run_id text not null,
            primary key (object, month)
        );
        create table fluint_sync.permissions_compared (
            singleton boolean primary key default true check (singleton),
            facts jsonb not null,
            compared_at timestamptz not null default now(),
            run_id text not null
        );
        """
    )
