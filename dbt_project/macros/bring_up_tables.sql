{#-
  Makes every table of the contract that does not exist yet, empty, and adds the columns that one lacks: views on marts can then
  be deployed in one call, before any mart was built. `dbt run-operation bring_up_tables`, part of `fluint upgrade`.
-#}
{% macro bring_up_tables() %}
  {% for node in graph.nodes.values() if node.resource_type == 'model' and node.config.materialized == 'incremental' %}
    {% set relation = api.Relation.create(database=target.database, schema=node.schema, identifier=node.name, type='table') %}
    {% do adapter.create_schema(relation) %}
    {% do keyed__settle_table(relation, node) %}
  {% endfor %}
  {% do run_query('commit') %}
{% endmacro %}
