-- The mark of each model that may still be trusted: of this server, and not from its future (a restored database has neither).
select model, snapshot_xmin, built_at
from {{ source('fluint_sync', 'modelled') }}
where
    system_identifier = (select system_identifier from pg_control_system())
    and snapshot_xmin <= pg_snapshot_xmax(pg_current_snapshot())
