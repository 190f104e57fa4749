"""Who somebody is, as OAuth and OpenID Connect tell it: userinfo, the identity URL, the discovery document, the keys, the id_token.

Belongs here: the shapes of these answers and the key that signs id_tokens. Does not: HTTP (oauth.py), access tokens (tokens.py).
Facts: API sheet 1, Userinfo; OpenID Connect Core 1.0; Salesforce Help, "OpenID Connect Discovery Endpoint".
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import threading
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from local_org.hosts import login_host
from local_org.jwt_bearer import GRANT_TYPE
from local_org.org import Org
from local_org.registration import Registration
from local_org.tokens import Issued

SCOPES = (
    "api", "refresh_token", "offline_access", "openid", "id", "profile", "email", "address", "phone", "web", "full",
)  # fmt: skip
ID_TOKEN_SECONDS = 120
_KEY_FILE = "id_token_key.pem"
_ENDPOINTS = {
    "authorization_endpoint": "/services/oauth2/authorize",
    "token_endpoint": "/services/oauth2/token",
    "revocation_endpoint": "/services/oauth2/revoke",
    "introspection_endpoint": "/services/oauth2/introspect",
    "userinfo_endpoint": "/services/oauth2/userinfo",
    "jwks_uri": "/id/keys",
}
_CAPABILITIES: dict[str, object] = {
    "scopes_supported": list(SCOPES),
    "response_types_supported": ["code"],
    "subject_types_supported": ["public"],
    "id_token_signing_alg_values_supported": ["RS256"],
    "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials", GRANT_TYPE],
    "code_challenge_methods_supported": ["S256"],
    "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
}
_RESOURCES = {
    "rest": "", "sobjects": "sobjects/", "search": "search/", "query": "query/", "recent": "recent/", "tooling_rest": "tooling/",
}  # fmt: skip
_SOAP = {"enterprise": "c", "partner": "u", "metadata": "m", "tooling_soap": "T"}


class Identity:
    """The people of one org as its tokens name them."""

    def __init__(self, org: Org, registration: Registration) -> None:
        """Holds what the answers are made of; the signing key is made when it is first needed."""
        self._org = org
        self._registration = registration
        self._lock = threading.Lock()

    def url(self, user_id: str) -> str:
        """Gives the URL that names the user in token answers and as `sub`: at the shared log-in host where this org is served under it."""
        base, shared = self._registration.base_url, login_host(self._org)
        if shared in self._registration.names:
            port = base.removeprefix("https://").partition(":")[2]
            base = f"https://{shared}" + (f":{port}" if port else "")
        return f"{base}/id/{self._org.org_id}/{user_id}"

    def userinfo(self, user_id: str) -> dict[str, object]:
        """Says who the user is in OpenID's words."""
        user = self._org.user(user_id)
        base = self._registration.base_url
        return {
            "sub": self.url(user_id),
            "user_id": user_id,
            "organization_id": self._org.org_id,
            "preferred_username": user["Username"],
            "nickname": user.get("CommunityNickname"),
            "name": user["Name"],
            "email": user.get("Email"),
            "email_verified": True,
            "given_name": user.get("FirstName"),
            "family_name": user.get("LastName"),
            "zoneinfo": user.get("TimeZoneSidKey"),
            "photos": self._photos(),
            "profile": f"{base}/{user_id}",
            "picture": f"{base}/profilephoto/005/F",
            "address": _address(user),
            "is_salesforce_integration_user": user.get("UserType") == "CloudIntegrationUser",
            "urls": self._urls(user_id),
            "active": bool(user["IsActive"]),
            "user_type": str(user.get("UserType")).upper(),
            "language": user.get("LanguageLocaleKey"),
            "locale": user.get("LocaleSidKey"),
            "utcOffset": _standard_offset(str(user.get("TimeZoneSidKey") or "GMT"), self._org.clock.now()),
            "updated_at": str(user["SystemModstamp"]).replace(".000Z", "Z"),
        }

    def identity(self, user_id: str) -> dict[str, object]:
        """Says who the user is in Salesforce's own words."""
        user = self._org.user(user_id)
        return {
            "id": self.url(user_id),
            "asserted_user": True,
            "user_id": user_id,
            "organization_id": self._org.org_id,
            "username": user["Username"],
            "nick_name": user.get("CommunityNickname"),
            "display_name": user["Name"],
            "email": user.get("Email"),
            "photos": self._photos(),
            "urls": self._urls(user_id),
            "active": bool(user["IsActive"]),
            "user_type": str(user.get("UserType")).upper(),
            "language": user.get("LanguageLocaleKey"),
            "locale": user.get("LocaleSidKey"),
        }

    def discovery(self, origin: str) -> dict[str, object]:
        """Gives the OpenID Connect discovery document of the host that was asked, e.g. `https://login.salesforce.com`."""
        return {
            "issuer": origin,
            **{name: origin + path for name, path in _ENDPOINTS.items()},
            **_CAPABILITIES,
        }

    def keys(self) -> dict[str, object]:
        """Gives the public keys with which id_tokens can be checked, as a JSON Web Key Set."""
        numbers = self._key().public_key().public_numbers()
        shown = {"n": _encoded(_as_bytes(numbers.n)), "e": _encoded(_as_bytes(numbers.e))}
        return {"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": _key_id(numbers.n), **shown}]}

    def id_token(self, issued: Issued, issuer: str) -> str:
        """Gives the signed statement of who logged in, for the app alone, that lives two minutes."""
        key = self._key()
        at_hash = hashlib.sha256(issued.access_token.encode()).digest()[:16]
        claims: dict[str, object] = {
            "iss": issuer,
            "sub": self.url(issued.user_id),
            "aud": self._registration.client_id,
            "iat": int(issued.issued_at),
            "exp": int(issued.issued_at) + ID_TOKEN_SECONDS,
            "at_hash": _encoded(at_hash),
        }
        if issued.nonce:
            claims["nonce"] = issued.nonce
        header = {"alg": "RS256", "kid": _key_id(key.public_key().public_numbers().n), "typ": "JWT"}
        signed = ".".join(_encoded(json.dumps(part).encode()) for part in (header, claims))
        return f"{signed}.{_encoded(key.sign(signed.encode(), padding.PKCS1v15(), SHA256()))}"

    def _photos(self) -> dict[str, str]:
        base = f"{self._registration.base_url}/profilephoto/005"
        return {"picture": f"{base}/F", "thumbnail": f"{base}/T"}

    def _urls(self, user_id: str) -> dict[str, str]:
        base, org_id = self._registration.base_url, self._org.org_id[:15]
        soap = {name: f"{base}/services/Soap/{kind}/{{version}}/{org_id}" for name, kind in _SOAP.items()}
        data = {name: f"{base}/services/data/v{{version}}/{path}" for name, path in _RESOURCES.items()}
        return {**soap, **data, "profile": f"{base}/{user_id}", "custom_domain": base}

    def _key(self) -> rsa.RSAPrivateKey:
        with self._lock:
            return _key_in(self._org.directory / _KEY_FILE)


def _key_in(path: Path) -> rsa.RSAPrivateKey:
    """Reads the org's signing key, made where it is missing; readable by its owner alone."""
    if path.exists():
        found = serialization.load_pem_private_key(path.read_bytes(), None)
        assert isinstance(found, rsa.RSAPrivateKey)
        return found
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    text = made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    aside = path.with_suffix(".new")
    aside.unlink(missing_ok=True)
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(text)
    aside.replace(path)
    return made


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _as_bytes(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8)


def _key_id(modulus: int) -> str:
    return hashlib.sha256(_as_bytes(modulus)).hexdigest()[:16]


def _address(user: Mapping[str, object]) -> dict[str, object]:
    names = {
        "street_address": "Street", "locality": "City", "region": "State", "postal_code": "PostalCode", "country": "Country",
    }  # fmt: skip
    return {claim: user[field] for claim, field in names.items() if user.get(field)}


def _standard_offset(zone: str, now: datetime) -> int:
    """Gives a zone's offset from UTC in ms, without daylight saving time."""
    there = now.astimezone(ZoneInfo(zone))
    offset, saving = there.utcoffset(), there.dst()
    assert offset is not None
    return int((offset - saving if saving else offset).total_seconds() * 1000)
