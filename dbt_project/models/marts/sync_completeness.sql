-- A view over the ledger: the last comparison, also while models fail to build. Reads tables only (lasting_view).
select
    completeness.object,
    completeness.part,
    nullif(completeness.owner_id, '') as owner_id,
    completeness.month,
    completeness.in_salesforce,
    completeness.held,
    completeness.in_salesforce - completeness.held as missing,
    completeness.brought_in,
    completeness.in_salesforce = completeness.held as is_complete,
    completeness.compared_at,
    -- Deals that were kept are asked for by their ids each time.
    case when completeness.part = 'kept' then completeness.compared_at else ids_compared.compared_at end as ids_compared_at
from {{ source('fluint_sync', 'completeness') }} as completeness
left join {{ source('fluint_sync', 'ids_compared') }} as ids_compared
    on ids_compared.object = completeness.object and ids_compared.month = completeness.month
