"""Sign-in, renewal and the end of a grant, against an org that enforces PKCE, rotation and single use."""

from __future__ import annotations

from dataclasses import replace

import pytest
import requests

from orchestration.errors import NeedsReconnectError, SetupError
from orchestration.salesforce import oauth
from orchestration.salesforce.client import Salesforce
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
    ("policy", "words"), [("blocked", "chooses Unblock"), ("admin_approved", "profile or permission set")]
)
def test_an_app_that_the_org_keeps_out_tells_the_admin_where_to_click(
    org: RunningOrg, policy: str, words: str
) -> None:
    """The first thing that goes wrong in a real org."""
    org.admin("PATCH", "/switches", {"connected_app_policy": policy})
    attempt = oauth.begin_login(org.app())
    with pytest.raises(SetupError, match=words):
        oauth.finish_login(org.app(), attempt, org.visit(attempt.url))


def test_a_wrong_client_secret_names_the_setting(org: RunningOrg, store: MemoryStore) -> None:
    """A secret pasted with a letter missing looks like any other."""
    with pytest.raises(SetupError, match="FLUINT_SALESFORCE_CLIENT_SECRET"):
        oauth.refresh(replace(org.app(), client_secret="wrong"), store.tokens)
