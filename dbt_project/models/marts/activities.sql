select
    activities.activity_id,
    activities.deal_id,
    activities.owner_id,
    activities.contact_id,
    activities.account_id,
    activities.series_activity_id,
    activities.activity_type,
    activities.activity_subtype,
    activities.subject,
    activities.status,
    activities.priority,
    activities.call_type,
    activities.deleted_reason,
    activities.duration_minutes,
    activities.is_closed,
    activities.is_all_day,
    activities.is_private,
    activities.is_invitation,
    activities.is_series,
    activities.is_archived,
    activities.is_deleted_in_salesforce,
    activities.activity_date,
    activities.starts_at,
    activities.ends_at,
    activities.completed_at,
    activities.created_at,
    activities.last_modified_at,
    activities.deleted_at,
    activities.hidden_at
from {{ ref('int_activities_united') }} as activities
inner join {{ ref('stg_sync__admissions') }} as admissions using (deal_id)
where
    activities.activity_id in (select activity_id from {{ ref('int_activities_changed_keys') }})
    and activities.deleted_reason is distinct from 'moved_out_of_scope'
