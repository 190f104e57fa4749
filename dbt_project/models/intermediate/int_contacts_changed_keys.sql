-- Contacts whose row in `contacts` may differ since it was last built.
select contact_id from {{ ref('stg_salesforce__contacts') }} where {{ changed_since('contacts') }}
