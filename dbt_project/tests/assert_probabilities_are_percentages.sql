-- A failure means that a probability is not between 0 and 100. Who multiplies amounts by probability / 100 gets a wrong forecast.
{{ config(meta={'dagster': {'ref': {'name': 'deals'}}}) }}

select deal_id, probability
from {{ ref('deals') }}
where probability not between 0 and 100
