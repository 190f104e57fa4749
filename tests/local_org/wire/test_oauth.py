"""The OAuth endpoints over TLS: codes and tokens, refresh with rotation, revocation, and every refusal's code and text."""

import base64
import hashlib
import hmac
from concurrent.futures import ThreadPoolExecutor

import pytest

from local_org.server import OrgServer
from tests.local_org.wire.conftest import CALLBACK, Person, Web

LIMITS = "/services/data/v66.0/limits"
DEAD_SESSION = [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
DEAD_REFRESH = {"error": "invalid_grant", "error_description": "expired access/refresh token"}


def test_a_token_answer_has_salesforces_fields_as_strings_and_no_expires_in(
    person: Person, served: OrgServer
) -> None:
    """A client that counts on expires_in works here and fails in production (facts: section 1, token response)."""
    answer = person.connect()
    fields = {
        "access_token",
        "refresh_token",
        "signature",
        "scope",
        "instance_url",
        "id",
        "token_type",
        "issued_at",
    }
    assert answer.keys() == fields
    assert all(isinstance(value, str) for value in answer.values())
    assert answer["access_token"].startswith(served.org.org_id[:15] + "!")
    assert answer["instance_url"] == served.registration.base_url
    assert (answer["token_type"], answer["scope"]) == ("Bearer", "api refresh_token")
    assert len(answer["issued_at"]) == 13
    mac = hmac.new(
        served.registration.client_secret.encode(),
        (answer["id"] + answer["issued_at"]).encode(),
        hashlib.sha256,
    )
    assert answer["signature"] == base64.b64encode(mac.digest()).decode()


def test_a_scope_without_refresh_token_gets_an_access_token_alone(person: Person) -> None:
    """A refresh token that nobody asked for would outlive what the user approved."""
    assert "refresh_token" not in person.connect(scope="api")


def test_a_code_is_worth_one_exchange(person: Person) -> None:
    """A code that works twice can be used by whoever saw it in an address line."""
    code = person.code()
    assert person.exchange(code).status_code == 200
    again = person.exchange(code)
    assert (again.status_code, again.json()) == (
        400,
        {"error": "invalid_grant", "error_description": "expired authorization code"},
    )


def test_a_code_exchanged_by_two_callers_at_once_serves_one(person: Person) -> None:
    """Without a transaction around the check, both would get tokens."""
    code = person.code()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: Web.post(Web(person.server), "/services/oauth2/token", data={
            "grant_type": "authorization_code", "code": code, "client_id": person.card.client_id,
            "client_secret": person.card.client_secret, "redirect_uri": CALLBACK, "code_verifier": person.verifier,
        }).status_code, range(4)))  # fmt: skip
    assert sorted(answers) == [200, 400, 400, 400]


def test_a_code_dies_after_fifteen_minutes(person: Person) -> None:
    """A client that is slow to exchange must learn it here and not in production."""
    code = person.code()
    person.web.post("/__local_org__/clock", json={"seconds": 901})
    answer = person.exchange(code)
    person.web.post("/__local_org__/clock", json={"seconds": -901})
    assert answer.json()["error_description"] == "expired authorization code"


@pytest.mark.parametrize(
    ("changes", "error", "description"),
    [
        ({"code_verifier": "x" * 43}, "invalid_grant", "invalid code verifier"),
        ({"code_verifier": None}, "invalid_grant", "invalid code verifier"),
        ({"client_secret": "wrong"}, "invalid_client", "invalid client credentials"),
        ({"client_secret": None}, "invalid_client", "invalid client credentials"),
        ({"client_id": "3MVG9unknown"}, "invalid_client_id", "client identifier invalid"),
        (
            {"redirect_uri": "http://localhost:1718/callback"},
            "redirect_uri_mismatch",
            "redirect_uri must match configuration",
        ),
        ({"code": "aPrxunknown=="}, "invalid_grant", "invalid authorization code"),
        ({"grant_type": "device"}, "unsupported_grant_type", "grant type not supported"),
        ({"grant_type": None}, "unsupported_grant_type", "grant type not supported"),
        ({"grant_type": "password"}, "invalid_grant", "authentication failure"),
        ({"code": None}, "invalid_request", "missing required code"),
    ],
)
def test_an_exchange_that_lacks_something_is_refused_in_salesforces_words(
    person: Person, changes: dict[str, str | None], error: str, description: str
) -> None:
    """The secret never replaces the verifier, nor the verifier the secret; texts as in section 1."""
    form = {
        "grant_type": "authorization_code",
        "code": person.code(),
        "redirect_uri": CALLBACK,
        "code_verifier": person.verifier,
    }
    answer = person.token(**(form | changes))
    assert answer.status_code == 400
    assert answer.json() == {"error": error, "error_description": description}
    assert answer.headers["cache-control"] == "no-store"


def test_client_credentials_may_come_in_a_basic_header(person: Person) -> None:
    """Libraries differ in where they put the secret; Salesforce takes both."""
    form = {
        "grant_type": "authorization_code",
        "code": person.code(),
        "redirect_uri": CALLBACK,
        "code_verifier": person.verifier,
    }
    answer = person.web.post(
        "/services/oauth2/token", data=form, auth=(person.card.client_id, person.card.client_secret)
    )
    assert answer.status_code == 200


def test_each_refresh_replaces_the_refresh_token(person: Person) -> None:
    """Rotation: a client that keeps the old token must be locked out, as it is in production."""
    first = person.connect()
    second = person.refresh(first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert Web(person.server, second["access_token"]).get(LIMITS).status_code != 401
    assert person.refresh(second["refresh_token"]).status_code == 200


def test_a_rotated_out_token_revokes_everything_that_came_of_it(person: Person) -> None:
    """Presenting an old token is taken for theft: the current refresh token and all access tokens die."""
    first = person.connect()
    second = person.refresh(first["refresh_token"]).json()
    replay = person.refresh(first["refresh_token"])
    assert (replay.status_code, replay.json()) == (400, DEAD_REFRESH)
    assert person.refresh(second["refresh_token"]).json() == DEAD_REFRESH
    assert Web(person.server, second["access_token"]).get(LIMITS).json() == DEAD_SESSION


def test_two_refreshes_at_once_with_one_token_end_the_connection(person: Person) -> None:
    """No grace window: a client whose processes refresh side by side loses its connection, so it must not."""
    token = person.connect()["refresh_token"]

    def ask(_: int) -> int:
        return Person(person.server).refresh(token).status_code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(ask, range(2))) == [200, 400]


def test_without_rotation_the_same_refresh_token_goes_on(person: Person) -> None:
    """Orgs that have not switched rotation on send no refresh token with a refresh."""
    person.web.switch(rotate_refresh_tokens=False)
    token = person.connect()["refresh_token"]
    for _ in range(2):
        answer = person.refresh(token)
        assert answer.status_code == 200
        assert "refresh_token" not in answer.json()


def test_the_sixth_grant_silently_revokes_the_oldest(person: Person) -> None:
    """Five grants per app and user: connecting from a sixth place disconnects the first."""
    tokens = [person.connect()["refresh_token"] for _ in range(6)]
    assert person.refresh(tokens[0]).json() == DEAD_REFRESH
    assert person.refresh(tokens[1]).status_code == 200


def test_a_deactivated_user_cannot_refresh_and_his_session_is_dead(person: Person, served: OrgServer) -> None:
    """The text differs from that of an expired token: another person has to act."""
    tokens = person.connect()
    store = served.org.store
    user_id = tokens["id"].rpartition("/")[2]
    store.update("User", user_id, {"IsActive": False}, by=user_id)
    refused = person.refresh(tokens["refresh_token"]).json()
    dead = Web(served, tokens["access_token"]).get(LIMITS)
    info = Web(served, tokens["access_token"]).get("/services/oauth2/userinfo")
    store.update("User", user_id, {"IsActive": True}, by=user_id)
    assert refused == {"error": "invalid_grant", "error_description": "inactive user"}
    assert (dead.status_code, dead.json()) == (401, DEAD_SESSION)
    assert info.status_code == 403


def test_an_access_token_lives_as_long_as_it_is_used(person: Person) -> None:
    """The session time-out slides: two hours after the last use, not after the issue."""
    web = Web(person.server, person.connect()["access_token"])
    for seconds, alive in ((5000, True), (5000, True), (7300, False)):
        web.post("/__local_org__/clock", json={"seconds": seconds})
        assert (web.get(LIMITS).status_code != 401) is alive
    web.post("/__local_org__/clock", json={"seconds": -17300})


@pytest.mark.parametrize("header", [None, "Bearer nonsense", "Bearer ", "Basic eDp5"])
def test_a_call_without_a_valid_token_is_answered_401(served: OrgServer, header: str | None) -> None:
    """A dead token must look the same whatever is wrong with it."""
    web = Web(served)
    answer = web.get(LIMITS, headers={} if header is None else {"Authorization": header})
    assert (answer.status_code, answer.json()) == (401, DEAD_SESSION)


def test_revoking_a_refresh_token_kills_its_access_tokens_too(person: Person) -> None:
    """Disconnecting must end what is running, not only what would come."""
    tokens = person.connect()
    answer = person.web.post("/services/oauth2/revoke", data={"token": tokens["refresh_token"]})
    assert (answer.status_code, answer.content) == (200, b"")
    assert person.refresh(tokens["refresh_token"]).json() == DEAD_REFRESH
    assert Web(person.server, tokens["access_token"]).get(LIMITS).status_code == 401
    again = person.web.post("/services/oauth2/revoke", data={"token": tokens["refresh_token"]})
    assert (again.status_code, again.json()["error"]) == (400, "unsupported_token_type")


def test_revoking_an_access_token_leaves_the_refresh_token(person: Person) -> None:
    """A client that ends one session must still be able to open the next."""
    tokens = person.connect()
    assert (
        person.web.post("/services/oauth2/revoke", data={"token": tokens["access_token"]}).status_code == 200
    )
    assert Web(person.server, tokens["access_token"]).get(LIMITS).status_code == 401
    assert person.refresh(tokens["refresh_token"]).status_code == 200


def test_introspection_tells_what_a_token_is_worth(person: Person) -> None:
    """A dead token is just not active; a wrong client learns nothing."""
    tokens = person.connect()
    client = {"client_id": person.card.client_id, "client_secret": person.card.client_secret}
    ask = {"token": tokens["access_token"], "token_type_hint": "access_token"}
    answer = person.web.post("/services/oauth2/introspect", data=ask | client).json()
    assert answer["active"] is True
    assert (answer["username"], answer["sub"], answer["scope"]) == (
        person.username,
        tokens["id"],
        "api refresh_token",
    )
    assert answer["exp"] - answer["iat"] == 7200
    assert person.web.post("/services/oauth2/introspect", data=client | {"token": "x"}).json() == {
        "active": False
    }
    assert person.web.post("/services/oauth2/introspect", data=ask).json()["error"] == "invalid_client_id"


def test_userinfo_and_identity_name_the_user_and_the_org(person: Person, served: OrgServer) -> None:
    """The client binds its database to this org by these fields."""
    tokens = person.connect()
    web = Web(served, tokens["access_token"])
    info = web.get("/services/oauth2/userinfo").json()
    assert (info["organization_id"], info["preferred_username"]) == (served.org.org_id, person.username)
    assert (info["sub"], info["active"], info["user_type"]) == (tokens["id"], True, "STANDARD")
    assert info["urls"]["rest"] == served.registration.base_url + "/services/data/v{version}/"
    identity = web.get(tokens["id"]).json()
    assert (identity["username"], identity["organization_id"]) == (person.username, served.org.org_id)
    for url in ("/services/oauth2/userinfo", tokens["id"]):
        bad = Web(served, "nonsense").get(url)
        assert (bad.status_code, bad.text) == (403, "Bad_OAuth_Token")


def test_discovery_names_endpoints_that_exist(served: OrgServer) -> None:
    """A generic OAuth library configures itself from here."""
    document = Web(served).get("/.well-known/openid-configuration").json()
    assert document["issuer"] == served.registration.base_url
    for name in ("authorization_endpoint", "token_endpoint", "revocation_endpoint", "introspection_endpoint"):
        assert Web(served).post(document[name]).status_code not in {404, 500}


def test_client_credentials_act_as_the_user_that_was_set_for_them(person: Person, served: OrgServer) -> None:
    """Without a run-as user the flow is refused; with one it gives no refresh token."""
    refused = person.token(grant_type="client_credentials")
    assert refused.json() == {
        "error": "invalid_grant",
        "error_description": "no client credentials user enabled",
    }
    person.web.switch(client_credentials_username=person.username)
    answer = person.token(grant_type="client_credentials").json()
    assert "refresh_token" not in answer
    assert Web(served, answer["access_token"]).get(LIMITS).status_code != 401


def test_no_token_can_be_read_in_the_orgs_own_files(person: Person, served: OrgServer) -> None:
    """Tokens are kept by digest: who copies the directory cannot act as anyone."""
    tokens = person.connect()
    code = person.code(prompt="consent")
    served.org.store.execute("pragma wal_checkpoint(full)")
    content = (served.org.directory / "org.sqlite3").read_bytes()
    for secret in (tokens["access_token"], tokens["refresh_token"], code, person.verifier):
        assert secret.encode() not in content
