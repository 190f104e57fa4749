-- A view over the ledger, so that it tells the truth also while models fail to build. Reads tables only (lasting_view).
with pending as (
    select
        object,
        count(*) as pending_count,
        count(*) filter (where reason = 'not_visible') as not_visible_count,
        min(since) filter (where reason <> 'not_visible') as oldest_since
    from {{ source('fluint_sync', 'pending') }}
    group by object
),

wanted as (
    select (select created_since from {{ source('fluint_app', 'backfill_filter') }} limit 1) as created_since
),

owners as (
    select
        count(*) as parents_entitled,
        count(*) filter (
            where coverage.created @> tstzrange(wanted.created_since, null)
        ) as parents_covered
    from {{ ref('scope_owners') }} as scope_owners
    cross join wanted
    left join {{ source('fluint_sync', 'owner_coverage') }} as coverage using (owner_id)
),

deals as (
    select count(*) as parents_entitled from {{ ref('scope_deals') }} where is_held_live
),

deals_covered as (
    select coverage.object, count(*) as parents_covered
    from {{ source('fluint_sync', 'deal_coverage') }} as coverage
    inner join {{ ref('scope_deals') }} as scope_deals using (opportunity_id)
    where scope_deals.is_held_live
    group by coverage.object
)

select
    cursor.object,
    least(cursor.position, pending.oldest_since) as data_as_of,
    cursor.position as asked_until,
    coalesce(pending.pending_count, 0) as pending_count,
    coalesce(pending.not_visible_count, 0) as not_visible_count,
    case
        when cursor.object = 'opportunity' then owners.parents_entitled
        when cursor.is_of_deals then deals.parents_entitled
    end as parents_entitled,
    case
        when cursor.object = 'opportunity' then owners.parents_covered
        when cursor.is_of_deals then coalesce(deals_covered.parents_covered, 0)
    end as parents_covered
from {{ source('fluint_sync', 'cursor') }} as cursor
cross join owners
cross join deals
left join pending using (object)
left join deals_covered using (object)
