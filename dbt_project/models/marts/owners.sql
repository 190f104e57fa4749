-- A licence leaves no mark of its transaction (the app's tables are the app's): owners are compared by value, all of them.
select * from {{ ref('int_owners_matched') }}
