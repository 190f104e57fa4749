-- Bodies and headers stay in raw: fluint.email_bodies reads them there.
select
    id as email_message_id,
    related_to_id as deal_id,
    activity_id,
    reply_to_email_message_id,
    email_template_id,
    message_identifier,
    thread_identifier,
    case when incoming then 'incoming' else 'outgoing' end as direction,
    case status
        when '0' then 'new'
        when '1' then 'read'
        when '2' then 'replied'
        when '3' then 'sent'
        when '4' then 'forwarded'
        when '5' then 'draft'
        else status
    end as status,
    from_address,
    from_name,
    to_address,
    cc_address,
    bcc_address,
    coalesce(subject, name) as subject,
    coalesce(is_opened, false) as is_opened,
    is_bounced,
    is_tracked,
    is_externally_visible,
    {{ tombstone() }},
    message_date as message_at,
    first_opened_date as first_opened_at,
    last_opened_date as last_opened_at,
    created_date as created_at,
    system_modstamp as salesforce_modified_at,
    _xact_id
from {{ source('raw_salesforce', 'email_message') }}
