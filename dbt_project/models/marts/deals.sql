with changed_keys as (
    select deal_id from {{ ref('int_deals_changed_keys') }}
),

opportunities as (
    select *
    from {{ ref('stg_salesforce__opportunities') }}
    where deal_id in (select deal_id from changed_keys)
),

-- A stage may be defined twice under one name (a retired one and its successor): the active one explains the deal.
stages as (
    select distinct on (stage_name) stage_id, stage_name, stage_label, sort_order, is_closed, is_won
    from {{ ref('deal_stages') }}
    order by stage_name, is_active desc, sort_order, stage_id
),

contacts_counted as (
    select roles.deal_id, count(distinct roles.contact_id) as contact_count
    from {{ ref('stg_salesforce__opportunity_contact_roles') }} as roles
    left join {{ ref('stg_salesforce__contacts') }} as contacts using (contact_id)
    where
        roles.deal_id in (select deal_id from changed_keys)
        and not roles.is_deleted_in_salesforce
        and contacts.is_deleted_in_salesforce is not true
    group by roles.deal_id
),

emails_counted as (
    select deal_id, count(*) as email_count, max(message_at) as last_email_at
    from {{ ref('stg_salesforce__email_messages') }}
    where deal_id in (select deal_id from changed_keys) and not is_deleted_in_salesforce
    group by deal_id
)

select
    opportunities.deal_id,
    stages.stage_id,
    opportunities.record_type_id,
    opportunities.owner_id,
    owners.fluint_user_id,
    opportunities.account_id,
    opportunities.deal_name,
    opportunities.stage_name,
    coalesce(stages.stage_label, opportunities.stage_name) as stage_label,
    opportunities.forecast_category_name,
    opportunities.deal_type,
    record_types.record_type_name,
    owners.owner_name,
    owners.owner_email,
    owners.owner_match,
    opportunities.account_name,
    opportunities.next_step,
    org.instance_url || '/' || opportunities.deal_id as salesforce_url,
    opportunities.deleted_reason,
    admissions.admission_rule,
    stages.sort_order as stage_order,
    opportunities.currency_code,
    opportunities.amount,
    opportunities.probability,
    coalesce(contacts_counted.contact_count, 0) as contact_count,
    coalesce(emails_counted.email_count, 0) as email_count,
    coalesce(opportunities.is_closed, stages.is_closed, false) as is_closed,
    coalesce(opportunities.is_won, stages.is_won, false) as is_won,
    coalesce(owners.is_active, false) as is_owner_active,
    coalesce(owners.is_licensed, false) as is_owner_licensed,
    opportunities.is_deleted_in_salesforce,
    opportunities.close_date,
    opportunities.created_at,
    opportunities.last_modified_at,
    -- Salesforce leaves the date empty until the stage first changes; where we may not see it, we do not know.
    case
        when org.is_last_stage_change_hidden then null
        else coalesce(opportunities.last_stage_change_at, opportunities.created_at)
    end as stage_entered_at,
    emails_counted.last_email_at,
    opportunities.deleted_at,
    opportunities.hidden_at,
    admissions.admitted_at
from opportunities
inner join {{ ref('stg_sync__admissions') }} as admissions using (deal_id)
left join {{ ref('int_org_connected') }} as org on true
left join stages using (stage_name)
left join {{ ref('owners') }} as owners on owners.owner_id = opportunities.owner_id
left join {{ ref('stg_salesforce__record_types') }} as record_types
    on record_types.record_type_id = opportunities.record_type_id
left join contacts_counted on contacts_counted.deal_id = opportunities.deal_id
left join emails_counted on emails_counted.deal_id = opportunities.deal_id
