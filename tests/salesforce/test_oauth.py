"""Sign-in: what is sent, what an answer must carry, and what each refusal tells the person who can mend it."""

from __future__ import annotations

import base64
import hashlib
import socket
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from orchestration.errors import FluintError, NeedsReconnectError, SetupError, TransientSalesforceError
from orchestration.salesforce import oauth
from orchestration.salesforce.oauth import LoginAttempt, OAuthApp, Tokens
from tests.salesforce.scripted_org import ORG_ID, TOKEN_PATH, USER_ID, Answer, ScriptedOrg

SECRETS = (
    "client-secret",
    "access-old",
    "refresh-old",
    "access-new",
    "refresh-new",
    "the-code",
    "the-verifier",
    "the-state",
)
ATTEMPT = LoginAttempt("https://x.example/", "the-state", "the-verifier")
REDIRECTED = "http://localhost:1717/callback?code=the-code%3D%3D&state=the-state"


def test_the_consent_page_is_asked_for_with_a_challenge_of_a_fresh_secret(org: ScriptedOrg) -> None:
    """Without PKCE, whoever sees the redirect can take the code; without state, anyone can inject theirs."""
    first, second = oauth.begin_login(org.app()), oauth.begin_login(org.app())
    asked = {name: values[0] for name, values in parse_qs(urlsplit(first.url).query).items()}
    digest = hashlib.sha256(first.code_verifier.encode()).digest()
    assert first.url.startswith(f"{org.url}/services/oauth2/authorize?")
    assert asked == {
        "response_type": "code",
        "client_id": "client-id",
        "redirect_uri": "http://localhost:1717/callback",
        "scope": "api refresh_token",
        "state": first.state,
        "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "code_challenge_method": "S256",
    }
    assert 43 <= len(first.code_verifier) <= 128
    assert first.state != second.state
    assert first.code_verifier != second.code_verifier
    assert not org.requests


def test_a_confidential_app_sends_its_secret_and_the_verifier(org: ScriptedOrg) -> None:
    """Salesforce wants both; and the code as it was before it was put into an address."""
    org.on("POST", TOKEN_PATH, org.token_answer())
    tokens = oauth.finish_login(org.app(), ATTEMPT, REDIRECTED)
    assert org.requests[0].form == {
        "grant_type": "authorization_code",
        "code": "the-code==",
        "client_id": "client-id",
        "client_secret": "client-secret",
        "redirect_uri": "http://localhost:1717/callback",
        "code_verifier": "the-verifier",
    }
    assert "Authorization" not in org.requests[0].headers
    assert (tokens.access_token, tokens.refresh_token) == ("access-new", "refresh-new")
    assert (tokens.instance_url, tokens.org_id, tokens.user_id) == (org.url, ORG_ID, USER_ID)


def test_a_public_app_sends_no_secret(org: ScriptedOrg) -> None:
    """An empty client_secret is refused as a wrong one."""
    org.on("POST", TOKEN_PATH, org.token_answer())
    oauth.finish_login(replace(org.app(), client_secret=None), ATTEMPT, REDIRECTED)
    assert b"client_secret" not in org.requests[0].body
    assert org.requests[0].form["client_id"] == "client-id"


@pytest.mark.parametrize(
    "redirected",
    [
        "http://localhost:1717/callback?code=the-code&state=another",
        "http://localhost:1717/callback?code=the-code",
        "http://localhost:1717/callback?error=access_denied&state=another",
        "nonsense",
    ],
)
def test_an_answer_that_belongs_to_another_attempt_is_refused_unused(
    org: ScriptedOrg, redirected: str
) -> None:
    """Otherwise a link could connect a workspace to an attacker's org."""
    with pytest.raises(SetupError, match="another sign-in"):
        oauth.finish_login(org.app(), ATTEMPT, redirected)
    assert not org.requests


def test_an_address_without_a_code_asks_for_the_whole_address(org: ScriptedOrg) -> None:
    """Pasting by hand loses the tail of long addresses."""
    with pytest.raises(SetupError, match="Paste the whole address"):
        oauth.finish_login(org.app(), ATTEMPT, "http://localhost:1717/callback?state=the-state")


@pytest.mark.parametrize(
    ("error", "description", "words"),
    [
        ("access_denied", "end-user denied authorization", "choose Allow"),
        ("invalid_client", "app must be installed into org", "Approve Uninstalled"),
        ("OAUTH_EC_APP_NOT_FOUND", "", "chooses Install"),
        ("OAUTH_APP_BLOCKED", "this app is blocked by admin", "chooses Unblock"),
        ("invalid_app_access", "user is not admin approved to access this app", "profile or permission set"),
        ("redirect_uri_mismatch", "redirect_uri must match configuration", "Callback URLs"),
    ],
)
def test_a_refusal_on_the_way_back_tells_the_admin_where_to_click(
    org: ScriptedOrg, error: str, description: str, words: str
) -> None:
    """Salesforce's own words leave an admin searching."""
    redirected = (
        f"http://localhost:1717/callback?state=the-state&error={error}&error_description={description}"
    )
    with pytest.raises(SetupError, match=words) as caught:
        oauth.finish_login(org.app(), ATTEMPT, redirected)
    assert caught.value.code == error


@pytest.mark.parametrize(
    ("error", "description", "words", "kind"),
    [
        ("invalid_grant", "expired authorization code", "Start the connection again", NeedsReconnectError),
        ("invalid_grant", "ip restricted", "login IP ranges", NeedsReconnectError),
        ("invalid_grant", "inactive user", "activates the user", NeedsReconnectError),
        ("invalid_grant", "expired access/refresh token", "connects Fluint again", NeedsReconnectError),
        ("invalid_client_id", "client identifier invalid", "FLUINT_SALESFORCE_CLIENT_ID", SetupError),
        ("something_new", "of next year", "something_new, of next year", SetupError),
        ("rate_limit_exceeded", "login rate exceeded", "the next sync tries again", TransientSalesforceError),
    ],
)
def test_a_refused_token_request_says_what_to_do_and_holds_no_secret(
    org: ScriptedOrg, error: str, description: str, words: str, kind: type[FluintError]
) -> None:
    """The text goes into Dagster's log, which cannot be edited."""
    org.on("POST", TOKEN_PATH, Answer(400, {"error": error, "error_description": description}))
    with pytest.raises(FluintError, match=words) as caught:
        oauth.refresh(org.app(), org.tokens())
    assert type(caught.value) is kind
    assert not [secret for secret in SECRETS if secret in f"{caught.value}{caught.value!r}"]
    assert caught.value.__cause__ is None


def test_a_refresh_keeps_what_the_answer_leaves_out_and_takes_what_rotates(org: ScriptedOrg) -> None:
    """Without rotation no refresh token comes back: the old one stays good."""
    org.on("POST", TOKEN_PATH, Answer(body={"access_token": "access-new"}), org.token_answer())
    old = org.tokens()
    unrotated = oauth.refresh(org.app(), old)
    rotated = oauth.refresh(org.app(), old)
    assert unrotated == replace(old, access_token="access-new")
    assert rotated.refresh_token == "refresh-new"
    assert org.requests[0].form == {
        "grant_type": "refresh_token",
        "refresh_token": "refresh-old",
        "client_id": "client-id",
        "client_secret": "client-secret",
    }


@pytest.mark.parametrize(
    "answer",
    [Answer(502, b"<html>"), Answer(200, b"<html>"), Answer(429, b""), Answer(200, {"a": 1}, cut_after=3)],
)
def test_an_answer_that_is_no_token_answer_leaves_the_grant_alone(org: ScriptedOrg, answer: Answer) -> None:
    """An edge server's page says nothing about the grant; marking it dead would cost a person's time."""
    org.on("POST", TOKEN_PATH, answer)
    with pytest.raises(TransientSalesforceError):
        oauth.refresh(org.app(), org.tokens())


def test_a_host_that_does_not_answer_leaves_the_grant_alone(org: ScriptedOrg) -> None:
    """The network is not the grant."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        closed = f"https://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(TransientSalesforceError, match="did not answer"):
            oauth.refresh(replace(org.app(), login_url=closed), org.tokens())


def test_a_sign_in_without_a_refresh_token_names_the_scope_to_add(org: ScriptedOrg) -> None:
    """It would work for two hours and then stop."""
    org.on("POST", TOKEN_PATH, org.token_answer(refresh_token=""))
    with pytest.raises(SetupError, match="offline_access"):
        oauth.finish_login(org.app(), ATTEMPT, REDIRECTED)


def test_a_grant_without_a_refresh_token_asks_to_reconnect_without_a_request(org: ScriptedOrg) -> None:
    """There is nothing to present."""
    with pytest.raises(NeedsReconnectError):
        oauth.refresh(org.app(), replace(org.tokens(), refresh_token=None))
    assert not org.requests


def test_an_api_address_without_tls_is_never_used(org: ScriptedOrg) -> None:
    """The session would travel in clear."""
    org.on("POST", TOKEN_PATH, org.token_answer(instance_url="http://acme.my.salesforce.com"))
    with pytest.raises(SetupError, match="not https"):
        oauth.finish_login(org.app(), ATTEMPT, REDIRECTED)


def test_an_app_whose_address_is_not_https_cannot_be_made() -> None:
    """Secrets are sent over TLS or not at all."""
    with pytest.raises(SetupError, match="https://"):
        OAuthApp(
            "client-id", "client-secret", "http://acme.my.salesforce.com", "http://localhost:1717/callback"
        )


def test_revoking_ends_the_refresh_token_and_takes_a_dead_one_for_ended(
    org: ScriptedOrg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Disconnecting must work after the grant has died by itself; and a .netrc file of the machine has no part in it."""
    (tmp_path / "netrc").write_text("default login someone password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    dead = Answer(
        400, {"error": "unsupported_token_type", "error_description": "this token type is not supported"}
    )
    org.on("POST", "/services/oauth2/revoke", Answer(200), dead)
    oauth.revoke(org.app(), org.tokens())
    oauth.revoke(org.app(), org.tokens())
    both = [{"token": "refresh-old"}, {"token": "access-old"}]
    assert [request.form for request in org.requests] == both * 2
    assert not [request for request in org.requests if "Authorization" in request.headers]


def test_ids_of_fifteen_characters_are_read_as_eighteen() -> None:
    """The rest of the product compares ids as texts."""
    tokens = Tokens(
        "a",
        "r",
        "https://x.example",
        "https://login.salesforce.com/id/00D5f000005VabC/0055f000004xYzA",
        "",
        1,
    )
    assert (len(tokens.org_id), len(tokens.user_id)) == (18, 18)
    assert tokens.org_id.startswith("00D5f000005VabC")


def test_no_secret_shows_in_the_repr_of_what_holds_it(org: ScriptedOrg) -> None:
    """Objects are printed by tracebacks with locals, by logs and by debuggers."""
    shown = f"{org.app()!r}{org.tokens()!r}{ATTEMPT!r}"
    assert "client-id" in shown
    assert not [secret for secret in SECRETS if secret in shown]
