"""The way through the pages without a browser: login, consent, denial, and what the app may not ask for."""

import pytest

from local_org.demo_data import cast
from local_org.server import OrgServer
from tests.local_org.wire.conftest import Person, answer_of


def test_a_user_who_logs_in_and_allows_gets_a_code_and_the_callers_own_state(person: Person) -> None:
    """A state that came back changed or not at all would take the client's protection against forged answers."""
    login = person.open()
    assert "/login" in login.url
    consent = person.log_in(login)
    assert "Allow" in consent.text
    assert answer_of(person.decide(consent, "allow")).keys() == {"code", "state"}
    assert answer_of(person.decide(consent, "allow"))["state"] == person.state


def test_a_denied_request_returns_access_denied_and_no_code(person: Person) -> None:
    """A denial that looked like an error of the page would leave the client waiting."""
    answer = answer_of(person.decide(person.log_in(person.open()), "deny"))
    assert answer == {
        "error": "access_denied",
        "error_description": "end-user denied authorization",
        "state": person.state,
    }


def test_a_second_connection_with_the_same_scopes_is_not_asked_again_unless_it_wants_to(
    person: Person,
) -> None:
    """Reconnecting must work without a page, and prompt=consent must bring the page back."""
    person.connect()
    assert "code" in answer_of(person.open())
    assert person.open(prompt="consent").status_code == 200
    assert "/login" in person.open(prompt="login").url


@pytest.mark.parametrize(
    ("password", "username"), [("wrong", ""), ("", ""), ("right", "nobody@acme.example")]
)
def test_a_wrong_login_shows_the_form_again_and_starts_no_session(
    person: Person, password: str, username: str
) -> None:
    """A session for a wrong password would make every permission of the org worthless."""
    person.username = username or person.username
    answer = person.log_in(person.open(), None if password == "right" else password)
    assert answer.status_code == 401
    assert "sid" not in person.web.cookies


def test_an_inactive_user_cannot_log_in(served: OrgServer) -> None:
    """A rep who left must not be able to connect."""
    username = str(served.org.store.select("select Username from User where IsActive = 0")[0][0])
    leaver = Person(served, username)
    assert leaver.log_in(leaver.open()).status_code == 401


def test_a_login_page_sends_nobody_to_another_host(person: Person) -> None:
    """An open redirect on the login page is how passwords are fished."""
    form = {"username": person.username, "password": person.card.password}
    for start in ("//evil.example/", "https://evil.example/", "/\\evil.example"):
        answer = person.web.post("/login", data=form | {"startURL": start}, allow_redirects=False)
        assert (answer.status_code, answer.headers.get("location")) == (200, None)


def test_a_consent_posted_from_elsewhere_is_refused(person: Person, served: OrgServer) -> None:
    """Without the form token, a page of someone else could allow access in the user's name."""
    page = person.log_in(person.open())
    forged = person.web.post(
        "/services/oauth2/approve",
        data={"request": page.text, "csrf": "0" * 64, "decision": "allow"},
        allow_redirects=False,
    )
    assert forged.status_code == 403
    stranger = Person(served)
    assert stranger.decide(page, "allow").status_code == 403


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_id": "3MVG9unknown"}, "invalid_client_id"),
        ({"redirect_uri": "https://evil.example/"}, "redirect_uri_mismatch"),
    ],
)
def test_an_unknown_client_or_callback_sees_a_page_and_is_not_redirected(
    person: Person, changes: dict[str, str], error: str
) -> None:
    """Answering on a redirect URI that nobody registered would hand codes to whoever asks."""
    page = person.open(**changes)
    assert page.status_code == 400
    assert error in page.text


@pytest.mark.parametrize(
    ("changes", "error", "description"),
    [
        ({"response_type": "token"}, "unsupported_response_type", "response type not supported"),
        ({"code_challenge": None}, "invalid_request", "missing required code challenge"),
        ({"code_challenge_method": "plain"}, "invalid_request", "code challenge method must be S256"),
        ({"scope": "everything"}, "invalid_scope", "the requested scope is invalid, unknown, or malformed"),
    ],
)
def test_a_request_that_the_app_may_not_make_is_refused_on_its_callback(
    person: Person, changes: dict[str, str], error: str, description: str
) -> None:
    """A client without PKCE must not get through: partner apps are suspended for it."""
    answer = answer_of(person.open(**changes))
    assert (answer["error"], answer["error_description"], answer["state"]) == (
        error,
        description,
        person.state,
    )


@pytest.mark.parametrize(
    ("policy", "error"),
    [
        ("blocked", "OAUTH_APP_BLOCKED"),
        ("admin_approved", "invalid_app_access"),
        ("uninstalled", "invalid_client"),
    ],
)
def test_an_app_that_the_administrator_does_not_admit_is_refused_after_consent(
    served: OrgServer, policy: str, error: str
) -> None:
    """These three refusals look alike to a client that reads only the status; each needs another act of the administrator."""
    rep = Person(served, next(str(each["username"]) for each in cast(served.org) if each["role"] == "rep"))
    rep.web.switch(connected_app_policy=policy)
    assert answer_of(rep.decide(rep.log_in(rep.open()), "allow"))["error"] == error
