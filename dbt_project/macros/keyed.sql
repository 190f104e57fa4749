{#- The steps of our incremental materialization (materialization_incremental.sql). Each runs in the build's one transaction. -#}

{#- What this build may rely on, taken before it reads: a transaction that is still open now is read again by the next build. -#}
{% macro keyed__mark() %}
  {% set models_built = api.Relation.create(schema='fluint_intermediate', identifier='int_models_built') %}
  {% set row = run_query(
    "select pg_snapshot_xmin(pg_current_snapshot())::text, not exists (select from " ~ models_built
    ~ " where model = '" ~ this.identifier ~ "')"
  ).rows[0] %}
  {{ return({'snapshot_xmin': row[0], 'is_first': row[1]}) }}
{% endmacro %}

{% macro keyed__forget_mark() %}
  {% call statement('forget_mark') -%}
    delete from fluint_sync.modelled where model = '{{ this.identifier }}'
  {%- endcall %}
{% endmacro %}

{% macro keyed__store_mark(snapshot_xmin) %}
  {% call statement('store_mark') -%}
    insert into fluint_sync.modelled (model, snapshot_xmin, system_identifier, built_at)
    select '{{ this.identifier }}', '{{ snapshot_xmin }}'::xid8, system_identifier, clock_timestamp()
    from pg_control_system()
    on conflict (model) do update set snapshot_xmin = excluded.snapshot_xmin,
      system_identifier = excluded.system_identifier, built_at = excluded.built_at
  {%- endcall %}
{% endmacro %}

{% macro keyed__key() %}
  {% set key = config.require('unique_key') %}
  {{ return([key] if key is string else key) }}
{% endmacro %}

{#- The contract of `node` stands: its table is made, or gets what it lacks, with comments and rights. Nothing is altered or dropped. -#}
{% macro keyed__settle_table(relation, node) %}
  {% set columns = adapter.render_raw_columns_constraints(raw_columns=node.columns)
    + adapter.render_raw_model_constraints(raw_constraints=node.constraints) %}
  {% call statement('create') -%}
    create table if not exists {{ relation }} (
      {{ columns | join(', ') }},
      _xact_id xid8 not null default pg_current_xact_id()
    );
    comment on column {{ relation }}._xact_id is 'The transaction that last changed this row; models read by it what changed.'
  {%- endcall %}
  {% set held = adapter.get_columns_in_relation(relation) | map(attribute='name') | list %}
  {% for name, column in node.columns.items() if name not in held %}
    {% call statement('add_column') -%}
      alter table {{ relation }} add column {{ adapter.quote(name) }} {{ column['data_type'] }}
    {%- endcall %}
  {% endfor %}
  {% do run_query(alter_relation_comment(relation, node.description)) %}
  {% do run_query(alter_column_comment(relation, node.columns)) %}
  {% do grant_to_reader(relation) %}
{% endmacro %}

{#- What is done once the rows are there: constraints of added columns, indexes, statistics. -#}
{% macro keyed__settle_rows(target_relation) %}
  {% for name, column in model['columns'].items() if column['constraints'] | selectattr('type', 'equalto', 'not_null') | list %}
    {% call statement('not_null') -%}
      alter table {{ target_relation }} alter column {{ adapter.quote(name) }} set not null
    {%- endcall %}
  {% endfor %}
  {% for columns in config.get('indexes', []) | map(attribute='columns') | list + [['_xact_id']] %}
    {% call statement('index') -%}
      create index if not exists {{ adapter.quote((this.identifier ~ '__' ~ columns | join('__'))[:63]) }}
      on {{ target_relation }} ({{ columns | join(', ') }})
    {%- endcall %}
  {% endfor %}
  {% call statement('analyze') %}analyze {{ target_relation }}{% endcall %}
{% endmacro %}

{% macro keyed__stage(name, query, columns, extra=[]) %}
  {% call statement('stage') -%}
    create temporary table {{ name }} on commit drop as
      select staged.{{ columns | join(', staged.') }}
        {%- for column in extra %},
        {{ 'extra.' ~ adapter.quote(column.raw) if column.is_exposed else 'null::' ~ column.type }} as {{ adapter.quote(column.name) }}
        {%- endfor %}
      from ({{ query }}) as staged
      {% if extra -%}
      left join raw_salesforce.{{ adapter.quote(config.get('extra_fields_of')) }} as extra on extra.id = staged.{{ keyed__key()[0] }}
      {%- endif %};
    analyze {{ name }}
  {%- endcall %}
{% endmacro %}

{#-
  The columns that fluint.yaml adds to this mart beside those of its contract, from the raw row of the same id: name, raw, type,
  is_exposed, is_new. One that is no longer exposed stays, since views hang on it, and is emptied.
-#}
{% macro keyed__extra_columns(target_relation) %}
  {% set columns = [] %}
  {% if config.get('extra_fields_of') %}
    {% set held = {} %}
    {% for column in adapter.get_columns_in_relation(target_relation) %}{% do held.update({column.name: column.data_type}) %}{% endfor %}
    {% set wanted = run_query(
      "select distinct on (mart_column) mart_column, column_name, type, field, is_exposed from fluint_sync.raw_column as wanted"
      ~ " where object = '" ~ config.get('extra_fields_of') ~ "' and mart_column is not null and exists (select from"
      ~ " information_schema.columns as raw where raw.table_schema = 'raw_salesforce' and raw.table_name = wanted.object"
      ~ " and raw.column_name = wanted.column_name) order by mart_column, is_exposed desc, is_read desc"
    ) %}
    {% for name, raw, type, field, is_exposed in wanted.rows if is_exposed or name in held %}
      {% if name not in held %}
        {% call statement('add_extra') -%}
          alter table {{ target_relation }} add column {{ adapter.quote(name) }} {{ type }};
          comment on column {{ target_relation }}.{{ adapter.quote(name) }} is 'Salesforce: {{ field }}, as fluint.yaml asks.'
        {%- endcall %}
      {% elif held[name] != type | replace('timestamptz', 'timestamp with time zone') %}
        {% do exceptions.raise_compiler_error(
          target_relation.schema ~ '.' ~ target_relation.identifier ~ '.' ~ name ~ ' holds ' ~ held[name] ~ ', and ' ~ field ~ ' is ' ~ type
          ~ '. A column is never altered in place: choose another mart_column in fluint.yaml.') %}
      {% endif %}
      {% do columns.append({'name': name, 'raw': raw, 'type': type, 'is_exposed': is_exposed, 'is_new': name not in held}) %}
    {% endfor %}
  {% endif %}
  {{ return(columns) }}
{% endmacro %}

{% macro keyed__equal(left, right, columns) -%}
  {% for column in columns %}{{ left }}.{{ column }} = {{ right }}.{{ column }}{{ " and " if not loop.last }}{% endfor %}
{%- endmacro %}

{#- A key that was looked at and did not arrive is gone. Without `changed`, every key was looked at. -#}
{% macro keyed__delete_missing(target_relation, arrived, changed) %}
  {% set changed_by = config.get('changed_by') or keyed__key() %}
  {% call statement('delete_missing') -%}
    delete from {{ target_relation }} as held
    where not exists (select from {{ arrived }} as arrived where {{ keyed__equal('arrived', 'held', keyed__key()) }})
    {% if changed -%}
      and exists (select from {{ changed }} as changed where {{ keyed__equal('changed', 'held', changed_by) }})
    {%- endif %}
  {%- endcall %}
{% endmacro %}

{#-
  Writes rows that are new or differ, and no other: an upsert of an equal row would still lock and log it.
  A refused row is reported without its values: Postgres puts them into DETAIL, and dbt into logs and events.
-#}
{% macro keyed__write(target_relation, arrived, columns) %}
  {% set others = columns | reject('in', keyed__key()) | list %}
  {% call statement('main') -%}
    do $write$
    begin
      insert into {{ target_relation }} as held ({{ columns | join(', ') }})
      select {{ columns | join(', ') }} from {{ arrived }} as arrived
      where not exists (
        select from {{ target_relation }} as held where {{ keyed__equal('held', 'arrived', keyed__key()) }}
        {% if others and not config.get('append_only') -%}
          and ({% for column in others %}held.{{ column }}{{ ", " if not loop.last }}{% endfor %}) is not distinct from
              ({% for column in others %}arrived.{{ column }}{{ ", " if not loop.last }}{% endfor %})
        {%- endif %}
      )
      {% if others and not config.get('append_only') -%}
        on conflict ({{ keyed__key() | join(', ') }}) do update set
          {% for column in others %}{{ column }} = excluded.{{ column }}, {% endfor %}_xact_id = excluded._xact_id
      {%- endif %};
    exception when integrity_constraint_violation or data_exception then
      raise exception using errcode = sqlstate, message = sqlerrm;
    end
    $write$
  {%- endcall %}
{% endmacro %}
