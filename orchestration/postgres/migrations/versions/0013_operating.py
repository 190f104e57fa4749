"""Which workspace a database is, for which environment and in which place; the incidents of its operation, and alerts about them.

`workspace`: `workspace_id` names the database and every copy of it; the three numbers say where it was when it was last known to be
whole, so that a restored backup or a copy is told from the original. `incident`: something that a person should know of, once for as
long as it lasts; `seen_at` is when it was last so. `alert`: an outbox, a row for each incident, event and channel. Ids and codes, no
content; `error` is a text of ours, in which an erasure looks for ids.
"""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0011"
branch_labels = None
depends_on = None

_WORKSPACE = """
create table fluint_sync.workspace (
    singleton boolean primary key default true check (singleton),
    workspace_id uuid not null default gen_random_uuid(),
    environment text check (environment in ('dev', 'staging', 'production')),
    system_identifier numeric,
    database_oid oid,
    table_oid oid,
    placed_at timestamptz
);
insert into fluint_sync.workspace default values;
"""
_INCIDENTS = """
create table fluint_sync.incident (
    incident_id bigint generated always as identity primary key,
    subject text not null,
    cause text not null,
    error text not null,
    opened_at timestamptz not null default now(),
    seen_at timestamptz not null default now(),
    closed_at timestamptz
);
create unique index incident_open_key on fluint_sync.incident (subject, cause) where closed_at is null;
create index incident_closed_at_idx on fluint_sync.incident (closed_at);
create table fluint_sync.alert (
    incident_id bigint not null references fluint_sync.incident on delete cascade,
    event text not null check (event in ('opened', 'resolved')),
    channel text not null,
    made_at timestamptz not null default now(),
    attempts integer not null default 0,
    retry_at timestamptz not null default now(),
    delivered_at timestamptz,
    last_error text,
    primary key (incident_id, event, channel)
);
create index alert_undelivered_idx on fluint_sync.alert (retry_at) where delivered_at is null;
"""


def upgrade() -> None:
    """Makes the three tables; the place is filled in by `fluint upgrade`, the environment by `fluint connect`."""
    op.execute(_WORKSPACE)
    op.execute(_INCIDENTS)
