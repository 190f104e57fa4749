"""Sign-in, renewal and the end of a grant, against an org that enforces PKCE, rotation and single use."""

from __future__ import annotations

from dataclasses import replace

import pytest
import requests

from orchestration.errors import FluintError, NeedsReconnectError, SetupError
from orchestration.salesforce import oauth
from orchestration.salesforce.client import Salesforce
from tests.contract.keys import key_and_certificate
from tests.contract.running_org import RunningOrg
from tests.salesforce.scripted_org import MemoryStore

SOQL = "SELECT Id FROM User"


def ids(client: Salesforce) -> set[str]:
    """Reads all users."""
    return {row["Id"] for page in client.query(SOQL) for row in page.records()}


def test_a_person_connects_on_the_orgs_own_pages(org: RunningOrg, client: Salesforce) -> None:
    """The whole way: consent page, redirect, code, tokens, first call."""
    organization = client.organization()
    assert organization.id == client.identity().org_id
    assert client.identity().user_id in ids(client)


def test_a_denial_on_the_consent_page_comes_back_as_one(org: RunningOrg) -> None:
    """The person who clicked Deny reads that they did, not a stack trace."""
    org.admin("DELETE", "/tokens")  # who allowed the app before is not asked again
    attempt = oauth.begin_login(org.app())
    with pytest.raises(SetupError, match="choose Allow"):
        oauth.finish_login(org.app(), attempt, org.visit(attempt.url, "deny"))


def test_a_code_is_worth_nothing_without_the_verifier_of_its_attempt(org: RunningOrg) -> None:
    """Whoever saw the redirect has the code and the state, but not this."""
    attempt = oauth.begin_login(org.app())
    seen = org.visit(attempt.url)
    with pytest.raises(SetupError, match="Start the connection again"):
        oauth.finish_login(org.app(), replace(attempt, code_verifier="x" * 64), seen)


def test_an_expired_session_is_renewed_in_the_middle_of_a_read(
    org: RunningOrg, client: Salesforce, store: MemoryStore
) -> None:
    """No answer says when a session ends: the next page simply finds it dead."""
    before = store.tokens
    pages = client.query("SELECT Id FROM EmailMessage")
    first = next(pages)
    org.admin("DELETE", f"/tokens?token={before.access_token}")
    rest = list(pages)
    assert rest
    assert first.count + sum(page.count for page in rest) == first.total_size
    assert store.tokens.access_token != before.access_token
    assert store.tokens.refresh_token != before.refresh_token  # rotation is on
    assert store.tokens.generation == before.generation + 1


def test_a_token_that_was_rotated_out_ends_the_grant_when_it_is_presented(
    org: RunningOrg, store: MemoryStore
) -> None:
    """Why there is one refresher, and why nothing is used before it is stored."""
    fresh = oauth.refresh(org.app(), store.tokens)
    with pytest.raises(NeedsReconnectError):
        oauth.refresh(org.app(), store.tokens)
    with pytest.raises(NeedsReconnectError):
        oauth.refresh(org.app(), fresh)


def test_a_disconnected_grant_is_marked_after_one_token_request(
    org: RunningOrg, client: Salesforce, store: MemoryStore
) -> None:
    """Nothing is asked for with a grant that is known to be dead."""
    assert ids(client)
    oauth.revoke(org.app(), store.tokens)
    with pytest.raises(NeedsReconnectError, match="connects Fluint again"):
        ids(client)
    assert store.reason is not None
    oauth.revoke(org.app(), store.tokens)  # and disconnecting once more is no error
    with requests.Session() as session, pytest.raises(NeedsReconnectError):
        ids(Salesforce(org.app(), store, session=session))


@pytest.mark.parametrize(
    ("switches", "where"),
    [
        ({"connected_app_policy": "blocked"}, "Connected Apps OAuth Usage, finds Fluint and chooses Unblock"),
        (
            {"connected_app_policy": "uninstalled"},
            "Connected Apps OAuth Usage, finds Fluint and chooses Install",
        ),
        ({"connected_app_policy": "admin_approved"}, "adds the user's profile or permission set"),
        ({"login_ip_ranges": "10.0.0.0/8"}, "the profile › Login IP Ranges"),
        ({"organization_is_active": False}, "--replace-org"),
        ({"logins_per_hour": 0}, "Setup › Login History"),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else None,
)
def test_an_org_that_keeps_us_out_tells_the_admin_where_to_click(
    org: RunningOrg, switches: dict[str, object], where: str
) -> None:
    """The first thing that goes wrong in a real org, and Salesforce's own words leave an admin searching."""
    lacking = _without_permission(org, "PermissionsCanApproveUninstalledApps")
    org.admin("PATCH", "/switches", switches)
    attempt = oauth.begin_login(org.app())
    try:
        with pytest.raises(FluintError) as caught:
            oauth.finish_login(org.app(), attempt, org.visit(attempt.url))
    finally:
        _set(org, *lacking, True)
    assert where in str(caught.value)
    assert "Setup ›" in str(caught.value) or "--replace-org" in str(caught.value)
    assert caught.value.code


def _without_permission(org: RunningOrg, permission: str) -> tuple[str, list[str], str]:
    """Takes a permission from everybody, so that the org's policy is what decides; returns what gives it back."""
    tokens = org.connect()
    asked = f"SELECT Id FROM PermissionSet WHERE {permission} = true"
    found = org.call(tokens, "GET", f"/query?q={asked.replace(' ', '+')}").json()["records"]
    change = ("PermissionSet", [str(row["Id"]) for row in found], permission)
    _set(org, *change, False)
    return change


def _set(org: RunningOrg, sobject: str, ids: list[str], field: str, value: object) -> None:
    changes = [{"update": sobject, "id": ids, "values": {field: value}}] if ids else []
    org.admin("POST", "/transactions", {"changes": changes, "commit": True})


def test_a_user_who_was_deactivated_meanwhile_is_named_as_the_cause(
    org: RunningOrg, client: Salesforce, store: MemoryStore
) -> None:
    """The colleague who connected it has left: the sync stops that night, and on the first page nobody thinks of her."""
    attempt = oauth.begin_login(org.app())
    came = org.visit(attempt.url)
    assert ids(client)
    user = store.tokens.user_id
    _set(org, "User", [user], "IsActive", False)
    try:
        with pytest.raises(NeedsReconnectError, match="activates the user under Setup › Users"):
            oauth.finish_login(org.app(), attempt, came)
        with pytest.raises(NeedsReconnectError, match=rf"integration user \({user}\) was deactivated"):
            ids(client)
    finally:
        _set(org, "User", [user], "IsActive", True)
    assert store.reason is not None


def test_an_assertion_signs_in_without_a_person_and_again_when_its_session_ends(org: RunningOrg) -> None:
    """There is no refresh token in this flow: whoever waits for one asks a person who is not there."""
    org.connect()  # who approved the app once need not be approved by an admin
    key, certificate = key_and_certificate()
    app = replace(
        org.app(), client_secret=None, sign_in="jwt", username=org.card["username"], private_key=key
    )
    with pytest.raises(NeedsReconnectError, match="uploads the certificate"):
        oauth.sign_in(app)
    org.admin("PATCH", "/switches", {"jwt_certificate": certificate, "jwt_longest_life_seconds": 180.0})
    store = MemoryStore(oauth.sign_in(app))
    assert store.tokens.refresh_token is None
    with requests.Session() as session:
        client = Salesforce(app, store, session=session, sleep=lambda _: None)
        assert ids(client)
        org.admin("DELETE", f"/tokens?token={store.tokens.access_token}")
        assert ids(client)
    assert store.tokens.generation == 1
    with pytest.raises(NeedsReconnectError, match="pre-authorized"):
        oauth.sign_in(replace(app, username="nobody@acme.example"))
    with pytest.raises(SetupError, match="no RSA private key") as caught:
        oauth.sign_in(replace(app, private_key="hunter2"))
    assert "hunter2" not in str(caught.value)


def test_the_apps_own_secret_signs_in_as_the_user_whom_the_admin_named(org: RunningOrg) -> None:
    """The other way without a person; and what is missing on the app's page is said."""
    app = replace(org.app(), sign_in="client_credentials")
    with pytest.raises(NeedsReconnectError, match="'Run As'"):
        oauth.sign_in(app)
    org.admin("PATCH", "/switches", {"client_credentials_username": org.card["username"]})
    store = MemoryStore(oauth.sign_in(app))
    with requests.Session() as session:
        assert ids(Salesforce(app, store, session=session, sleep=lambda _: None))


def test_a_wrong_client_secret_names_the_setting(org: RunningOrg, store: MemoryStore) -> None:
    """A secret pasted with a letter missing looks like any other."""
    with pytest.raises(SetupError, match="FLUINT_SALESFORCE_CLIENT_SECRET"):
        oauth.refresh(replace(org.app(), client_secret="wrong"), store.tokens)
