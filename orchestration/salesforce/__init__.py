"""Salesforce: everything that speaks to an org, built around simple-salesforce. Nothing of Postgres, Dagster or the environment.

oauth      sign-in, refresh, revoke; declares `TokenStore`, which others fulfil; my_domain, redirect and oauth_errors serve it
transport  the one way out: session, time limits, retries, renewal of the session, counting
responses  the one interpreter of what comes back: every refusal becomes an error of `orchestration.errors`
quota      how much of the org's daily calls is used, and when to stop
soql       the only place where SOQL text is made
query, bulk, describe, files   one way to read or write each; `client` puts them behind one class

Nothing but reading, this client's own query jobs, revoking its own tokens and creating ContentVersion can be expressed here.
"""
