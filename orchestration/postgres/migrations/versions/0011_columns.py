"""What is known of the org's fields and of our columns: what describe showed, how that changed, and what each raw column holds.

`described_field`: every field that a describe ever showed. `field_change`: what differed between two describes. `raw_column`: a row
for each column that the catalogue or fluint.yaml wants; `covered_at` says that the value of every held row was read, `through_id`
how far a reading of this column alone has come. `unavailable_object`: objects that the org does not show, and since when.
"""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_TABLES = """
create table fluint_sync.described_field (
    object text not null,
    field text not null,
    type text not null,
    length integer not null,
    is_calculated boolean not null,
    seen_at timestamptz not null default now(),
    gone_at timestamptz,
    primary key (object, field)
);
create table fluint_sync.field_change (
    object text not null,
    field text not null,
    kind text not null,
    was text,
    is_now text,
    seen_at timestamptz not null default now()
);
create index field_change_object_idx on fluint_sync.field_change (object, seen_at);
create table fluint_sync.raw_column (
    object text not null,
    column_name text not null,
    field text not null,
    type text not null,
    need text not null,
    is_unstamped boolean not null default false,
    is_read boolean not null,
    cause text,
    not_read_since timestamptz,
    covered_at timestamptz,
    began_at timestamptz,
    through_id text,
    begun_by text,
    mart_column text,
    is_exposed boolean not null default false,
    primary key (object, column_name)
);
create table fluint_sync.unavailable_object (
    object text primary key,
    since timestamptz not null default now(),
    seen_at timestamptz not null
);
alter table fluint_sync.described_object add column asked text[] not null default '{}';
"""

# Columns that were read all along stay covered; those that were hidden are read for the rows that lack them. What is written here
# besides the names is put right by the next describe, which `asked` makes the next reader ask for.
_HELD_ALL_ALONG = """
insert into fluint_sync.raw_column (object, column_name, field, type, need, is_read, covered_at)
select held.table_name, held.column_name, held.column_name, held.data_type, 'ours', true, now()
from information_schema.columns as held
where held.table_schema = 'raw_salesforce' and left(held.column_name, 1) <> '_'
  and not exists (
      select from fluint_sync.hidden_field as hidden
      where hidden.object = held.table_name
        and lower(regexp_replace(hidden.field, '[._]', '', 'g')) = replace(held.column_name, '_', ''))
"""


def upgrade() -> None:
    """Makes the tables, and takes what is held for read, but for columns whose field was hidden."""
    op.execute(_TABLES)
    op.execute(_HELD_ALL_ALONG)
