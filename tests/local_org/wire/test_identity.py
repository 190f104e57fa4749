"""Who somebody is, over TLS: userinfo, the identity URL, OpenID discovery, and an id_token that its published key verifies."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256

from local_org.server import OrgServer
from tests.local_org.wire.conftest import Person, Web

USERINFO = "/services/oauth2/userinfo"
USERINFO_KEYS = {
    "sub", "user_id", "organization_id", "preferred_username", "nickname", "name", "email", "email_verified", "given_name", "family_name",
    "zoneinfo", "photos", "profile", "picture", "address", "is_salesforce_integration_user", "urls", "active", "user_type", "language",
    "locale", "utcOffset", "updated_at",
}  # fmt: skip
IDENTITY_KEYS = {
    "id", "user_id", "organization_id", "username", "nick_name", "display_name", "email", "photos", "urls", "user_type", "language",
}  # fmt: skip
DISCOVERY = "/.well-known/openid-configuration"


def decoded(part: str) -> bytes:
    """Returns the bytes of a part of a JSON Web Token or Key (RFC 7515: base64url without padding)."""
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


def verified(token: str, keys: dict[str, Any]) -> dict[str, Any]:
    """Returns the claims of a token that the key it names vouches for, as RFC 7515 has it. Raises InvalidSignature."""
    signed, _, signature = token.rpartition(".")
    header, payload = (json.loads(decoded(part)) for part in signed.split("."))
    assert header["alg"] == "RS256"
    key = next(each for each in keys["keys"] if each["kid"] == header["kid"])
    modulus, exponent = (int.from_bytes(decoded(key[name])) for name in ("n", "e"))
    public = RSAPublicNumbers(exponent, modulus).public_key()
    public.verify(decoded(signature), signed.encode(), PKCS1v15(), SHA256())
    return dict(payload)


def test_userinfo_has_the_recorded_keys(person: Person, served: OrgServer) -> None:
    """API sheet 1, Userinfo [R]: the key set of a real answer; a client that reads another key would find nothing there."""
    info = Web(served, person.connect()["access_token"]).get(USERINFO).json()
    assert info.keys() == USERINFO_KEYS
    assert {"rest", "sobjects", "query", "search", "enterprise", "partner", "custom_domain"} <= info[
        "urls"
    ].keys()
    assert "{version}" in info["urls"]["query"]
    assert info["updated_at"].endswith("Z")


@pytest.mark.parametrize(
    ("zone", "offset"),
    # Whatever the season, one of the first two has its clocks put forward.
    [("America/Los_Angeles", -28_800_000), ("Australia/Sydney", 36_000_000), ("GMT", 0)],
)
def test_the_utc_offset_is_that_of_the_user_s_own_zone(
    person: Person, served: OrgServer, zone: str, offset: int
) -> None:
    """API sheet 1, Userinfo: utcOffset in ms, without daylight saving time."""
    tokens = person.connect()
    user_id = tokens["id"].rpartition("/")[2]
    before = served.org.user(user_id)["TimeZoneSidKey"]
    served.org.store.update("User", user_id, {"TimeZoneSidKey": zone}, by=user_id)
    found = Web(served, tokens["access_token"]).get(USERINFO).json()
    served.org.store.update("User", user_id, {"TimeZoneSidKey": before}, by=user_id)
    assert (found["zoneinfo"], found["utcOffset"]) == (zone, offset)


def test_the_identity_url_has_its_own_words_and_the_versions_resource_leads_there(
    person: Person, served: OrgServer
) -> None:
    """API sheet 1, Identity URL: jsforce finds it by the key `identity` of a version's list of resources."""
    tokens = person.connect()
    web = Web(served, tokens["access_token"])
    found = web.get(web.get("/services/data/v66.0").json()["identity"]).json()
    assert found.keys() >= IDENTITY_KEYS
    assert (found["id"], found["display_name"]) == (tokens["id"], served.org.user(found["user_id"])["Name"])


def test_an_id_token_is_verified_by_the_published_keys_and_names_app_and_user(
    person: Person, served: OrgServer
) -> None:
    """API sheet 1, id_token (if openid), /id/keys: whoever knows nothing of this org but its discovery document accepts it."""
    tokens = person.connect(scope="api openid", nonce="n-1")
    web = Web(served)
    document = web.get(DISCOVERY).json()
    keys = web.get(document["jwks_uri"]).json()
    claims = verified(tokens["id_token"], keys)
    assert claims["iat"] <= served.org.clock.now().timestamp() < claims["exp"]
    assert (claims["iss"], claims["aud"], claims["sub"]) == (
        document["issuer"],
        person.card.client_id,
        tokens["id"],
    )
    half = hashlib.sha256(tokens["access_token"].encode()).digest()[:16]
    assert (claims["nonce"], claims["at_hash"]) == ("n-1", urlsafe_b64encode(half).rstrip(b"=").decode())
    head, body, signature = tokens["id_token"].split(".")
    with pytest.raises(InvalidSignature):
        verified(f"{head}.{body}.{signature[::-1]}", keys)


def test_without_the_scope_openid_there_is_no_id_token(person: Person) -> None:
    """API sheet 1, token response: id_token only if openid was asked for."""
    assert "id_token" not in person.connect()


def test_each_log_in_host_is_an_issuer_of_its_own(served: OrgServer) -> None:
    """API sheet 1, endpoints under each host: discovery answers with the host that was asked."""
    shared = Web(served).get(DISCOVERY, headers={"Host": "login.salesforce.com"}).json()
    assert shared["issuer"] == "https://login.salesforce.com"
    assert shared["jwks_uri"] == "https://login.salesforce.com/id/keys"
    own = Web(served).get(DISCOVERY).json()
    assert own["token_endpoint"] == served.registration.base_url + "/services/oauth2/token"


def test_the_signing_key_is_readable_by_its_owner_alone_and_stays(served: OrgServer) -> None:
    """A key that changes with every start would make yesterday's tokens forgeries; one that others read, ours to forge."""
    first = Web(served).get("/id/keys").json()
    assert Web(served).get("/id/keys").json() == first
    assert (served.org.directory / "id_token_key.pem").stat().st_mode & 0o077 == 0
