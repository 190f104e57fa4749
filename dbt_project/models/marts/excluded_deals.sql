select
    counts.owner_id,
    counts.reason,
    owners.owner_name,
    owners.owner_email,
    counts.deal_count,
    counts.counted_at
from {{ ref('stg_sync__excluded_counts') }} as counts
left join {{ ref('owners') }} as owners using (owner_id)
where counts.deal_count > 0
