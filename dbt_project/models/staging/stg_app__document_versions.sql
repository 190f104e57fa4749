-- Types are cast, because the app may bring tables of its own. The content is not read: it may be large, and no table needs it.
select
    versions.document_id::uuid as document_id,
    versions.version_number::integer as version_number,
    documents.opportunity_id as deal_id,
    documents.title,
    documents.created_by::text as created_by,
    versions.file_name,
    versions.content_type,
    versions.sha256,
    versions.byte_size::bigint as byte_size,
    documents.created_at as document_created_at,
    versions.generated_at
from {{ source('fluint_app', 'document_version') }} as versions
inner join {{ source('fluint_app', 'document') }} as documents using (document_id)
