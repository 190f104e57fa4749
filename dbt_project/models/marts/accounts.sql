-- The account itself tells, where it is read; where it is not, or not yet, its name comes with the deals and contacts that name it,
-- and the latest word wins.
with linked as (
    select record_id, account_id
    from {{ ref('int_accounts_linked') }}
    where is_current and account_id in (select account_id from {{ ref('int_accounts_changed_keys') }})
),

named as (
    select
        linked.account_id,
        deals.account_name,
        deals.salesforce_modified_at,
        deals.deal_id as record_id,
        not deals.is_deleted_in_salesforce as is_live_deal
    from linked
    inner join {{ ref('stg_salesforce__opportunities') }} as deals on deals.deal_id = linked.record_id
    inner join {{ ref('stg_sync__admissions') }} as admissions on admissions.deal_id = linked.record_id
    union all
    select linked.account_id, contacts.account_name, contacts.salesforce_modified_at, contacts.contact_id, false
    from linked
    inner join {{ ref('stg_salesforce__contacts') }} as contacts on contacts.contact_id = linked.record_id
    where contacts.deleted_reason is distinct from 'moved_out_of_scope'
),

grouped as (
    select
        account_id,
        -- Records of one instant are told apart by id, so that a second build says the same.
        (array_agg(account_name order by salesforce_modified_at desc, record_id) filter (where account_name is not null))[1]
            as account_name,
        count(*) filter (where is_live_deal) as deal_count
    from named
    group by account_id
)

select
    grouped.account_id,
    accounts.owner_id,
    accounts.parent_account_id,
    accounts.merged_into_account_id,
    coalesce(accounts.account_name, grouped.account_name) as account_name,
    accounts.account_type,
    accounts.industry,
    accounts.website,
    accounts.billing_country,
    accounts.deleted_reason,
    accounts.currency_code,
    accounts.annual_revenue,
    accounts.employee_count,
    grouped.deal_count,
    accounts.account_id is not null as is_read,
    coalesce(accounts.is_deleted_in_salesforce, false) as is_deleted_in_salesforce,
    accounts.created_at,
    accounts.last_modified_at,
    accounts.deleted_at,
    accounts.hidden_at
from grouped
left join {{ ref('stg_salesforce__accounts') }} as accounts
    on accounts.account_id = grouped.account_id and accounts.deleted_reason is distinct from 'moved_out_of_scope'
