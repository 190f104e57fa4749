{#- Lets the role fluint_reader read one relation of the schema fluint, where the role exists (it cannot be created everywhere). -#}
{% macro grant_to_reader(relation) -%}
  {%- if relation.schema == 'fluint' -%}
    {%- call statement('grant_to_reader') -%}
      do $grant$
      begin
        if exists (select from pg_roles where rolname = 'fluint_reader') then
          grant usage on schema {{ relation.schema }} to fluint_reader;
          grant select on {{ relation }} to fluint_reader;
        end if;
      end
      $grant$
    {%- endcall -%}
  {%- endif -%}
{%- endmacro %}
