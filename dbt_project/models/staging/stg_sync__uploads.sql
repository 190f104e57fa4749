select
    document_id,
    version_number,
    content_document_id,
    content_version_id,
    state as upload_state,
    reason as upload_reason,
    reason_text as upload_reason_text,
    outlook as upload_outlook,
    retry_at as upload_retry_at,
    attempts,
    uploaded_at
from {{ source('fluint_sync', 'upload') }}
