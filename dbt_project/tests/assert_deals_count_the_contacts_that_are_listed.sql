-- A failure means that the number of contacts on a deal is not what deal_contacts and contacts list: a change of a role or of a
-- contact did not reach the deal.
{{ config(meta={'dagster': {'ref': {'name': 'deals'}}}) }}

with listed as (
    select roles.deal_id, count(distinct roles.contact_id) as contact_count
    from {{ ref('deal_contacts') }} as roles
    left join {{ ref('contacts') }} as contacts using (contact_id)
    where not roles.is_deleted_in_salesforce and contacts.is_deleted_in_salesforce is not true
    group by roles.deal_id
)

select deals.deal_id, deals.contact_count, listed.contact_count as listed_count
from {{ ref('deals') }} as deals
left join listed using (deal_id)
where deals.contact_count <> coalesce(listed.contact_count, 0)
