-- A failure means that the number of mails on a deal is not the number of its mails in email_activity: one of the two was not rebuilt
-- after a change, for example when a mail moved from one deal to another.
{{ config(meta={'dagster': {'ref': {'name': 'deals'}}}) }}

with listed as (
    select deal_id, count(*) as email_count
    from {{ ref('email_activity') }}
    where not is_deleted_in_salesforce
    group by deal_id
)

select deals.deal_id, deals.email_count, listed.email_count as listed_count
from {{ ref('deals') }} as deals
left join listed using (deal_id)
where deals.email_count <> coalesce(listed.email_count, 0)
