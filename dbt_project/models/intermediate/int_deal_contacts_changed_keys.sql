-- Roles whose row in `deal_contacts` may differ since it was last built.
select deal_contact_id from {{ ref('stg_salesforce__opportunity_contact_roles') }} where {{ changed_since('deal_contacts') }}
union
select roles.deal_contact_id
from {{ ref('stg_salesforce__opportunity_contact_roles') }} as roles
inner join {{ ref('stg_sync__admissions') }} as admissions using (deal_id)
where {{ changed_since('deal_contacts', 'admissions') }}
