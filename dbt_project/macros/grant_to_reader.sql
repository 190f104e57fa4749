{#-
  Lets the role fluint_reader read one relation of the schema fluint, where the role exists (it cannot be created everywhere).
  Grants only what is missing, and one at a time: models are built side by side, and two grants on one schema would collide.
-#}
{% macro grant_to_reader(relation) -%}
  {%- if relation.schema == 'fluint' -%}
    {%- call statement('grant_to_reader') -%}
      do $grant$
      begin
        if not exists (select from pg_roles where rolname = 'fluint_reader') then
          return;
        end if;
        if not has_schema_privilege('fluint_reader', '{{ relation.schema }}', 'usage') then
          perform pg_advisory_xact_lock(hashtextextended('fluint grants', 0));
          if not has_schema_privilege('fluint_reader', '{{ relation.schema }}', 'usage') then
            grant usage on schema {{ relation.schema }} to fluint_reader;
          end if;
        end if;
        grant select on {{ relation }} to fluint_reader;
      end
      $grant$
    {%- endcall -%}
  {%- endif -%}
{%- endmacro %}
