-- A view over the raw table: bodies are large, and a copy would double the database. Reads tables only (lasting_view).
select
    emails.id as email_message_id,
    emails.related_to_id as deal_id,
    emails.text_body,
    emails.html_body,
    emails.headers
from {{ source('raw_salesforce', 'email_message') }} as emails
inner join {{ source('fluint_sync', 'admission') }} as admissions on admissions.opportunity_id = emails.related_to_id
where emails._deleted_reason is distinct from 'moved_out_of_scope'
