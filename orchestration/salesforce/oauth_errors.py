"""What a failed sign-in or refresh means, as texts with the next step and who can take it. Protocol and storage belong elsewhere.

Salesforce's error names and descriptions are those of Salesforce Help, "OAuth 2.0 Authorization Errors". Descriptions that name
no secret are passed on; the request never is.
"""

from __future__ import annotations

import requests

from orchestration.errors import NeedsReconnectError, SetupError, TransientSalesforceError

_OAUTH_USAGE = "Setup › Connected Apps OAuth Usage"

_NO_INSTALL = (
    "The org does not let its users use the connected app, because it is not installed there. A Salesforce admin opens"
    f" {_OAUTH_USAGE}, finds the app and chooses Install; or gives the integration user the permission 'Approve Uninstalled"
    " Connected Apps' in a permission set. Then connect again."
)
_BLOCKED = (
    f"A Salesforce admin has blocked the connected app. The admin opens {_OAUTH_USAGE}, finds the app and chooses Unblock."
    " Then connect again."
)
_NOT_APPROVED = (
    "The connected app admits only users whom an admin approved, and the integration user is not among them. A Salesforce admin opens"
    f" {_OAUTH_USAGE}, edits the app's policies, and adds the integration user's profile or permission set. Then connect again."
)
_DENIED = (
    "Access was denied on Salesforce's consent page. Nothing was connected."
    " Start again, signed in as the integration user, and choose Allow."
)
_WRONG_APP = (
    "Salesforce does not know this connected app, or its secret is wrong. Whoever manages the connected app compares"
    " FLUINT_SALESFORCE_CLIENT_ID and FLUINT_SALESFORCE_CLIENT_SECRET with the app's consumer key and secret."
)
_WRONG_REDIRECT = (
    "The redirect address is not registered in the connected app. Whoever manages the app adds Fluint's callback address,"
    " letter for letter, to its Callback URLs."
)

_BY_ERROR = {
    "access_denied": _DENIED,
    "app_not_found": _NO_INSTALL,
    "oauth_approval_error_generic": _NO_INSTALL,
    "oauth_ec_app_not_found": _NO_INSTALL,
    "oauth_app_blocked": _BLOCKED,
    "oauth_app_access_denied": _NOT_APPROVED,
    "invalid_app_access": _NOT_APPROVED,
    "invalid_client_id": _WRONG_APP,
    "invalid_client": _WRONG_APP,
    "invalid_client_credentials": _WRONG_APP,
    "redirect_uri_mismatch": _WRONG_REDIRECT,
}

_BY_DESCRIPTION = (
    ("must be installed", _NO_INSTALL),
    ("not admin approved", _NOT_APPROVED),
    ("denied authorization", _DENIED),
)

_GRANT_REASONS = (
    (
        "ip restricted",
        "Salesforce refuses the integration user from this computer's IP address. A Salesforce admin adds the address to the login IP"
        " ranges of the user's profile, or sets 'Relax IP restrictions' in the connected app's policies; then connect again.",
    ),
    (
        "inactive user",
        "The Salesforce user who connected Fluint was deactivated. A Salesforce admin activates the user, or connects again as a user"
        " made for the integration.",
    ),
    (
        "inactive organization",
        "The Salesforce org is not active any more. If it moved or was replaced by a new sandbox, connect to the new one.",
    ),
    (
        "authorization code",
        "The sign-in took too long or its page was used twice. Start the connection again.",
    ),
    (
        "code verifier",
        "The sign-in was answered for another attempt. Start the connection again and use the newest page.",
    ),
)

_GRANT_ENDED = (
    "The connection to Salesforce has ended: the grant was revoked, expired, or replaced by newer ones. What was read stays and can be"
    " queried; nothing new arrives. A Salesforce admin connects Fluint again."
)


_TOO_MANY = (
    "Salesforce has seen too many sign-ins of the integration user for the moment and gave no session. The connection stands and nothing"
    " was changed; the next sync tries again. If this stays, a Salesforce admin looks under Setup › Login History for what else signs in."
)


def refused(error: str, description: str, host: str) -> SetupError | TransientSalesforceError:
    """Returns the error for what an OAuth endpoint answered; `invalid_grant` is a `NeedsReconnectError`, which ends all further tries.

    A rate that was exceeded says nothing about the grant: it is a `TransientSalesforceError`.
    """
    said = f" (Salesforce {host} said: {error}{f', {description}' if description else ''}.)"
    if error.lower() == "rate_limit_exceeded":
        return TransientSalesforceError(_TOO_MANY + said, code=error)
    if error.lower() == "invalid_grant":
        text = next((text for words, text in _GRANT_REASONS if words in description.lower()), _GRANT_ENDED)
        return NeedsReconnectError(text + said, code=error)
    by_description = next((text for words, text in _BY_DESCRIPTION if words in description.lower()), None)
    text = by_description or _BY_ERROR.get(error.lower()) or "Salesforce refused the sign-in."
    return SetupError(text + said, code=error)


def unreachable(host: str, error: requests.RequestException) -> TransientSalesforceError | SetupError:
    """Returns the error for a host that gave no answer: `SetupError` where its certificate is not trusted, otherwise one to try later."""
    if isinstance(error, requests.exceptions.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error):
        return SetupError(
            f"The certificate of {host} is not trusted here. Whoever runs Fluint sets FLUINT_SALESFORCE_CA_FILE to the certificate"
            " authority's file if a proxy or a local org stands there; nothing was sent."
        )
    return TransientSalesforceError(
        f"{host} did not answer ({type(error).__name__}). Nothing was changed; the next sync tries again. If this stays, check the network"
        " and the proxy settings of this computer."
    )
