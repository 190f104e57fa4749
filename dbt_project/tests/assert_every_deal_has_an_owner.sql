-- A failure means the same as in assert_every_changed_deal_has_an_owner, here for all deals.
{{ config(meta={'dagster': {'ref': {'name': 'deals'}}}, severity='warn') }}

select deal_id, owner_id
from {{ ref('deals') }} as deals
where not exists (select from {{ ref('owners') }} as owners where owners.owner_id = deals.owner_id)
