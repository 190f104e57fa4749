{#- When a model runs, in Postgres' words; a macro, so that a unit test can say that it is another time. -#}
{% macro moment() -%}
    current_timestamp
{%- endmacro %}
