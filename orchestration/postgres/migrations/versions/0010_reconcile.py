"""What reconciling compared and found: counts per owner and month, what differed by id, and the permissions it was seen with.

`completeness` holds the last comparison of each object, `difference` what differed in it, `permissions_seen` what the integration
user was allowed when nothing that is held was missing in Salesforce. Ids, counts and names of permissions; no content.
"""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the three tables; nothing was compared before."""
    op.execute(
        """
        create table fluint_sync.completeness (
            object text not null,
            part text not null check (part in ('in_scope', 'kept')),
            owner_id text not null default '',
            month date not null,
            in_salesforce bigint not null,
            held bigint not null,
            brought_in bigint not null,
            compared_at timestamptz not null default now(),
            run_id text not null,
            primary key (object, part, owner_id, month)
        );
        create table fluint_sync.difference (
            object text not null,
            id text not null,
            kind text not null check (kind in ('not_held', 'not_there')),
            outcome text not null,
            owner_id text not null default '',
            month date,
            found_at timestamptz not null default now(),
            run_id text not null,
            primary key (object, id)
        );
        create table fluint_sync.permissions_seen (
            singleton boolean primary key default true check (singleton),
            facts jsonb not null,
            seen_at timestamptz not null default now(),
            run_id text not null
        );
        """
    )
