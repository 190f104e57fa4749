-- Which Salesforce user is which person of the workspace. E-mail decides (as written, or without the suffix that sandboxes add);
-- the Username is asked only where no active Salesforce user carries the person's e-mail. What cannot be told is said, not guessed.
-- Reads tables only: the sync depends on this view, which is replaced in place (macros/materialization_lasting_view.sql).

with people as (
    select user_id, is_licensed, nullif(lower(btrim(email)), '') as email
    from {{ source('fluint_app', 'app_user') }}
),

salesforce_users as (
    select
        id as owner_id,
        coalesce(is_active, false) as is_active,
        lower(btrim(email)) as email,
        lower(btrim(username)) as username
    from {{ source('raw_salesforce', 'user') }}
),

candidates as (
    select owner_id, is_active, user_id, is_licensed, 1 as preference, 'email' as rule
    from salesforce_users inner join people using (email)
    union all
    select owner_id, is_active, user_id, is_licensed, 2, 'email_without_invalid'
    from salesforce_users
    inner join people on people.email = left(salesforce_users.email, -length('.invalid'))
    where salesforce_users.email like '%.invalid'
    union all
    select owner_id, is_active, user_id, is_licensed, 3, 'username'
    from salesforce_users inner join people on people.email = salesforce_users.username
),

compared as (
    select
        *,
        min(preference) over (partition by owner_id) as best_of_owner,
        bool_or(is_active and rule <> 'username') over (partition by user_id) as has_active_email
    from candidates
),

matches as (
    select owner_id, user_id, rule, is_active, is_licensed
    from compared
    where preference = best_of_owner and (rule <> 'username' or not has_active_email)
),

counted as (
    select
        *,
        count(*) over (partition by owner_id) as people_of_owner,
        count(*) filter (where is_active) over (partition by user_id) as active_users_of_person
    from matches
)

select
    owner_id,
    user_id,
    rule,
    is_active,
    is_licensed,
    people_of_owner > 1 or active_users_of_person > 1 as is_ambiguous,
    case
        when people_of_owner > 1 then 'one_salesforce_user_for_two_fluint_users'
        when active_users_of_person > 1 then 'two_active_salesforce_users'
    end as reason
from counted
