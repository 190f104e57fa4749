{#-
  Row filter: written since the last successful build of `model` read its inputs (a row carries the transaction that
  wrote it; a build stores the oldest transaction that was still open when it began). Every row, if there was no such build.

  The upper bound is always true. With both bounds Postgres estimates a narrow range and takes the index on _xact_id; with the
  lower one alone, whose value it cannot know while planning, it assumes a third of the table and reads all of it.
-#}
{% macro changed_since(model, relation=none) -%}
  {%- set column = (relation ~ "." if relation else "") ~ "_xact_id" -%}
  {{ column }} >= coalesce((select snapshot_xmin from {{ ref('int_models_built') }} where model = '{{ model }}'), '0'::xid8)
  and {{ column }} <= '18446744073709551615'::xid8
{%- endmacro %}
