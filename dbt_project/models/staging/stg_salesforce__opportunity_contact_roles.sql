select
    id as deal_contact_id,
    opportunity_id as deal_id,
    contact_id,
    role,
    coalesce(is_primary, false) as is_primary,
    {{ tombstone() }},
    created_date as created_at,
    system_modstamp as salesforce_modified_at,
    _xact_id
from {{ source('raw_salesforce', 'opportunity_contact_role') }}
