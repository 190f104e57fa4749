{#-
  Our `incremental`, in place of dbt's: a table kept by key, and never dropped, since analysts hang views on it.

  One build, one transaction: take the oldest open transaction (snapshot_xmin), compute the rows whose key changed since the
  last one, close the difference, store snapshot_xmin. A build that fails changes nothing and leaves the mark where it was.
  "Whole" is the same with every key: at first, on --full-refresh, after a restore or an upgrade, for models without `changed_keys`.
  Rows that are already right are not written, so readers are never locked out, and `_xact_id`, which this materialization adds
  to every table, tells the next model which rows really changed.

  config: unique_key    columns of the primary key
          changed_keys  the model that lists changed keys; without it every build compares the whole table (small tables)
          changed_by    columns of changed_keys (default: unique_key)
          append_only   rows are added and never changed or removed
          indexes       [{columns: […]}]
          extra_fields_of  the raw table whose rows have this key as their id: fluint.yaml may add columns of it
-#}
{% materialization incremental, adapter='postgres' %}
  {%- set target_relation = this.incorporate(type='table') -%}
  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}

  {#- One build of a model at a time: a slower one would write older rows over newer ones. -#}
  {% call statement('lock') -%}
    select pg_advisory_xact_lock(hashtextextended('fluint model {{ this.identifier }}', 0))
  {%- endcall %}
  {% set mark = keyed__mark() %}
  {% set is_settling = mark['is_first'] or should_full_refresh() %}
  {% if is_settling %}
    {% call statement('contract') %}{{ get_assert_columns_equivalent(sql) }} select 1{% endcall %}
    {% do keyed__settle_table(target_relation, model) %}
    {% do keyed__forget_mark() %}
  {% endif %}

  {% set arrived = this.identifier ~ '__arrived' %}
  {% set changed = this.identifier ~ '__changed' %}
  {% set columns = model['columns'].keys() | list %}
  {% set extra = keyed__extra_columns(target_relation) %}
  {#- A column that this build makes is filled for every row, also if the marks were forgotten while another build ran. -#}
  {% set is_whole = is_settling or not config.get('changed_keys') or extra | selectattr('is_new') | list | length > 0 %}
  {% if is_whole %}
    {% do keyed__stage(arrived, sql, columns, extra) %}
  {% else %}
    {% set changed_keys = ref(config.get('changed_keys')) %}
    {% do keyed__stage(changed, 'select * from ' ~ changed_keys, config.get('changed_by') or keyed__key()) %}
    {% do keyed__stage(arrived, sql | replace(changed_keys | string, changed), columns, extra) %}
  {% endif %}
  {% for column in extra %}{% do columns.append(adapter.quote(column.name)) %}{% endfor %}

  {% if not config.get('append_only') %}
    {% do keyed__delete_missing(target_relation, arrived, none if is_whole else changed) %}
  {% endif %}
  {% do keyed__write(target_relation, arrived, columns) %}
  {% if is_settling %}
    {% do keyed__settle_rows(target_relation) %}
  {% endif %}
  {% do keyed__store_mark(mark['snapshot_xmin']) %}

  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {{ adapter.commit() }}
  {{ run_hooks(post_hooks, inside_transaction=False) }}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

