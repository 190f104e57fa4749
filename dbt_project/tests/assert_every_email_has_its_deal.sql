-- A failure means the same as in assert_every_changed_email_has_its_deal, here for all mails.
{{ config(meta={'dagster': {'ref': {'name': 'email_activity'}}}, severity='warn') }}

select email_message_id, deal_id
from {{ ref('email_activity') }} as emails
where not exists (select from {{ ref('deals') }} as deals where deals.deal_id = emails.deal_id)
