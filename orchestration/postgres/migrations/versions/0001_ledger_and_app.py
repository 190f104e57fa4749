"""The ledger of the sync, and the application's tables where it did not bring its own.

All times are UTC. Nothing here holds a name, an e-mail address or the content of a record, but fluint_app, which is the
application's, and the encrypted tokens. `_xact_id` is how the models find what changed.
"""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# One Salesforce org for one database. The tokens are encrypted (Fernet); `token_generation` counts refreshes, so that
# two processes do not refresh one after the other.
_CONNECTION = """
create table fluint_sync.connection (
    singleton boolean primary key default true check (singleton),
    org_id text not null,
    environment text,
    instance_url text not null,
    token_url text,
    identity_url text not null,
    user_id text not null,
    client_id text,
    scope text not null,
    access_token bytea,
    refresh_token bytea,
    token_generation bigint not null default 1,
    state text not null check (state in ('connected', 'needs_reconnect', 'disconnected')),
    reason text,
    refreshing_since timestamptz,
    connected_at timestamptz not null default now(),
    refreshed_at timestamptz not null default now()
)
"""

# What was read, for whom, and up to when (R2, R4).
_PROGRESS = """
create table fluint_sync.cursor (
    object text primary key,
    position timestamptz not null,
    moved_at timestamptz not null default now()
);
create table fluint_sync.owner_coverage (
    owner_id text primary key,
    digest text not null,
    created tstzmultirange not null,
    listed_at timestamptz not null,
    run_id text
);
create table fluint_sync.deal_coverage (
    object text not null,
    opportunity_id text not null,
    covered_at timestamptz not null,
    run_id text,
    primary key (object, opportunity_id)
);
create table fluint_sync.pending (
    object text not null,
    id text not null,
    parent_id text,
    reason text not null,
    stamp timestamptz,
    since timestamptz not null,
    attempts integer not null default 0,
    last_error text,
    retry_at timestamptz,
    primary key (object, id)
);
create table fluint_sync.admission (
    opportunity_id text primary key,
    admitted_at timestamptz not null default now(),
    rule text not null,
    owner_id text,
    owner_match text,
    run_id text not null,
    _xact_id xid8 not null default pg_current_xact_id()
);
create index admission__xact_id_idx on fluint_sync.admission (_xact_id);
"""

# What runs did and cost, and what they could not see. Counts only.
_RUNS = """
create table fluint_sync.run (
    run_id text primary key,
    mode text not null,
    started_at timestamptz not null default now(),
    ended_at timestamptz,
    state text not null default 'running' check (state in ('running', 'complete', 'deferred', 'failed')),
    report jsonb,
    error text
);
create index run_started_at_idx on fluint_sync.run (started_at);
create table fluint_sync.api_call (
    run_id text,
    purpose text not null,
    calls integer not null,
    at timestamptz not null default now()
);
create index api_call_at_idx on fluint_sync.api_call (at);
create table fluint_sync.api_usage (
    singleton boolean primary key default true check (singleton),
    used integer not null,
    allowed integer not null,
    seen_at timestamptz not null
);
create table fluint_sync.excluded_count (
    owner_id text not null,
    reason text not null,
    deals bigint not null,
    counted_at timestamptz not null,
    _xact_id xid8 not null default pg_current_xact_id(),
    primary key (owner_id, reason)
);
create index excluded_count__xact_id_idx on fluint_sync.excluded_count (_xact_id);
create table fluint_sync.described_object (
    object text primary key,
    fields text[] not null,
    described_at timestamptz not null
);
create table fluint_sync.hidden_field (
    object text not null,
    field text not null,
    need text not null,
    seen_at timestamptz not null,
    primary key (object, field)
);
"""

# Up to which transaction (`pg_snapshot_xmin`) each model has read, in which cluster (a restored copy is another one), and
# which views are deployed.
_MODELS = """
create table fluint_sync.modelled (
    model text primary key,
    snapshot_xmin xid8 not null,
    system_identifier numeric not null,
    built_at timestamptz not null default now()
);
create table fluint_sync.deployed_views (
    singleton boolean primary key default true check (singleton),
    views_hash text not null,
    deployed_at timestamptz not null default now()
);
"""

# The outbox of documents: one row for each version, whatever became of it.
_UPLOADS = """
create table fluint_sync.upload (
    document_id uuid not null,
    version_number integer not null,
    state text not null check (state in ('waiting', 'sending', 'uploaded', 'failed', 'given_up')),
    reason text,
    opportunity_id text,
    content_version_id text,
    content_document_id text,
    sha256 text,
    byte_size bigint,
    attempts integer not null default 0,
    sending_since timestamptz,
    uploaded_at timestamptz,
    retry_at timestamptz,
    run_id text,
    updated_at timestamptz not null default now(),
    _xact_id xid8 not null default pg_current_xact_id(),
    primary key (document_id, version_number)
);
create index upload__xact_id_idx on fluint_sync.upload (_xact_id);
"""

# One account for one address, in whatever case it is written. An application's own table has its own rule.
_APP_USER = """
create schema if not exists fluint_app;
do $$
begin
    if to_regclass('fluint_app.app_user') is null then
        create table fluint_app.app_user (
            user_id uuid primary key default gen_random_uuid(),
            email text not null,
            full_name text,
            is_licensed boolean not null default false,
            licensed_at timestamptz,
            unlicensed_at timestamptz
        );
        create unique index app_user_email_key on fluint_app.app_user (lower(btrim(email)));
    end if;
end $$
"""

# The application's side. Where it brings its own tables, they stay as they are.
_APP = """
create table if not exists fluint_app.document (
    document_id uuid primary key default gen_random_uuid(),
    opportunity_id text not null,
    title text not null,
    created_by uuid,
    created_at timestamptz not null default now()
);
create table if not exists fluint_app.document_version (
    document_id uuid not null references fluint_app.document,
    version_number integer not null check (version_number > 0),
    file_name text not null,
    content_type text not null,
    byte_size bigint not null,
    sha256 text not null,
    content_uri text,
    content bytea,
    generated_at timestamptz not null default now(),
    primary key (document_id, version_number),
    check (num_nonnulls(content_uri, content) = 1)
);
create table if not exists fluint_app.backfill_filter (
    singleton boolean primary key default true check (singleton),
    created_since timestamptz,
    excluded_stages text[] not null default '{}',
    excluded_record_types text[] not null default '{}',
    minimum_amount numeric,
    updated_at timestamptz not null default now()
);
"""

# Roles belong to the whole server: another database may have made it, or an administrator reserves that right.
_READER = """
do $$
begin
    if not exists (select from pg_roles where rolname = 'fluint_reader') then
        create role fluint_reader nologin;
    end if;
exception
    when insufficient_privilege or duplicate_object or unique_violation then
        raise notice 'The role fluint_reader was not created here.';
end $$
"""


def upgrade() -> None:
    """Creates both schemas' tables; there is nothing before this."""
    for statements in (_CONNECTION, _PROGRESS, _RUNS, _MODELS, _UPLOADS, _APP_USER, _APP, _READER):
        op.execute(statements)
    op.execute("insert into fluint_app.backfill_filter (singleton) values (true) on conflict do nothing")
