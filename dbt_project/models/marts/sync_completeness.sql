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
    completeness.compared_at
from {{ source('fluint_sync', 'completeness') }} as completeness
