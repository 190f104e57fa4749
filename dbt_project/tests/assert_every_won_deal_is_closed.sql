-- A failure means the same as in assert_won_deals_are_closed, here for all deals.
{{ config(meta={'dagster': {'ref': {'name': 'deals'}}}) }}

select deal_id
from {{ ref('deals') }}
where is_won and not is_closed
