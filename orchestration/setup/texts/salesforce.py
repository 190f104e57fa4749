"""Texts about the way into the org: connection, API, the app and its policies, and the org as a whole."""

from __future__ import annotations

from collections.abc import Mapping

from orchestration.setup.outcome import Outcome
from orchestration.setup.texts.form import ADMIN, OPERATOR, Text

_STANDS = "What was read stays and can be queried; nothing new arrives."
_ALL_WORKS = "Everything works for now."
_POLICIES = "Setup › App Manager (Connected Apps, External Client Apps) › {app} › Manage or Edit Policies › OAuth Policies"
_AGAIN = "; then `fluint connect`, which says what else stands in the way"

TEXTS: Mapping[str, Text] = {
    "not_connected": Text(
        Outcome.STOPS,
        "This workspace is not connected to a Salesforce org.",
        "Fluint shows no deals of Salesforce.",
        "Users and filters can be set before.",
        OPERATOR,
        "Run `fluint connect` and sign in as the integration user; if that is refused, its text says where to click",
    ),
    "grant_ended": Text(
        Outcome.STOPS,
        "Salesforce has ended the connection of {user}: {reason}",
        "Deals in Fluint stay as they were at the last sync.",
        _STANDS,
        ADMIN,
        "Run `fluint connect` and sign in as the integration user; rows and cursors stay",
    ),
    "sign_in_refused": Text(
        Outcome.STOPS,
        "Salesforce refuses a session to {user}: {reason}",
        "Deals in Fluint stay as they were at the last sync.",
        _STANDS,
        ADMIN,
        "Do what Salesforce's text above says" + _AGAIN,
    ),
    "settings_refuse": Text(
        Outcome.STOPS,
        "{reason}",
        "Deals in Fluint stay as they were at the last sync.",
        _STANDS,
        OPERATOR,
        "Correct the setting that the text above names",
    ),
    "my_domain_renamed": Text(
        Outcome.STOPS,
        "The org does not answer at the address that it had when it was connected: its My Domain seems to have been renamed.",
        "Deals in Fluint stay as they were at the last sync.",
        _STANDS,
        ADMIN,
        "Setup › My Domain: read the current name, and run `fluint connect` with it; rows and cursors stay",
    ),
    "user_inactive": Text(
        Outcome.STOPS,
        "Salesforce has ended the connection, because {user} was deactivated.",
        "Deals in Fluint stay as they were at the last sync.",
        _STANDS,
        ADMIN,
        "Setup › Users › the integration user › Edit › tick 'Active' › Save" + _AGAIN,
    ),
    "other_org": Text(
        Outcome.STOPS,
        "The org that answers is {answered}, and this database belongs to {held}.",
        "Nothing is read, so that two orgs are not mixed.",
        _STANDS,
        OPERATOR,
        "Run `fluint connect` and sign in to the org {held}, or use a database of its own for the other org",
    ),
    "not_reached": Text(
        Outcome.UNTESTED,
        "Salesforce could not be asked: {reason}",
        "Nothing yet, if it answers again at the next sync.",
        "What was read stays and can be queried.",
        OPERATOR,
        "Run `fluint check` again later; if this stays, look whether this machine reaches the org's address",
    ),
    "allowance_used": Text(
        Outcome.STOPS,
        "The org's API calls of the last 24 hours are used up as far as Fluint may use them: {reason}",
        "Changes arrive late.",
        "What was read stays; the sync goes on by itself when calls are free again.",
        ADMIN,
        "Setup › System Overview › API Usage › Calls Last 24 Hours: see which application uses them, and let it use fewer",
    ),
    "allowance_tight": Text(
        Outcome.ADVICE,
        "A sync every {interval} seconds takes about {needed:,} calls a day, and the org has {most:,}, of which {used:,} are used.",
        "Syncs pause towards the end of a busy day.",
        _ALL_WORKS,
        OPERATOR,
        "Set FLUINT_INTERVAL_SECONDS to {advised} or more, or ask Salesforce for more API calls",
    ),
    "bulk_jobs_used": Text(
        Outcome.ADVICE,
        "No Bulk API query job of today's {most:,} is left.",
        "A first load or a new licence takes longer.",
        "Everything is read by REST instead.",
        ADMIN,
        "Setup › Bulk Data Load Jobs: see which application makes them",
    ),
    "api_disabled_for_org": Text(
        Outcome.STOPS,
        "The org's edition has no API access, or Salesforce has switched it off.",
        "Fluint gets nothing at all.",
        _STANDS,
        ADMIN,
        "Setup › Company Information › Organization Edition: ask the Salesforce account team for an edition with API access",
    ),
    "api_disabled_for_user": Text(
        Outcome.STOPS,
        "{user} lacks 'API Enabled'.",
        "Fluint gets nothing at all.",
        _STANDS,
        ADMIN,
        "{holder} › System Permissions › Edit › tick 'API Enabled' › Save",
    ),
    "version_not_served": Text(
        Outcome.STOPS,
        "The org does not serve the API version that Fluint asks for.",
        "Fluint gets nothing at all.",
        _STANDS,
        OPERATOR,
        "Set FLUINT_API_VERSION to a version that <the org's address>/services/data lists",
    ),
    "password_expired": Text(
        Outcome.STOPS,
        "The password of {user} has expired.",
        "Fluint gets nothing at all.",
        _STANDS,
        ADMIN,
        "Setup › Users › the integration user › Reset Password, and tick 'Password Never Expires' in its permission set",
    ),
    "app_blocked": Text(
        Outcome.STOPS,
        "An admin of the org has blocked the app.",
        "Deals in Fluint stay as they were at the last sync.",
        _STANDS,
        ADMIN,
        "Setup › Connected Apps OAuth Usage › {app} › Unblock" + _AGAIN,
    ),
    "app_not_approved": Text(
        Outcome.STOPS,
        "The app admits approved users only, and {user} is not among them.",
        "Deals in Fluint stay as they were at the last sync.",
        _STANDS,
        ADMIN,
        "Setup › Connected Apps OAuth Usage › {app} › Manage App Policies › Profiles or Permission Sets: add one that the user has"
        + _AGAIN,
    ),
    "app_not_installed": Text(
        Outcome.ADVICE,
        "The org does not list the app as installed, and {user} has neither 'Approve Uninstalled Connected Apps' nor 'Use Any API"
        " Client'.",
        "The next sign-in is refused (app must be installed).",
        "The present connection goes on.",
        ADMIN,
        "Setup › Connected Apps OAuth Usage › {app} › Install; or {holder} › System Permissions › Edit › tick 'Approve Uninstalled"
        " Connected Apps' › Save",
    ),
    "app_missing": Text(
        Outcome.STOPS,
        "The org refuses {user} the app, because it is not installed there any more.",
        "Deals in Fluint stay as they were at the last sync.",
        _STANDS,
        ADMIN,
        "Setup › Connected Apps OAuth Usage › {app} › Install (a deleted External Client App: Setup › External Client App Manager › New)"
        + _AGAIN,
    ),
    "token_expires_by_age": Text(
        Outcome.STOPS,
        "The app's refresh token ends {period} after sign-in, however often it is used.",
        "The sync stops again and again, until somebody signs in.",
        "Everything works until then; the last sign-in was {since:%Y-%m-%d}.",
        ADMIN,
        _POLICIES + " › Refresh Token Policy › choose 'Refresh token is valid until revoked' › Save",
    ),
    "token_expires_at_once": Text(
        Outcome.STOPS,
        "The app's refresh token ends at once.",
        "The sync stops some hours after each sign-in.",
        "The present session goes on until its time-out.",
        ADMIN,
        _POLICIES + " › Refresh Token Policy › choose 'Refresh token is valid until revoked' › Save" + _AGAIN,
    ),
    "token_expires_when_idle": Text(
        Outcome.ADVICE,
        "The app's refresh token ends {period} after its last use; it was last used on {since:%Y-%m-%d %H:%M} UTC.",
        "After a long pause of Fluint somebody has to sign in again.",
        "Everything works while Fluint runs at least once a day.",
        ADMIN,
        _POLICIES + " › Refresh Token Policy › choose 'Refresh token is valid until revoked' › Save",
    ),
    "token_was_idle": Text(
        Outcome.ADVICE,
        "Until this check, nobody had used the connection since {since:%Y-%m-%d}: many policies end a refresh token after {days} days"
        " without use, and this app's cannot be seen.",
        "Somebody has to sign in again, if Fluint rests for that long.",
        "Everything works: this check has renewed it.",
        OPERATOR,
        "Start `fluint ui`, or Dagster's daemon, and leave it running: its daily check alone keeps the connection alive",
    ),
    "token_policy_hidden": Text(
        Outcome.UNTESTED,
        "The policy of the app's refresh token cannot be seen, and no token has been renewed since the sign-in yet.",
        "If it is not 'valid until revoked', the sync stops some time after the sign-in.",
        "Everything works for now.",
        ADMIN,
        _POLICIES + " › Refresh Token Policy: see that it is 'Refresh token is valid until revoked'",
    ),
    "address_not_allowed": Text(
        Outcome.STOPS,
        "Salesforce has ended the connection, because it refuses {user} from the IP address of the machine that Fluint runs on.",
        "Deals in Fluint stay as they were at the last sync.",
        _STANDS,
        ADMIN,
        _POLICIES + " › IP Relaxation › choose 'Relax IP restrictions' › Save" + _AGAIN,
    ),
    "high_assurance": Text(
        Outcome.ADVICE,
        "The app demands sessions of high assurance.",
        "A sign-in or a renewal may be refused, or ask for a second factor that nobody is there to give.",
        "The present connection goes on.",
        ADMIN,
        _POLICIES + " › Session Policies › clear 'High assurance session required' › Save",
    ),
    "transaction_security": Text(
        Outcome.STOPS,
        "A transaction security policy of the org stops queries of {user}.",
        "Deals in Fluint stay as they were at the last sync.",
        _STANDS,
        ADMIN,
        "{holder} › System Permissions › Edit › tick 'Exempt from Transaction Security' › Save; or exempt the user in the policy under"
        " Setup › Transaction Security Policies",
    ),
    "other_environment": Text(
        Outcome.DATA,
        "The org says that it is a {now}; when it was connected, it was a {before}.",
        "Test data may stand among real deals, or the other way round.",
        "The sync goes on with the org as it is.",
        OPERATOR,
        "Run `fluint connect` and sign in to the org that is meant; if this one is, signing in once more notes what it is now",
    ),
    "clock_differs": Text(
        Outcome.ADVICE,
        "This machine's clock and Salesforce's differ by {minutes} minutes.",
        "Times in logs do not match those in Salesforce; sign-in by certificate (JWT) may be refused.",
        "The sync goes by Salesforce's clock alone.",
        OPERATOR,
        "Switch on the time synchronisation (NTP) of the machine that Fluint runs on",
    ),
}
