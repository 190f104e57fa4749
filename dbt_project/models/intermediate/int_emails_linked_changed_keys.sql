select email_message_id
from {{ ref('stg_salesforce__email_messages') }}
where {{ changed_since('int_emails_linked') }}
