"""The connected app as the org's administrator governs it: who may use it, from where, and what OAuth Usage shows of it.

Belongs here: the app's policies and the rows of ConnectedApplication and OauthToken. Does not: tokens (tokens.py), pages, HTTP.
Facts: API sheet 1, Token-endpoint errors; API sheet 4, ConnectedApplication and OauthToken (Object Reference).
"""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime

from local_org.clock import as_stamp
from local_org.ids import make_id
from local_org.org import Org
from local_org.tokens import Grant, OAuthError, Tokens

APP_NAME = "Fluint"
_REFUSALS = {
    "blocked": ("OAUTH_APP_BLOCKED", "this app is blocked by admin"),
    "admin_approved": ("invalid_app_access", "user is not admin approved to access this app"),
    "uninstalled": ("invalid_client", "app must be installed into org"),
    # An External Client App that the admin deleted, or whose package went: every grant of it is refused (n8n-io/n8n#21557).
    "deleted": ("OAUTH_EC_APP_NOT_FOUND", "external client app is not installed in this org"),
}


def refusal(org: Org, user_id: str) -> OAuthError | None:
    """Returns why the app's policy keeps a user from approving it, or None."""
    policy = org.switches.connected_app_policy
    may = {
        "admin_approved": lambda: is_approved(org, user_id),
        "uninstalled": lambda: org.security.of(user_id).has("CanApproveUninstalledApps"),
    }
    if policy not in _REFUSALS or (policy in may and may[policy]()):
        return None
    return OAuthError(*_REFUSALS[policy])


def is_approved(org: Org, user_id: str) -> bool:
    """Tells whether the administrator approved the user for the app, by profile or permission set."""
    approved = {each.strip() for each in org.switches.app_approved_for.split(",")} - {""}
    rows = org.store.select(
        "select s.Name, p.Name from PermissionSetAssignment a join PermissionSet s on s.Id = a.PermissionSetId"
        " left join Profile p on p.Id = s.ProfileId where a.AssigneeId = ? and a.IsActive = 1",
        (user_id,),
    )
    return not approved.isdisjoint(str(name) for row in rows for name in row)


def admit(org: Org, tokens: Tokens, user_id: str, address: str) -> None:
    """Raises OAuthError for a user who gets no token now, whatever was approved before: from this address, at this rate, of this app."""
    if not org.user(user_id)["IsActive"]:
        raise OAuthError("invalid_grant", "inactive user")
    if not _is_inside(address, org.switches.login_ip_ranges):
        raise OAuthError("invalid_grant", "ip restricted")
    # Who approved an app before it had to be installed may go on; the other policies hold for every token.
    found = None if org.switches.connected_app_policy == "uninstalled" else refusal(org, user_id)
    if found is not None:
        raise found
    if tokens.logins_in_last_hour(user_id) >= org.switches.logins_per_hour:
        raise OAuthError("rate_limit_exceeded", "login rate exceeded")


def _is_inside(address: str, ranges: str) -> bool:
    networks = [ipaddress.ip_network(each.strip()) for each in ranges.split(",") if each.strip()]
    return not networks or any(ipaddress.ip_address(address) in network for network in networks)


def reflect(org: Org, tokens: Tokens) -> None:
    """Brings the rows of ConnectedApplication (installed apps alone) and OauthToken (one per live grant) up to date."""
    with org.store.transaction():
        for sobject in ("ConnectedApplication", "OauthToken"):
            org.store.execute(f"delete from {sobject}")
        if org.switches.connected_app_policy not in ("uninstalled", "deleted"):
            org.store.insert("ConnectedApplication", _app(org), by=org.system_user_id)
        for grant in tokens.grants():
            org.store.insert("OauthToken", _token(grant), by=grant.user_id)


def _app(org: Org) -> dict[str, object]:
    since = org.store.get("Organization", org.org_id) or {}
    switches, when = org.switches, since.get("CreatedDate")
    policy = switches.refresh_token_policy
    return {
        "Id": make_id("0H4", 1), "Name": APP_NAME, "OptionsAllowAdminApprovedUsersOnly": switches.connected_app_policy == "admin_approved",
        # Object Reference, ConnectedApplication: true where the last use counts, false where the age does. For "immediately" 0 is a guess.
        "OptionsRefreshTokenValidityMetric": policy == "idle_days", "OptionsIsInternal": False,
        "OptionsHasSessionLevelPolicy": switches.high_assurance_sessions,
        "RefreshTokenValidityPeriod": _period(policy, switches.refresh_token_days),
        "CreatedDate": when, "LastModifiedDate": when, "SystemModstamp": when,
    }  # fmt: skip


def _period(policy: str, days: float) -> int | None:
    if policy == "immediately":
        return 0
    return int(days) if policy.endswith("_days") else None


def _token(grant: Grant) -> dict[str, object]:
    created, used = (
        as_stamp(datetime.fromtimestamp(each, UTC)) for each in (grant.created_at, grant.used_at)
    )
    return {
        "Id": make_id("0CQ", grant.grant_id), "UserId": grant.user_id, "AppName": APP_NAME, "CreatedDate": created,
        "LastUsedDate": used, "UseCount": grant.uses,
    }  # fmt: skip
