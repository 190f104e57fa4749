{#-
  What deals take from the connection and from what the org lets us see, as it is now; a change of either concerns every deal. A field
  that is visible again counts as hidden until its column has been read: until then it holds nothing, or what it held before.
-#}
{% macro org_connected() -%}
select
    connection.org_id,
    rtrim(connection.instance_url, '/') as instance_url,
    exists (
        select from {{ source('fluint_sync', 'hidden_field') }} as hidden_field
        where hidden_field.object = 'opportunity' and hidden_field.field = 'LastStageChangeDate'
    ) or exists (
        select from {{ source('fluint_sync', 'raw_column') }} as raw_column
        where
            raw_column.object = 'opportunity' and raw_column.field = 'LastStageChangeDate'
            and raw_column.is_read and raw_column.covered_at is null
    ) as is_last_stage_change_hidden
from {{ source('fluint_sync', 'connection') }} as connection
{%- endmacro %}
