with matches as (
    select
        owner_id,
        -- Two people for one Salesforce user: neither is named.
        case when count(*) = 1 then (array_agg(user_id))[1] end as user_id,
        min(rule) as owner_match,
        bool_or(is_licensed) as is_licensed,
        bool_or(is_ambiguous) as is_ambiguous,
        min(reason) as reason
    from {{ ref('user_matches') }}
    group by owner_id
)

select
    users.owner_id,
    matches.user_id as fluint_user_id,
    users.owner_name,
    users.owner_email,
    users.username,
    users.user_type,
    matches.owner_match,
    case
        when matches.owner_id is null then 'not_in_fluint'
        when matches.is_ambiguous then matches.reason
        when not matches.is_licensed then 'not_licensed'
    end as unmatched_reason,
    coalesce(users.is_active, false) as is_active,
    matches.owner_id is not null and not matches.is_ambiguous as is_matched,
    coalesce(matches.is_licensed and not matches.is_ambiguous, false) as is_licensed,
    users.created_at
from {{ ref('stg_salesforce__users') }} as users
left join matches using (owner_id)
