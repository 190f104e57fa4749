select
    contact_id,
    account_id,
    merged_into_contact_id,
    contact_name,
    first_name,
    last_name,
    email,
    title,
    phone,
    account_name,
    deleted_reason,
    is_deleted_in_salesforce,
    created_at,
    last_modified_at,
    deleted_at,
    hidden_at
from {{ ref('stg_salesforce__contacts') }}
where
    contact_id in (select contact_id from {{ ref('int_contacts_changed_keys') }})
    and deleted_reason is distinct from 'moved_out_of_scope'
