-- Accounts themselves are not read yet: their names come with the deals and contacts that name them, the latest word wins.
with named as (
    select account_id, account_name, salesforce_modified_at, deal_id, not is_deleted_in_salesforce as is_live_deal
    from {{ ref('stg_salesforce__opportunities') }}
    inner join {{ ref('stg_sync__admissions') }} using (deal_id)
    where account_id is not null
    union all
    select account_id, account_name, salesforce_modified_at, null, false
    from {{ ref('stg_salesforce__contacts') }}
    where account_id is not null and deleted_reason is distinct from 'moved_out_of_scope'
)

select
    account_id,
    (array_agg(account_name order by salesforce_modified_at desc) filter (where account_name is not null))[1] as account_name,
    count(deal_id) filter (where is_live_deal) as deal_count
from named
group by account_id
