-- Owners whose deals come in now: matched without doubt, and licensed.
select owner_id, user_id, rule as owner_match
from {{ ref('user_matches') }}
where is_licensed and not is_ambiguous
