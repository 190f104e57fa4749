"""Texts about Fluint's own side: the user list, the filter, what was read, what arrives."""

from __future__ import annotations

from collections.abc import Mapping

from orchestration.setup.outcome import Outcome
from orchestration.setup.texts.form import ADMIN, OPERATOR, WORKSPACE, Text

_REST = "Deals of the other licensed people come in."

TEXTS: Mapping[str, Text] = {
    "nobody_licensed": Text(
        Outcome.DATA,
        "No Fluint user has a licence.",
        "No deal comes in: only deals of licensed owners do.",
        "Users, stages and record types are read.",
        WORKSPACE,
        "Run `fluint users import users.csv` with the columns email,full_name,is_licensed",
    ),
    "users_unmatched": Text(
        Outcome.DATA,
        "{count} licensed Fluint users have no Salesforce user with their e-mail address: {people}.",
        "These people's deals do not come in.",
        _REST,
        WORKSPACE,
        "Run `fluint why <e-mail address>` for each: it names the nearest address; then correct the address on one of the two sides",
    ),
    "users_not_read": Text(
        Outcome.DATA,
        "{count} licensed Fluint users have no Salesforce user among the {held:,} active ones that were read, and more can be seen by now:"
        " {people}.",
        "These people's deals do not come in yet.",
        _REST,
        OPERATOR,
        "Run `fluint sync`: after this check it reads all users again",
    ),
    "users_not_seen": Text(
        Outcome.DATA,
        "{count} licensed Fluint users have no Salesforce user with their e-mail address among those that {user} can see, and users are"
        " hidden from it: {people}.",
        "These people's deals do not come in.",
        _REST,
        ADMIN,
        "{holder} › System Permissions › Edit › tick 'View All Users' › Save; then `fluint sync`",
    ),
    "users_ambiguous": Text(
        Outcome.DATA,
        "Licensed Fluint users who match more than one person: {count} ({people}).",
        "These people's deals do not come in, for nobody can tell whose they are.",
        _REST,
        WORKSPACE,
        "Run `fluint why <e-mail address>` for each; then deactivate the Salesforce user that is not used, or give it another address",
    ),
    "no_filter": Text(
        Outcome.ADVICE,
        "The filter is empty: every deal of a licensed owner comes in, of all years and stages.",
        "Dashboards may be cluttered with old deals, and what came in stays.",
        "Everything works.",
        WORKSPACE,
        "Run `fluint preview` to see what that is, and `fluint filters set --created-since last-two-years` or what is meant",
    ),
    "filter_lies_ahead": Text(
        Outcome.DATA,
        "The filter takes deals created since {since:%Y-%m-%d}, which lies ahead.",
        "No deal comes in.",
        "Deals that came in before are followed.",
        WORKSPACE,
        "Run `fluint filters set --created-since` with the day that is meant",
    ),
    "filter_names_unknown": Text(
        Outcome.DATA,
        "The filter leaves out {names}, which the org does not have any more.",
        "Deals that were meant to stay out come in.",
        "The rest of the filter holds.",
        WORKSPACE,
        "Run `fluint filters set` with the names that the org has now; `fluint filters show` shows the filter",
    ),
    "object_switched_off": Text(
        Outcome.ADVICE,
        "Switched off in the settings: {objects}.",
        "Their tables and what is built on them stay as they are, or empty.",
        "The other objects are read.",
        OPERATOR,
        "If that is not meant, remove them under objects: in fluint.yaml",
    ),
    "object_needs_other": Text(
        Outcome.DATA,
        "The object {sobject} is switched on, and {missing}, which it depends on, is switched off.",
        "Its table stays empty, or names things that are missing.",
        "The other objects are read.",
        OPERATOR,
        "Remove {missing} under objects: in fluint.yaml",
    ),
    "never_read": Text(
        Outcome.DATA,
        "Nothing has been read yet of {objects}.",
        "Their tables are empty.",
        "What the other tables hold can be queried.",
        OPERATOR,
        "Run `fluint sync`; it reads users, stages, record types, deals, roles, contacts and mails in this order",
    ),
    "stale": Text(
        Outcome.DATA,
        "The data of {objects} is right up to {as_of:%Y-%m-%d %H:%M} UTC only.",
        "Changes since then are missing.",
        "What was read stays and can be queried.",
        OPERATOR,
        "Run `fluint sync` and read its text; if it succeeds, see that Dagster's daemon runs",
    ),
    "owners_not_listed": Text(
        Outcome.DATA,
        "{owners} owners and {deals} deals wait to be listed.",
        "Deals of these owners, or contacts and mails of these deals, are missing.",
        "What was listed is followed.",
        OPERATOR,
        "Run `fluint sync`, or wait for list_missing_job",
    ),
    "deals_missing": Text(
        Outcome.DATA,
        "Salesforce shows {theirs:,} deals that should be in Fluint and have not changed of late; {ours:,} of them are.",
        "Deals are missing in Fluint, without any error.",
        "The deals that are held are followed.",
        OPERATOR,
        "Run `fluint sync` and check again; if they still differ, `fluint backfill --from {month} --to {this_month}` reads all again",
    ),
    "stages_unknown": Text(
        Outcome.DATA,
        "{deals:,} deals are in stages that the org does not list: {stages}.",
        "These deals have no place in the pipeline, no probability and no order.",
        "They are shown with the name of their stage.",
        "a Salesforce admin",
        "Setup › Object Manager › Opportunity › Fields & Relationships › Stage › New: add the value; or move the deals to one that exists",
    ),
}
