-- E-mails whose row in `email_activity` may differ since it was last built.
select email_message_id from {{ ref('stg_salesforce__email_messages') }} where {{ changed_since('email_activity') }}
union
select emails.email_message_id
from {{ ref('stg_salesforce__email_messages') }} as emails
inner join {{ ref('stg_sync__admissions') }} as admissions using (deal_id)
where {{ changed_since('email_activity', 'admissions') }}
