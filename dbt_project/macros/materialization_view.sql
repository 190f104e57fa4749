{#-
  Our `view`, in place of dbt's, which drops a view with everything on top of it even when nothing changed. This one replaces it in
  place, and drops it only where Postgres refuses that because columns differ; `fluint upgrade` rebuilds all views in one call,
  so that what fell with it stands again.
-#}
{% materialization view, adapter='postgres' %}
  {%- set target_relation = this.incorporate(type='view') -%}
  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}

  {% call statement('main') -%}
    do $view$
    begin
      create or replace view {{ target_relation }} as ({{ sql }});
    exception when invalid_table_definition then
      drop view {{ target_relation }} cascade;
      create view {{ target_relation }} as ({{ sql }});
    end
    $view$
  {%- endcall %}
  {% do persist_docs(target_relation, model) %}

  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {{ adapter.commit() }}
  {{ run_hooks(post_hooks, inside_transaction=False) }}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
