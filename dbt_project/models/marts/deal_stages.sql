select
    stage_id,
    stage_name,
    stage_label,
    description,
    forecast_category,
    forecast_category_name,
    default_probability,
    sort_order,
    coalesce(is_active, false) as is_active,
    coalesce(is_closed, false) as is_closed,
    coalesce(is_won, false) as is_won
from {{ ref('stg_salesforce__opportunity_stages') }}
