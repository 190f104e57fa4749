-- Inputs that changed since the marts were last built; empty when the marts are up to date. The sensor asks it.
{#- Every raw table that a model reads. They are named, not referred to: dbt would have to know them before it has read all files. -#}
{% set raw_tables = [] %}
{% for table in graph.sources.values() | selectattr('source_name', 'equalto', 'raw_salesforce') %}
    {% do raw_tables.append(api.Relation.create(database=table.database, schema=table.schema, identifier=table.name)) %}
{% endfor %}

with mark as (
    -- Without a mark for `deals` everything is still to be built.
    select
        case when bool_or(model = 'deals') then min(snapshot_xmin) else '0'::xid8 end as snapshot_xmin
    from {{ ref('int_models_built') }}
    where model <> 'deal_daily_snapshot'
),

inputs as (
    {% for table in raw_tables %}
    select '{{ table.identifier }}' as input, exists (
        select from {{ table }}
        where _xact_id >= (select snapshot_xmin from mark) and _xact_id <= '18446744073709551615'::xid8
    ) as is_ahead
    union all
    {% endfor %}
    {% for table in ['admission', 'excluded_count', 'upload'] %}
    select '{{ table }}' as input, exists (
        select from {{ source('fluint_sync', table) }} where _xact_id >= (select snapshot_xmin from mark)
    ) as is_ahead
    union all
    {% endfor %}
    select 'app_user' as input, exists (
        select * from {{ ref('int_owners_matched') }}
        except
        select
            owner_id, fluint_user_id, owner_name, owner_email, username, user_type, owner_match, unmatched_reason,
            is_active, is_matched, is_licensed, created_at
        from {{ ref('owners') }}
    ) as is_ahead
    union all
    select 'connection' as input, exists (
        select * from ({{ org_connected() }}) as now_connected
        except
        select org_id, instance_url, is_last_stage_change_hidden from {{ ref('int_org_connected') }}
    ) as is_ahead
    union all
    select 'document_version' as input, exists (
        select document_id, version_number from {{ ref('stg_app__document_versions') }}
        except
        select document_id, version_number from {{ ref('deal_documents') }}
    ) as is_ahead
)

select input from inputs where is_ahead
