select
    owner_id,
    reason,
    deals as deal_count,
    counted_at
from {{ source('fluint_sync', 'excluded_count') }}
