-- Deals whose row in `deals` may differ since it was last built: one branch for each input of that mart.
select deal_id from {{ ref('stg_salesforce__opportunities') }} where {{ changed_since('deals') }}
union
select deal_id from {{ ref('stg_sync__admissions') }} where {{ changed_since('deals') }}
union
select opportunities.deal_id
from {{ ref('stg_salesforce__opportunities') }} as opportunities
inner join {{ ref('owners') }} as owners using (owner_id)
where {{ changed_since('deals', 'owners') }}
union
-- A stage may have been renamed, and its row no longer says from what: all deals are looked at. It happens rarely.
select deal_id from {{ ref('stg_sync__admissions') }}
where exists (select from {{ ref('deal_stages') }} where {{ changed_since('deals') }})
union
select opportunities.deal_id
from {{ ref('stg_salesforce__opportunities') }} as opportunities
inner join {{ ref('stg_salesforce__record_types') }} as record_types using (record_type_id)
where {{ changed_since('deals', 'record_types') }}
union
select deal_id from {{ ref('stg_salesforce__opportunity_contact_roles') }} where {{ changed_since('deals') }}
union
select roles.deal_id
from {{ ref('stg_salesforce__opportunity_contact_roles') }} as roles
inner join {{ ref('stg_salesforce__contacts') }} as contacts using (contact_id)
where {{ changed_since('deals', 'contacts') }}
union
select deal_id from {{ ref('stg_salesforce__email_messages') }} where {{ changed_since('deals') }}
union
select deal_id from {{ ref('int_emails_linked') }} where {{ changed_since('deals') }}
union
select deal_id from {{ ref('stg_sync__admissions') }}
where exists (select from {{ ref('int_org_connected') }} where {{ changed_since('deals') }})
