"""API sheet 1, Token-endpoint errors: each row of its table at the endpoint that answers it, and what the app's policies do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local_org.demo_data import cast
from local_org.server import OrgServer
from tests.local_org.wire.conftest import Person, Web, answer_of

LIMITS = "/services/data/v66.0/limits"
USERINFO = "/services/oauth2/userinfo"
DEAD_REFRESH = ("invalid_grant", "expired access/refresh token")
ELSEWHERE = "203.0.113.0/24, 198.51.100.7/32"


@pytest.fixture
def rep(served: OrgServer) -> Iterator[Person]:
    """Someone without any administrative permission, whose earlier grants are gone."""
    member = next(each for each in cast(served.org) if each["role"] == "rep")
    found = Person(served, str(member["username"]))
    yield found
    Web(served).delete("/__local_org__/tokens", params={"user_id": str(member["user_id"])})


@pytest.mark.parametrize(
    ("switches", "error", "description"),
    [
        ({"login_ip_ranges": ELSEWHERE}, "invalid_grant", "ip restricted"),
        ({"organization_is_active": False}, "invalid_grant", "inactive organization"),
        ({"connected_app_policy": "blocked"}, "OAUTH_APP_BLOCKED", "this app is blocked by admin"),
        (
            {"connected_app_policy": "admin_approved"},
            "invalid_app_access",
            "user is not admin approved to access this app",
        ),
        ({"logins_per_hour": 1}, "rate_limit_exceeded", "login rate exceeded"),
        ({"refresh_token_policy": "immediately"}, *DEAD_REFRESH),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_a_refresh_that_a_policy_refuses_says_why_and_is_not_used_up(
    rep: Person, switches: dict[str, object], error: str, description: str
) -> None:
    """API sheet 1, table: each text sends another person to work; once the policy is lifted the same token still works."""
    token = rep.connect()["refresh_token"]
    before = rep.web.get("/__local_org__/switches").json()
    rep.web.switch(**switches)
    refused = rep.refresh(token)
    assert (refused.status_code, refused.headers["cache-control"]) == (400, "no-store")
    assert refused.json() == {"error": error, "error_description": description}
    rep.web.switch(**before)
    assert rep.refresh(token).status_code == 200


@pytest.mark.parametrize(
    ("switches", "description"),
    [
        ({"login_ip_ranges": ELSEWHERE}, "ip restricted"),
        ({"organization_is_active": False}, "inactive organization"),
    ],
    ids=["ip", "organization"],
)
def test_an_exchange_that_a_policy_refuses_leaves_the_code_usable(
    rep: Person, switches: dict[str, object], description: str
) -> None:
    """API sheet 1, table: the refusal is not about the code, so the code is not spent."""
    code, before = rep.code(), rep.web.get("/__local_org__/switches").json()
    rep.web.switch(**switches)
    assert rep.exchange(code).json()["error_description"] == description
    rep.web.switch(**before)
    assert rep.exchange(code).status_code == 200


@pytest.mark.parametrize(
    ("policy", "days", "alive"),
    [("idle_days", 20, True), ("idle_days", 31, False), ("after_days", 20, True), ("after_days", 31, False),
     ("until_revoked", 400, True)],
)  # fmt: skip
def test_a_refresh_token_ends_as_its_policy_says(rep: Person, policy: str, days: int, alive: bool) -> None:
    """API sheet 1, table, "expired access/refresh token": expired and idle tokens; partners speak of 30 idle days [U]."""
    rep.web.switch(refresh_token_policy=policy)
    token = rep.connect()["refresh_token"]
    rep.web.post("/__local_org__/clock", json={"seconds": days * 86_400})
    answer = rep.refresh(token)
    later = rep.refresh(answer.json().get("refresh_token", "")) if alive else answer
    rep.web.post("/__local_org__/clock", json={"seconds": -days * 86_400})
    assert (answer.status_code == 200, later.status_code == 200) == (alive, alive)


def test_a_refresh_starts_the_idle_time_anew_and_not_the_whole(rep: Person) -> None:
    """API sheet 1, table: a sync that runs keeps an idle policy quiet, while "expire after" ends the grant all the same."""
    results = {}
    for policy in ("idle_days", "after_days"):
        rep.web.switch(refresh_token_policy=policy)
        token = rep.connect(prompt="consent")["refresh_token"]
        for _ in range(2):
            rep.web.post("/__local_org__/clock", json={"seconds": 20 * 86_400})
            token = rep.refresh(token).json().get("refresh_token", "")
        results[policy] = bool(token)
        rep.web.post("/__local_org__/clock", json={"seconds": -40 * 86_400})
    assert results == {"idle_days": True, "after_days": False}


def test_a_blocked_app_loses_its_sessions_at_once(rep: Person, served: OrgServer) -> None:
    """API sheet 1, OAUTH_APP_BLOCKED: Block under OAuth Usage ends what is running; Unblock brings it back."""
    web = Web(served, rep.connect()["access_token"])
    rep.web.switch(connected_app_policy="blocked")
    assert (web.get(LIMITS).status_code, web.get(USERINFO).status_code) == (401, 403)
    rep.web.switch(connected_app_policy="self_authorize")
    assert web.get(USERINFO).status_code == 200


def test_the_administrator_approves_users_by_profile_or_permission_set(
    rep: Person, served: OrgServer
) -> None:
    """API sheet 1, invalid_app_access: AllowAdminApprovedUsersOnly admits those whose profile was added to the app."""
    profile = served.org.store.select(
        "select p.Name from User u join Profile p on p.Id = u.ProfileId where u.Username = ?", (rep.username,)
    )[0][0]
    rep.web.switch(connected_app_policy="admin_approved", app_approved_for=f"Nobody, {profile}")
    assert "access_token" in rep.connect()


@pytest.mark.parametrize("shows_page", [False, True])
def test_an_app_that_is_not_installed_refuses_new_users_and_keeps_old_ones(
    rep: Person, shows_page: bool
) -> None:
    """API sheet 1, "app must be installed into org": on the callback, or on a page that never returns (switch)."""
    token = rep.connect()["refresh_token"]
    rep.web.switch(connected_app_policy="uninstalled", uninstalled_app_shows_page=shows_page)
    answer = rep.open()
    if shows_page:
        assert (answer.status_code, "OAUTH_APPROVAL_ERROR_GENERIC" in answer.text) == (400, True)
    else:
        assert answer_of(answer)["error_description"] == "app must be installed into org"
    assert rep.refresh(token).status_code == 200


def test_an_uninstalled_app_serves_who_may_approve_it(person: Person) -> None:
    """API sheet 1: the permission "Approve Uninstalled Connected Apps" is what the integration user was given it for."""
    person.web.switch(connected_app_policy="uninstalled")
    assert "access_token" in person.connect()


def test_a_public_client_sends_no_secret(person: Person) -> None:
    """API sheet 1, Web-server flow: public clients must omit the secret; the verifier alone proves them."""
    person.web.switch(require_client_secret=False)
    assert person.exchange(person.code(), client_secret=None).status_code == 200
    assert person.exchange(person.code()).json()["error"] == "invalid_client"
    assert person.exchange(person.code(), client_secret=None, code_verifier="x" * 43).status_code == 400


def test_username_and_password_are_refused_unless_switched_on(person: Person) -> None:
    """API sheet 1, "authentication failure": recorded for a wrong password, and what new orgs answer to this flow."""
    form = {"grant_type": "password", "username": person.username, "password": person.card.password}
    refused = person.token(**form)
    assert refused.json() == {"error": "invalid_grant", "error_description": "authentication failure"}
    person.web.switch(username_password_flow=True)
    assert "refresh_token" not in person.token(**form).json()
    assert person.token(**(form | {"password": "wrong"})).status_code == 400


@pytest.mark.parametrize("ends", [True, False])
def test_revoking_a_grant_ends_its_sessions_or_leaves_them(
    person: Person, served: OrgServer, ends: bool
) -> None:
    """API sheet 1, Revoke [M]: whether access tokens die with their refresh token is a switch; the refresh token always does."""
    person.web.switch(revoke_ends_access_tokens=ends)
    tokens = person.connect()
    assert (
        person.web.post("/services/oauth2/revoke", data={"token": tokens["refresh_token"]}).status_code == 200
    )
    assert (Web(served, tokens["access_token"]).get(LIMITS).status_code == 401) is ends
    assert person.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("status", [400, 200])
def test_revoking_an_unknown_token_answers_as_the_switch_says(person: Person, status: int) -> None:
    """API sheet 1, Revoke [M]: 400 unsupported_token_type, or 200 as RFC 7009 has it."""
    person.web.switch(revoke_unknown_token_status=status)
    answer = person.web.post("/services/oauth2/revoke", data={"token": "unknown"})
    assert (answer.status_code, "unsupported_token_type" in answer.text) == (status, status == 400)


@pytest.mark.parametrize("status", [403, 401])
def test_a_bad_token_at_the_identity_services_answers_as_the_switch_says(
    served: OrgServer, status: int
) -> None:
    """API sheet 1, Identity URL [M]: 403 Bad_OAuth_Token."""
    Web(served).switch(bad_identity_token_status=status)
    answer = Web(served, "nonsense").get(USERINFO)
    assert (answer.status_code, answer.text) == (status, "Bad_OAuth_Token")


def test_a_token_without_the_scope_api_is_no_session_of_the_api(person: Person, served: OrgServer) -> None:
    """API sheet 1, scopes: a consent to be recognised is no consent to read the org's data."""
    web = Web(served, person.connect(scope="openid profile")["access_token"])
    text = "This session is not valid for use with the REST API"
    answer = web.get(LIMITS)
    assert (answer.status_code, answer.json()[0]["message"]) == (401, text)
    assert web.get(USERINFO).status_code == 200
