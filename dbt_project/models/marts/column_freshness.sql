-- A view over the ledger, so that it tells the truth also while models fail to build. Reads tables only (lasting_view).
select
    raw_column.object,
    raw_column.column_name,
    raw_column.field as salesforce_field,
    case when raw_column.is_exposed then raw_column.mart_column end as mart_column,
    case
        when not raw_column.is_read then raw_column.cause
        when raw_column.covered_at is null then 'being_read'
        else 'current'
    end as state,
    not raw_column.is_read as is_stale,
    raw_column.not_read_since as stale_since,
    raw_column.is_unstamped as is_reread_nightly,
    raw_column.covered_at
from {{ source('fluint_sync', 'raw_column') }} as raw_column
