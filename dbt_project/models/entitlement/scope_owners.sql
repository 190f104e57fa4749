-- Owners whose deals come in now: matched without doubt, licensed, and not left out by the workspace's filter.
select matches.owner_id, matches.user_id, matches.rule as owner_match
from {{ ref('user_matches') }} as matches
where
    matches.is_licensed
    and not matches.is_ambiguous
    and not exists (
        select from {{ source('fluint_app', 'backfill_filter') }} as filters
        where matches.owner_id = any (filters.excluded_owners)
    )
