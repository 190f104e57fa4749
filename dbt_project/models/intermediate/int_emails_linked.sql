-- Which deal a mail belongs to, and to which it belonged: a mail that is related to another deal must be taken off the old one,
-- and Salesforce's row no longer knows that one. Former pairs come from this table itself.
with changed_keys as (
    select email_message_id from {{ ref('int_emails_linked_changed_keys') }}
),

emails as (
    select email_message_id, deal_id
    from {{ ref('stg_salesforce__email_messages') }}
    where deal_id is not null and email_message_id in (select email_message_id from changed_keys)
),

former as (
    select held.email_message_id, held.deal_id
    from {{ this }} as held
    where
        held.email_message_id in (select email_message_id from changed_keys)
        and not exists (
            select from emails
            where emails.email_message_id = held.email_message_id and emails.deal_id = held.deal_id
        )
)

select emails.email_message_id, emails.deal_id, true as is_current from emails
union all
select former.email_message_id, former.deal_id, false as is_current from former
