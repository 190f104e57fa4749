"""What the outbox of documents knows beyond a state: the reason as a sentence, who can do something, and what was looked for.

`sent`: Salesforce took the version and its document and checksum are still to be read. `outlook` says of a version that is not
uploaded what it waits for. `first_look_at` (by Salesforce's clock) is when a version of unknown outcome was first looked for and
not found; `copy` counts how often a document was begun anew in Salesforce because its file there was deleted.
"""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds columns and tables. An index over what is not uploaded keeps a tick cheap, however many versions are."""
    op.execute(
        """
        alter table fluint_sync.upload
            drop constraint upload_state_check,
            add constraint upload_state_check
                check (state in ('waiting', 'sending', 'sent', 'uploaded', 'failed', 'given_up')),
            add column reason_text text,
            add column outlook text check (outlook in ('waits_until', 'needs_admin', 'given_up')),
            add column copy integer not null default 0,
            add column md5 text,
            add column first_look_at timestamptz;
        create index upload_unfinished_idx on fluint_sync.upload (document_id, version_number) where state <> 'uploaded';
        create table fluint_sync.upload_double (
            content_version_id text primary key,
            document_id uuid not null,
            version_number integer not null,
            found_at timestamptz not null default now()
        );
        create table fluint_sync.files_list (
            record_type_id text primary key,
            is_shown boolean not null,
            checked_at timestamptz not null default now()
        );
        """
    )
