-- Which account a deal or contact names, and which it named: like int_emails_linked, for the accounts.
with changed_keys as (
    select record_id from {{ ref('int_accounts_linked_changed_keys') }}
),

named as (
    select deal_id as record_id, account_id
    from {{ ref('stg_salesforce__opportunities') }}
    where account_id is not null and deal_id in (select record_id from changed_keys)
    union all
    select contact_id as record_id, account_id
    from {{ ref('stg_salesforce__contacts') }}
    where account_id is not null and contact_id in (select record_id from changed_keys)
),

former as (
    select held.record_id, held.account_id
    from {{ this }} as held
    where
        held.record_id in (select record_id from changed_keys)
        and not exists (
            select from named where named.record_id = held.record_id and named.account_id = held.account_id
        )
)

select named.record_id, named.account_id, true as is_current from named
union all
select former.record_id, former.account_id, false as is_current from former
