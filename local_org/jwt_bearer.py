"""The JWT bearer flow: whether a signed assertion lets the app act as a user (API sheet 1; Salesforce Help, JWT Bearer Flow).

Belongs here: reading and judging the assertion. Does not: issuing the token (tokens.py), HTTP (oauth.py).
"""

import base64
import json
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import load_pem_x509_certificate

from local_org.connected_app import is_approved
from local_org.hosts import login_host
from local_org.org import Org
from local_org.registration import Registration
from local_org.tokens import OAuthError, Tokens

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LONGEST_LIFE_SECONDS = 300


def user_of_assertion(org: Org, registration: Registration, tokens: Tokens, assertion: str) -> str:
    """Gives the id of the user whom a valid assertion names. Raises OAuthError for every other assertion."""
    claims = _verified(org, assertion)
    if claims.get("iss") != registration.client_id:
        raise OAuthError("invalid_client_id", "client identifier invalid")
    if claims.get("aud") not in (f"https://{login_host(org)}", registration.base_url):
        raise OAuthError("invalid_grant", "Audience validation failed")
    left = float(str(claims.get("exp", 0))) - org.clock.now().timestamp()
    if not 0 < left <= LONGEST_LIFE_SECONDS:
        raise _invalid()
    user = org.user_by_username(str(claims.get("sub", "")))
    approved = user is not None and (
        tokens.has_approved(registration.client_id, str(user["Id"]), "api")
        or is_approved(org, str(user["Id"]))
    )
    if user is None or not approved:
        raise OAuthError("invalid_grant", "user hasn't approved this consumer")
    return str(user["Id"])


def _verified(org: Org, assertion: str) -> Mapping[str, object]:
    """Gives the claims of an assertion that the certificate on the app's page vouches for."""
    signed, _, signature = assertion.rpartition(".")
    header, _, payload = signed.partition(".")
    try:
        algorithm = json.loads(_decoded(header))["alg"]
        claims = json.loads(_decoded(payload))
        key = load_pem_x509_certificate(org.switches.jwt_certificate.encode()).public_key()
        if algorithm != "RS256" or not isinstance(key, rsa.RSAPublicKey) or not isinstance(claims, dict):
            raise _invalid()
        key.verify(_decoded(signature), signed.encode(), padding.PKCS1v15(), SHA256())
    except (ValueError, KeyError, TypeError, InvalidSignature):
        raise _invalid() from None
    return claims


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _invalid() -> OAuthError:
    return OAuthError("invalid_grant", "invalid assertion")
