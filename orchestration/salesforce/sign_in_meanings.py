"""What the OAuth endpoints and the way back from the consent page can say, each with the place where an admin clicks. Data only.

Names and descriptions are those of Salesforce Help, "OAuth 2.0 Authorization Errors", and of the public error sheets of other
connectors; the same app is called connected app or External Client App, and its policies lie elsewhere in Setup.
"""

from __future__ import annotations

from orchestration.errors import NeedsReconnectError, Remedy, SetupError, TransientSalesforceError
from orchestration.salesforce.meaning import Meaning

_USAGE = "Setup › Connected Apps OAuth Usage"
_POLICIES = (
    "Setup › Manage Connected Apps › Fluint's app › Edit Policies (an External Client App: Setup › External Client App Manager ›"
    " the app › Policies)"
)

GRANT_ENDED = Meaning(
    "The connection to Salesforce has ended: the grant of {user} was revoked, expired, or replaced by newer ones. What was read stays"
    " and can be queried; nothing new arrives. A Salesforce admin connects Fluint again with `fluint connect`. If it ends again by itself,"
    f" the admin sets the refresh token policy to 'valid until revoked' under {_POLICIES}",
    NeedsReconnectError,
    ("invalid_grant",),
    seen="The sync worked for days or weeks and stopped.",
)
UNKNOWN = Meaning(
    "Salesforce gives {user} no session, for a reason that Fluint does not know yet. What was read stays. A Salesforce admin looks at the"
    " user's newest entry under Setup › Login History, which often says more, and shows it to Salesforce's support with this text",
    SetupError,
)

SIGN_IN: tuple[Meaning, ...] = (
    Meaning(
        "Access was denied on Salesforce's consent page. Nothing was connected. Start again, signed in as the integration user, and"
        " choose Allow",
        SetupError,
        ("access_denied",),
        phrases=("denied authorization",),
    ),
    Meaning(
        "The org does not let {user} use the app, because it is not installed there. A Salesforce admin opens"
        f" {_USAGE}, finds Fluint and chooses Install; or gives the user the permission 'Approve Uninstalled Connected Apps' under"
        " Setup › Permission Sets › System Permissions (in an org with API Access Control: 'Use Any API Client'). Then connect again",
        SetupError,
        ("OAUTH_APPROVAL_ERROR_GENERIC", "OAUTH_EC_APP_NOT_FOUND", "app_not_found"),
        phrases=("must be installed",),
        seen="Salesforce's own page says OAUTH_APPROVAL_ERROR_GENERIC and leads nowhere.",
    ),
    Meaning(
        "A Salesforce admin has blocked Fluint's app in this org. What was read stays. The admin opens"
        f" {_USAGE}, finds Fluint and chooses Unblock. Then connect again",
        SetupError,
        ("OAUTH_APP_BLOCKED",),
    ),
    Meaning(
        "The app admits only users whom an admin approved, and {user} is not among them. A Salesforce admin opens"
        f" {_POLICIES} and adds the user's profile or permission set; or sets Permitted Users to 'All users may self-authorize'."
        " Then connect again",
        SetupError,
        ("OAUTH_APP_ACCESS_DENIED", "invalid_app_access"),
        phrases=("not admin approved",),
    ),
    Meaning(
        "Salesforce does not know this app, or its secret is wrong. Nothing was connected and nothing was changed. Whoever manages"
        " the app compares FLUINT_SALESFORCE_CLIENT_ID and FLUINT_SALESFORCE_CLIENT_SECRET with the consumer key and secret under Setup ›"
        " App Manager › the app › Manage Consumer Details; a new app takes ten minutes until it is known everywhere",
        SetupError,
        ("invalid_client_id", "invalid_client", "invalid_client_credentials"),
    ),
    Meaning(
        "The redirect address is not registered in the app. Whoever manages the app adds Fluint's callback address, letter for letter,"
        " to its Callback URLs under Setup › App Manager › the app › Edit",
        SetupError,
        ("redirect_uri_mismatch",),
    ),
    Meaning(
        "The app does not offer what Fluint asks for. Whoever manages the app adds the scopes 'Manage user data via APIs (api)' and"
        " 'Perform requests at any time (refresh_token, offline_access)' under Setup › App Manager › the app › Edit. Then connect again",
        SetupError,
        ("invalid_scope",),
    ),
    Meaning(
        "The app does not offer this way of signing in. Whoever manages the app enables it under Setup › App Manager › the app ›"
        " Edit (the client credentials flow, the JWT bearer flow), or FLUINT_SALESFORCE_SIGN_IN is set to one that is enabled",
        SetupError,
        ("unsupported_grant_type", "unsupported_response_type"),
    ),
    Meaning(
        "Salesforce did not understand Fluint's request to sign in. Nothing was connected. This is for Fluint's support to mend",
        SetupError,
        ("invalid_request",),
        own_remedy=Remedy.BUG,
    ),
    Meaning(
        "Salesforce has seen too many sign-ins of {user} for the moment and gave no session. The connection stands and nothing was"
        " changed; the next sync tries again. If this stays, a Salesforce admin looks under Setup › Login History for what else signs in",
        TransientSalesforceError,
        ("rate_limit_exceeded",),
    ),
    Meaning(
        "Salesforce refuses {user} from this computer's IP address. What was read stays. A Salesforce admin adds the address to the login"
        f" IP ranges of the user's profile (Setup › Profiles › the profile › Login IP Ranges), or chooses 'Relax IP restrictions' under"
        f" {_POLICIES}; then connect again",
        NeedsReconnectError,
        ("invalid_grant",),
        "ip restricted",
    ),
    Meaning(
        "{user} was deactivated in Salesforce. What was read stays. A Salesforce admin activates the user under Setup › Users, or connects"
        " again as a user made for the integration, who leaves with nobody",
        NeedsReconnectError,
        ("invalid_grant",),
        "inactive user",
    ),
    Meaning(
        "The Salesforce org is not active any more. What was read stays. If it was replaced by a new sandbox, connect to that one with"
        " `fluint connect --replace-org`; otherwise a Salesforce admin asks Salesforce's support why",
        NeedsReconnectError,
        ("invalid_grant",),
        "inactive organization",
    ),
    Meaning(
        "The sign-in took too long or its page was used twice. Start the connection again",
        NeedsReconnectError,
        ("invalid_grant",),
        "authorization code",
    ),
    Meaning(
        "The sign-in was answered for another attempt. Start the connection again and use the newest page",
        NeedsReconnectError,
        ("invalid_grant",),
        "code verifier",
    ),
    Meaning(
        "The user of FLUINT_SALESFORCE_USERNAME has not been approved for the app. A Salesforce admin opens"
        f" {_POLICIES}, sets Permitted Users to 'Admin approved users are pre-authorized' and adds the user's profile or permission set;"
        " then run `fluint connect` again",
        NeedsReconnectError,
        ("invalid_grant",),
        "hasn't approved this consumer",
    ),
    Meaning(
        "Salesforce does not accept {host} as the org of this user. Whoever runs Fluint sets the address to the org's My Domain (Setup ›"
        " My Domain); then run `fluint connect` again",
        NeedsReconnectError,
        ("invalid_grant",),
        "audience validation failed",
    ),
    Meaning(
        "Salesforce does not accept the signature of the sign-in. Whoever manages the app uploads the certificate that belongs to the"
        " key of FLUINT_SALESFORCE_PRIVATE_KEY_FILE under Setup › App Manager › the app › Edit › Use digital signatures, and whoever runs"
        " Fluint sees that this computer's clock is right; then run `fluint connect` again",
        NeedsReconnectError,
        ("invalid_grant",),
        "invalid assertion",
    ),
    Meaning(
        "The app has no user to act as. A Salesforce admin enables the client credentials flow and names the integration user as 'Run As'"
        f" under {_POLICIES}; then run `fluint connect` again",
        NeedsReconnectError,
        ("invalid_grant",),
        "no client credentials user enabled",
    ),
    Meaning(
        "{host} does not sign in apps without a person: only the org's own My Domain does. Whoever runs Fluint sets the address to it"
        " (Setup › My Domain); then run `fluint connect` again",
        NeedsReconnectError,
        ("invalid_grant",),
        "not supported on this domain",
    ),
    GRANT_ENDED,
)
"""In order: the first entry that fits is the one. `invalid_grant` always ends in `NeedsReconnectError`, which ends all further tries."""
