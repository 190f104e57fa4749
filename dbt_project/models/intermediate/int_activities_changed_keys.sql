-- Tasks and events whose row in `activities` may differ since it was last built.
select activity_id from {{ ref('int_activities_united') }} where {{ changed_since('activities') }}
union
select activities.activity_id
from {{ ref('int_activities_united') }} as activities
inner join {{ ref('stg_sync__admissions') }} as admissions using (deal_id)
where {{ changed_since('activities', 'admissions') }}
