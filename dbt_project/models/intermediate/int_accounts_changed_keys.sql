-- Accounts whose row in `accounts` may differ since it was last built.
select account_id from {{ ref('int_accounts_linked') }} where {{ changed_since('accounts') }}
union
select account_id
from {{ ref('stg_salesforce__opportunities') }}
where account_id is not null and {{ changed_since('accounts') }}
union
select account_id
from {{ ref('stg_salesforce__contacts') }}
where account_id is not null and {{ changed_since('accounts') }}
union
select opportunities.account_id
from {{ ref('stg_salesforce__opportunities') }} as opportunities
inner join {{ ref('stg_sync__admissions') }} as admissions using (deal_id)
where opportunities.account_id is not null and {{ changed_since('accounts', 'admissions') }}
union
select account_id from {{ ref('stg_salesforce__accounts') }} where {{ changed_since('accounts') }}
