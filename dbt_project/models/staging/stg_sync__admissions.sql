select
    opportunity_id as deal_id,
    rule as admission_rule,
    owner_match as admission_owner_match,
    admitted_at,
    _xact_id
from {{ source('fluint_sync', 'admission') }}
