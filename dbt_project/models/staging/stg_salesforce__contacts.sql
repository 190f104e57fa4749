select
    id as contact_id,
    account_id,
    master_record_id as merged_into_contact_id,
    first_name,
    last_name,
    nullif(btrim(concat_ws(' ', first_name, last_name)), '') as contact_name,
    email,
    title,
    phone,
    account_name,
    {{ tombstone() }},
    created_date as created_at,
    last_modified_date as last_modified_at,
    system_modstamp as salesforce_modified_at,
    _xact_id
from {{ source('raw_salesforce', 'contact') }}
