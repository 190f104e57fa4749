"""Salesforce: everything that speaks to an org, built around simple-salesforce. Nothing of Postgres, Dagster or the environment.

oauth      sign-in, refresh, revoke; declares `TokenStore`, which others fulfil; my_domain, redirect, jwt_bearer and oauth_errors serve it
renewal    when the grant is renewed, by one process at a time, and what a lost answer costs
transport  the one way out: session, time limits, retries, renewal of the session, counting
responses  the one interpreter of what comes back: every refusal becomes an error of `orchestration.errors`. What each code means is data
           (`meaning`, api_meanings, sign_in_meanings; `governed`: what opens an object that has no permission of its own), and
           docs/troubleshooting.md is made from it (`troubleshooting`)
quota      how much of the org's daily calls is used, and when to stop
soql       the only place where SOQL text is made
query, bulk, describe, files   one way to read or write each; `client` puts them behind one class

Nothing but reading, this client's own query jobs, revoking its own tokens and creating ContentVersion can be expressed here.
"""
