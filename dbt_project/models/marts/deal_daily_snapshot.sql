-- Every live deal that Salesforce shows, changed or not, once for each UTC day. The past cannot be captured again: rows are only added.
select
    -- Before noon it is the end of the day before: the run of 23:50 that comes after midnight must neither lose its day nor take the
    -- next one's place, nor may a run by hand in the morning.
    (({{ moment() }} - interval '12 hours') at time zone 'utc')::date as snapshot_date,
    deal_id,
    stage_id,
    owner_id,
    stage_name,
    forecast_category_name,
    currency_code,
    amount,
    probability,
    is_closed,
    is_won,
    is_owner_licensed,
    close_date,
    stage_entered_at,
    {{ moment() }} as captured_at
from {{ ref('deals') }}
where not is_deleted_in_salesforce and hidden_at is null
