-- A view over the app's row, so that it is what the next sync goes by. Reads tables only (lasting_view).
select
    filters.created_since,
    filters.excluded_stages,
    filters.excluded_record_types as excluded_record_type_ids,
    filters.excluded_owners as excluded_owner_ids,
    filters.minimum_amount,
    filters.updated_at
from {{ source('fluint_app', 'backfill_filter') }} as filters
