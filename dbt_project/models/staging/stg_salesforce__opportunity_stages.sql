select
    id as stage_id,
    coalesce(api_name, master_label) as stage_name,
    master_label as stage_label,
    description,
    forecast_category,
    forecast_category_name,
    default_probability,
    sort_order::integer as sort_order,
    -- A stage that is gone can no longer be chosen; deals that are in it remain.
    is_active and _deleted_at is null as is_active,
    is_closed,
    is_won,
    system_modstamp as salesforce_modified_at,
    _xact_id
from {{ source('raw_salesforce', 'opportunity_stage') }}
