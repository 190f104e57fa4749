-- Deals whose rows and children are read: once admitted, always in scope. Reads tables only, like user_matches.
select
    admissions.opportunity_id,
    admissions.admitted_at,
    opportunities.id is not null and opportunities._deleted_at is null as is_held_live
from {{ source('fluint_sync', 'admission') }} as admissions
left join {{ source('raw_salesforce', 'opportunity') }} as opportunities on opportunities.id = admissions.opportunity_id
