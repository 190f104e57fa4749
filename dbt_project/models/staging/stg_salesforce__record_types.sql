select
    id as record_type_id,
    name as record_type_name,
    developer_name,
    sobject_type,
    is_active,
    _xact_id
from {{ source('raw_salesforce', 'record_type') }}
