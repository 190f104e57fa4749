-- A failure means that deals are in a stage that the org no longer defines (a deleted picklist value) or that we may not read.
-- They have no order and no label of their own, and reports by stage show them apart. A Salesforce admin decides what they become.
{{ config(meta={'dagster': {'ref': {'name': 'deals'}}}, severity='warn') }}

select stage_name, count(*) as deals
from {{ ref('deals') }}
where stage_id is null
group by stage_name
