-- A failure means that a deal that came in, and whose row is held, is missing in fluint.deals, or the other way round: the models lost
-- track of a change. `fluint upgrade` is not enough; build the mart whole (`--full-refresh`) and report what led to it.
{{ config(meta={'dagster': {'ref': {'name': 'deals'}}}) }}

select coalesce(held.deal_id, listed.deal_id) as deal_id
from (
    select deal_id
    from {{ ref('stg_salesforce__opportunities') }}
    inner join {{ ref('stg_sync__admissions') }} using (deal_id)
) as held
full join {{ ref('deals') }} as listed using (deal_id)
where held.deal_id is null or listed.deal_id is null
