{#- What deals take from the connection and from what the org lets us see, as it is now; a change of either concerns every deal. -#}
{% macro org_connected() -%}
select
    connection.org_id,
    rtrim(connection.instance_url, '/') as instance_url,
    exists (
        select from {{ source('fluint_sync', 'hidden_field') }} as hidden_field
        where hidden_field.object = 'opportunity' and hidden_field.field = 'LastStageChangeDate'
    ) as is_last_stage_change_hidden
from {{ source('fluint_sync', 'connection') }} as connection
{%- endmacro %}
