-- A failure means that a generated version is missing in fluint.deal_documents: nobody would see that it was never uploaded.
{{ config(meta={'dagster': {'ref': {'name': 'deal_documents'}}}) }}

select document_id, version_number from {{ ref('stg_app__document_versions') }}
except
select document_id, version_number from {{ ref('deal_documents') }}
