select
    versions.document_id,
    versions.version_number,
    versions.deal_id,
    uploads.content_document_id,
    uploads.content_version_id,
    versions.title,
    versions.file_name,
    versions.content_type,
    versions.sha256,
    versions.created_by,
    -- No row in the outbox yet: it is about to be picked up.
    coalesce(uploads.upload_state, 'waiting') as upload_state,
    uploads.upload_reason,
    uploads.upload_reason_text,
    uploads.upload_outlook,
    uploads.upload_retry_at,
    org.instance_url || '/' || uploads.content_document_id as salesforce_url,
    versions.byte_size,
    coalesce(uploads.attempts, 0) as attempts,
    versions.version_number = max(versions.version_number) over (partition by versions.document_id) as is_latest_version,
    versions.generated_at,
    uploads.uploaded_at
from {{ ref('stg_app__document_versions') }} as versions
left join {{ ref('stg_sync__uploads') }} as uploads using (document_id, version_number)
left join {{ ref('int_org_connected') }} as org on true
