{#-
  What became of a record, from the tombstone of its raw row, in four columns. That Salesforce no longer shows it (`not_visible`)
  proves no deletion: a permission or a share that was taken away looks the same.
-#}
{% macro tombstone() -%}
    _deleted_at is not null and _deleted_reason is distinct from 'not_visible' as is_deleted_in_salesforce,
    nullif(_deleted_reason, 'not_visible') as deleted_reason,
    case when _deleted_reason is distinct from 'not_visible' then _deleted_at end as deleted_at,
    case when _deleted_reason = 'not_visible' then _deleted_at end as hidden_at
{%- endmacro %}
