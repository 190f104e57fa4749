-- A failure means that a mail that was just built belongs to a deal that fluint.deals does not have. The opportunity was admitted and
-- its row is still to be fetched; if the next sync does not cure it, `fluint why` says what keeps it.
{{ config(meta={'dagster': {'ref': {'name': 'email_activity'}}}, tags=['interval'], severity='warn') }}

select email_message_id, deal_id
from {{ ref('email_activity') }} as emails
where
    {{ changed_since('email_activity', 'emails') }}
    and not exists (select from {{ ref('deals') }} as deals where deals.deal_id = emails.deal_id)
