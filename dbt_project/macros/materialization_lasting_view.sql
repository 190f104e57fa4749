{#-
  A view that is replaced in place. dbt's own view is dropped with everything that hangs on it; views that others use (analysts
  on `fluint`, the sync on `fluint_entitlement`) must keep their identity. They read tables only, never a view of the internal
  layers, and their columns only grow at the end: Postgres refuses any other replacement.
-#}
{% materialization lasting_view, adapter='postgres' %}
  {%- set target_relation = this.incorporate(type='view') -%}
  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}

  {% call statement('main') -%}
    create or replace view {{ target_relation }}
    {% if config.get('contract').enforced -%}
      {{ get_assert_columns_equivalent(sql) }}
    {%- endif %}
    as (
      {{ sql }}
    )
  {%- endcall %}
  {% do grant_to_reader(target_relation) %}
  {% do persist_docs(target_relation, model) %}

  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {{ adapter.commit() }}
  {{ run_hooks(post_hooks, inside_transaction=False) }}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
