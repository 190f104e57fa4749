-- A failure means that a deal that was just built is owned by a user whom we do not hold: users are read before deals, so the
-- integration user cannot see that one. The deal has no owner name and counts as unlicensed. A Salesforce admin grants View All Users.
{{ config(meta={'dagster': {'ref': {'name': 'deals'}}}, tags=['interval'], severity='warn') }}

select deal_id, owner_id
from {{ ref('deals') }} as deals
where
    {{ changed_since('deals', 'deals') }}
    and not exists (select from {{ ref('owners') }} as owners where owners.owner_id = deals.owner_id)
