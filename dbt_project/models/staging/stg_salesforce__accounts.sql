select
    id as account_id,
    owner_id,
    parent_id as parent_account_id,
    master_record_id as merged_into_account_id,
    name as account_name,
    type as account_type,
    industry,
    website,
    billing_country,
    currency_iso_code as currency_code,
    annual_revenue,
    number_of_employees as employee_count,
    {{ tombstone() }},
    created_date as created_at,
    last_modified_date as last_modified_at,
    system_modstamp as salesforce_modified_at,
    _xact_id
from {{ source('raw_salesforce', 'account') }}
