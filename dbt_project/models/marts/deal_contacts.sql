select
    roles.deal_contact_id,
    roles.deal_id,
    roles.contact_id,
    roles.role,
    roles.deleted_reason,
    roles.is_primary,
    roles.is_deleted_in_salesforce,
    roles.created_at,
    roles.deleted_at,
    roles.hidden_at
from {{ ref('stg_salesforce__opportunity_contact_roles') }} as roles
inner join {{ ref('stg_sync__admissions') }} as admissions using (deal_id)
where roles.deal_contact_id in (select deal_contact_id from {{ ref('int_deal_contacts_changed_keys') }})
