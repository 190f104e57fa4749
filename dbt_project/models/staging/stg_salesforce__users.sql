select
    id as owner_id,
    nullif(btrim(concat_ws(' ', first_name, last_name)), '') as owner_name,
    email as owner_email,
    username,
    user_type,
    is_active,
    created_date as created_at,
    system_modstamp as salesforce_modified_at,
    _xact_id
from {{ source('raw_salesforce', 'user') }}
