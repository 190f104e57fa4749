select
    emails.email_message_id,
    emails.deal_id,
    emails.reply_to_email_message_id,
    emails.message_identifier,
    emails.thread_identifier,
    emails.direction,
    emails.status,
    emails.from_address,
    emails.from_name,
    emails.to_address,
    emails.cc_address,
    emails.bcc_address,
    emails.subject,
    emails.deleted_reason,
    emails.is_opened,
    emails.is_bounced,
    emails.is_tracked,
    emails.is_externally_visible,
    emails.is_deleted_in_salesforce,
    emails.message_at,
    emails.first_opened_at,
    emails.last_opened_at,
    emails.created_at,
    emails.deleted_at,
    emails.hidden_at
from {{ ref('stg_salesforce__email_messages') }} as emails
inner join {{ ref('stg_sync__admissions') }} as admissions using (deal_id)
where
    emails.email_message_id in (select email_message_id from {{ ref('int_email_activity_changed_keys') }})
    and emails.deleted_reason is distinct from 'moved_out_of_scope'
