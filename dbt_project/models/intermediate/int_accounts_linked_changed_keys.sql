select deal_id as record_id from {{ ref('stg_salesforce__opportunities') }} where {{ changed_since('int_accounts_linked') }}
union all
select contact_id as record_id from {{ ref('stg_salesforce__contacts') }} where {{ changed_since('int_accounts_linked') }}
