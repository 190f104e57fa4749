select
    document_id,
    version_number,
    content_document_id,
    content_version_id,
    state as upload_state,
    reason as upload_reason,
    attempts,
    uploaded_at
from {{ source('fluint_sync', 'upload') }}
