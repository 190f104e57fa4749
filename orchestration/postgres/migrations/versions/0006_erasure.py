"""Erasures: what was forgotten, as keyed hashes that nothing can be read from, and the functions that compare by them (R12).

A hash is HMAC-SHA-256 (RFC 2104), built from core sha256(), over `record <18-character id>`, `address <normal form>`, or
`mail <id>` of a mail that named an erased person. Its key is FLUINT_ERASURE_KEY; every connection brings the two padded halves of it
as settings of its session, so that no dump holds the key.
"""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# `fingerprint` tells another key from the right one: hashes of two keys never meet.
_LEDGER = """
create table fluint_sync.erasure_key (
    singleton boolean primary key default true check (singleton),
    fingerprint bytea not null
);
create table fluint_sync.erasure (
    erasure_id uuid primary key,
    kind text not null check (kind in ('email', 'contact', 'opportunity', 'user')),
    erased_at timestamptz not null default now(),
    report jsonb
);
create table fluint_sync.erased (
    hash bytea primary key,
    erasure_id uuid not null references fluint_sync.erasure
);
"""

_HASH = """
create function fluint_sync.erasure_hash(value text) returns bytea language sql stable as $$
    select sha256(decode(current_setting('fluint.erasure_outer'), 'hex')
                  || sha256(decode(current_setting('fluint.erasure_inner'), 'hex') || convert_to(value, 'UTF8')))
$$;
comment on function fluint_sync.erasure_hash is 'HMAC-SHA-256 under the erasure key of this session.';

create function fluint_sync.is_erased(record_id text, parent_id text default null) returns boolean language sql stable as $$
    select case when exists (select from fluint_sync.erased)
                then exists (select from fluint_sync.erased
                             where hash in (fluint_sync.erasure_hash('record ' || record_id),
                                            fluint_sync.erasure_hash('record ' || parent_id)))
                else false end
$$;
comment on function fluint_sync.is_erased is
    'Whether the record of this 18-character id, or the deal or contact that it hangs on, was erased here and is to stay out.'
    ' Needs no key while nothing was erased.';
"""

_NORMAL = r"""
create function fluint_sync.normal_address(value text) returns text language sql immutable as $$
    select regexp_replace(lower(btrim(coalesce(substring(value from '<([^<>]*)>'), value), E' \t\r\n"''')), '\.invalid$', '')
$$;
comment on function fluint_sync.normal_address is 'An address, alone or as Name <address>, in the form that erasures compare.';
"""

# Every address in a text, in its normal form: lower case, without the .invalid of a sandbox, the at-sign as one character. What stands
# before an address without a space between (an apostrophe, the %20 of a link) is taken for a part of it and for none: both count.
_ADDRESSES = r"""
create function fluint_sync.addresses_in(value text) returns setof text language sql immutable as $$
    with words as (
        select lower(part[1]) as before_at, regexp_replace(lower(part[2]), '\.invalid$', '') as after_at
        from regexp_matches(
            value,
            '([^][[:space:]<>(),;:"@\\/=&?|*]+)(?:@|%40|&#0*64;|&#x0*40;|&commat;)'
            || '([[:alnum:]]+(?:-+[[:alnum:]]+)*(?:\.[[:alnum:]]+(?:-+[[:alnum:]]+)*)*)',
            'gi'
        ) as part
    )
    select distinct form || '@' || after_at
    from words,
         unnest(array[before_at, ltrim(before_at, ''''), regexp_replace(before_at, '^.*''', ''),
                      regexp_replace(before_at, '^.*%[0-9a-f]{2}', ''), ltrim(before_at, '.-_+{~`')]) as form
    where form <> ''
$$;
comment on function fluint_sync.addresses_in is 'The e-mail addresses in a text, each in the form that erasures compare.';
"""


def upgrade() -> None:
    """Makes the tables and functions; nothing is erased by it."""
    for statements in (_LEDGER, _HASH, _NORMAL, _ADDRESSES):
        # Not as SQLAlchemy's text, to which the colons of a regular expression are parameters.
        op.get_bind().exec_driver_sql(statements, execution_options={"no_parameters": True})
