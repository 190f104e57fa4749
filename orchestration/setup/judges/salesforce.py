"""Judges of the way into the org: the connection, API access, the app and its policies, and the org as a whole."""

from __future__ import annotations

from datetime import timedelta

from orchestration.errors import FluintError, NeedsReconnectError, QuotaReachedError, Remedy, TransientError
from orchestration.salesforce.renewal import IDLE_POLICY, was_idle
from orchestration.setup.judges.common import unseen
from orchestration.setup.outcome import Fault, Judgement, fine, wrong
from orchestration.setup.seen import AppPolicy, Asked, Connection, Seen

APP = "Fluint"
_DAY = 86_400
# Of a quiet day: one composite an interval; a describe of each of eight objects an hour; the nightly counts and this check.
_OTHER_CALLS = 24 * 8 + 60
_CLOCKS = timedelta(minutes=5)

# What an OAuth endpoint or a marked connection says, told apart by Salesforce's own words, which are kept in the text.
_SIGN_IN = (
    ("ip restricted", "address_not_allowed"),
    ("inactive user", "user_inactive"),
    ("OAUTH_APP_BLOCKED", "app_blocked"),
    ("invalid_app_access", "app_not_approved"),
    ("OAUTH_APP_ACCESS_DENIED", "app_not_approved"),
    ("OAUTH_EC_APP_NOT_FOUND", "app_missing"),
    ("OAUTH_APPROVAL_ERROR_GENERIC", "app_missing"),
    ("app_not_found", "app_missing"),
    ("must be installed", "app_missing"),
)
_API = {
    "API_DISABLED_FOR_ORG": "api_disabled_for_org",
    "API_CURRENTLY_DISABLED": "api_disabled_for_user",
    "UNSUPPORTED_API_VERSION": "version_not_served",
    "GONE": "version_not_served",
    "INVALID_OPERATION_WITH_EXPIRED_PASSWORD": "password_expired",
}
_TRANSACTION_SECURITY = "TXN_SECURITY"


def _sign_in(seen: Seen) -> tuple[str, FluintError] | None:
    """Why no session is given, as the code of a text."""
    error = seen.salesforce.refused
    if error is None:
        return None
    for words, code in _SIGN_IN:
        if words.lower() in f"{error} {error.code or ''}".lower():
            return code, error
    return None


def connection(seen: Seen) -> Judgement:
    """Is there a grant, does it work, and is it that of this database's org?"""
    held, error = seen.fluint.connection, seen.salesforce.refused
    if held is None or held.state == "disconnected":
        return wrong(Fault("not_connected"))
    refused = _sign_in(seen)
    if refused and refused[0] == "user_inactive":
        return wrong(Fault("user_inactive", values={"user": seen.user}, error=refused[1]))
    fault = _no_session(seen, held, error) if error is not None and refused is None else None
    if fault is not None:
        return wrong(fault)
    org = seen.salesforce.org
    if not isinstance(org, FluintError) and org is not None and org.id != held.org_id:
        return wrong(Fault("other_org", values={"answered": org.id, "held": held.org_id}))
    if error is not None:
        return fine("There is a grant; what refuses it is told elsewhere.")
    return fine(f"Salesforce answers {seen.user} of org {held.org_id}.")


def _no_session(seen: Seen, held: Connection, error: FluintError) -> Fault | None:
    """The fault behind a refusal of everything, unless another item tells it: thirty items that could not be tested need a reason."""
    code = error.code or ""
    if isinstance(error, QuotaReachedError) or code in _API or code.startswith(_TRANSACTION_SECURITY):
        return None
    values: dict[str, object] = {"user": seen.user, "reason": str(error)}
    if isinstance(error, NeedsReconnectError):
        return Fault("grant_ended", values=values | {"reason": held.reason or error}, error=error)
    if isinstance(error, TransientError):
        return Fault("not_reached", values=values, error=error)
    if error.remedy is Remedy.RECONNECT:
        return Fault("my_domain_renamed", values=values, error=error)
    return Fault("sign_in_refused" if code else "settings_refuse", values=values, error=error)


def api_access(seen: Seen) -> Judgement:
    """May the org and the user use the API, in this version?"""
    error = seen.salesforce.refused
    code = _API.get(error.code or "") if error else None
    if error is not None and code is not None:
        values = {"user": seen.user, "holder": seen.salesforce.holder}
        return wrong(Fault(code, values=values, error=error))
    if isinstance(seen.salesforce.org, FluintError):
        return unseen(seen, "whether the API may be used", seen.salesforce.org)
    return fine(f"The API answers; the edition is {seen.salesforce.org.edition}.")


def app_permitted(seen: Seen) -> Judgement:
    """Is the app installed, not blocked, and the user among those whom it admits?"""
    refused = _sign_in(seen)
    values = {"user": seen.user, "app": _app_name(seen), "holder": seen.salesforce.holder}
    if refused and refused[0].startswith("app_"):
        return wrong(Fault(refused[0], values=values, error=refused[1]))
    apps = seen.salesforce.apps
    if isinstance(apps, FluintError):
        return unseen(seen, "the list of installed apps", apps)
    app = _ours(seen)
    if app is not None:
        permitted = (
            "users whom an admin approved, such as"
            if app.admin_approved_only
            else "whoever approves it, and so"
        )
        return fine(f"The app {app.name} is installed and admits {permitted} {seen.user}.")
    may = seen.salesforce.may_approve_apps
    if may is True or seen.salesforce.may_use_any_client is True:
        return fine(f"The app is not listed as installed; {seen.user} may use apps that are not.")
    if isinstance(may, FluintError):
        return unseen(seen, "whether apps that are not installed may be used", may)
    return wrong(Fault("app_not_installed", values=values))


def refresh_token_policy(seen: Seen) -> Judgement:
    """Does the grant last until somebody revokes it?"""
    apps, held = seen.salesforce.apps, seen.fluint.connection
    if isinstance(apps, FluintError) or held is None:
        error = apps if isinstance(apps, FluintError) else NeedsReconnectError("There is no connection.")
        return unseen(seen, "the refresh token policy", error)
    if not held.has_refresh_token:
        return fine("The app signs in without a person: there is no refresh token that could end.")
    app = _ours(seen)
    if app is None:
        return _hidden_policy(seen, held)
    if app.period is None:
        return fine(f"The refresh token of {app.name} is valid until revoked.")
    # The org tells a number without its unit (Object Reference, RefreshTokenValidityPeriod).
    values = {
        "app": app.name,
        "period": f"{app.period} hours, days or months (the org does not tell which)",
        "since": held.connected_at,
    }
    if app.period == 0:
        return wrong(Fault("token_expires_at_once", values=values))
    if app.idle:
        return wrong(Fault("token_expires_when_idle", values=values | {"since": held.refreshed_at}))
    return wrong(Fault("token_expires_by_age", values=values))


def _hidden_policy(seen: Seen, held: Connection) -> Judgement:
    """What the age of the last renewal tells of a policy that the org does not."""
    if was_idle(held.refreshed_at, seen.fluint.now):
        return wrong(Fault("token_was_idle", values={"since": held.refreshed_at, "days": IDLE_POLICY.days}))
    if held.refreshed_at > held.connected_at:
        return fine(
            f"The policy is not told by API; the token was last renewed at {held.refreshed_at:%Y-%m-%d %H:%M} UTC."
        )
    return wrong(Fault("token_policy_hidden", values={"app": _app_name(seen)}))


def session_policies(seen: Seen) -> Judgement:
    """Do IP rules, session level or transaction security stand in the way?"""
    refused = _sign_in(seen)
    values = {"user": seen.user, "app": _app_name(seen), "holder": seen.salesforce.holder}
    if refused and refused[0] == "address_not_allowed":
        return wrong(Fault("address_not_allowed", values=values, error=refused[1]))
    stopped = _stopped_by_policy(seen)
    if stopped is not None:
        return wrong(Fault("transaction_security", values=values, error=stopped))
    if isinstance(seen.salesforce.apps, FluintError):
        return unseen(seen, "the app's session policies", seen.salesforce.apps)
    app = _ours(seen)
    if app is not None and app.high_assurance:
        return wrong(Fault("high_assurance", values=values))
    return fine(
        "Sessions are given to this machine's address, and queries are not stopped. (The IP policy itself is not told by API.)"
    )


def _stopped_by_policy(seen: Seen) -> FluintError | None:
    asked: tuple[Asked[object] | None, ...] = (
        seen.salesforce.refused,
        seen.salesforce.org,
        seen.salesforce.user,
    )
    for each in asked:
        if isinstance(each, FluintError) and (each.code or "").startswith(_TRANSACTION_SECURITY):
            return each
    return None


def organization(seen: Seen) -> Judgement:
    """Is it still the kind of org that was connected, and which currencies do its deals have?"""
    org, held = seen.salesforce.org, seen.fluint.connection
    if isinstance(org, FluintError):
        return unseen(seen, "the org's own record", org)
    before = held.environment if held else None
    now = "sandbox" if org.is_sandbox else org.edition
    if before and before != "kind unknown" and (before == "sandbox") is not org.is_sandbox:
        return wrong(Fault("other_environment", values={"now": now, "before": before}))
    deal = seen.salesforce.describes.get("Opportunity")
    several = not isinstance(deal, FluintError) and deal is not None and "CurrencyIsoCode" in deal.fields
    currency = "each deal has a currency, and amounts stay in it" if several else "one currency"
    return fine(f"{now}; {currency}.")


def clock(seen: Seen) -> Judgement:
    """Do the two clocks agree?"""
    apart = seen.salesforce.clocks_apart
    if isinstance(apart, FluintError):
        return unseen(seen, "Salesforce's clock", apart)
    if apart > _CLOCKS:
        return wrong(Fault("clock_differs", values={"minutes": round(apart.total_seconds() / 60)}))
    return fine(f"The clocks differ by {apart.total_seconds():.0f} seconds.")


def api_headroom(seen: Seen) -> Judgement:
    """Are there calls left, today and for the interval that is set?"""
    error, usage = seen.salesforce.refused, seen.salesforce.usage
    if isinstance(error, QuotaReachedError):
        return wrong(Fault("allowance_used", values={"reason": str(error)}, error=error))
    if usage is None:
        return unseen(seen, "the org's API calls", error or NeedsReconnectError("There is no connection."))
    interval = seen.numbers.interval_seconds
    needed = _DAY // interval + _OTHER_CALLS
    room = int(usage.allowed * seen.numbers.quota_share)
    faults = []
    if needed > room:
        advised = -(-_DAY // max(1, room - _OTHER_CALLS)) if room > _OTHER_CALLS else _DAY
        values = {
            "interval": interval,
            "needed": needed,
            "most": usage.allowed,
            "used": usage.used,
            "advised": advised,
        }
        faults.append(Fault("allowance_tight", values=values))
    limits = seen.salesforce.limits
    bulk = None if isinstance(limits, FluintError) else limits.get("DailyBulkV2QueryJobs")
    if bulk is not None and bulk.left <= 0:
        faults.append(Fault("bulk_jobs_used", values={"most": bulk.most}))
    if faults:
        return wrong(*faults)
    return fine(
        f"{usage.used:,} of {usage.allowed:,} calls are used; a quiet day of Fluint takes about {needed:,}."
    )


def _ours(seen: Seen) -> AppPolicy | None:
    """Our app among those that the org lists: told by the tokens of the integration user."""
    apps = seen.salesforce.apps
    if isinstance(apps, FluintError):
        return None
    name = _app_name(seen)
    return next((app for app in apps if app.name == name), None)


def _app_name(seen: Seen) -> str:
    """The app's name in the org: that of the user's tokens; of several, the one that is named like the product, else the last used."""
    names = seen.salesforce.token_apps
    if isinstance(names, FluintError) or not names:
        return APP
    return next((name for name in names if APP.lower() in name.lower()), names[0])
