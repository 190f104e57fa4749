"""Objects that are asked for in turn, and which of them hang on deals: what was one list in the code is a fact of each object.

`turn`: when an object was last asked for its changes in turn with others; at every tick there is room for five objects in one call.
`cursor.is_of_deals`: the object's rows hang on deals, so that its coverage is counted by them (fluint.sync_freshness).
"""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds both; until now roles and mails were what hangs on deals."""
    op.execute(
        """
        create table fluint_sync.turn (object text primary key, taken_at timestamptz not null);
        alter table fluint_sync.cursor add column is_of_deals boolean not null default false;
        update fluint_sync.cursor set is_of_deals = true where object in ('opportunity_contact_role', 'email_message');
        """
    )
