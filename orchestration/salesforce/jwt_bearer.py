"""The signed assertion of the JWT bearer flow, with which the app acts as a user without a person. joserfc signs.

Facts: Salesforce Help, "OAuth 2.0 JWT Bearer Flow for Server-to-Server Integration".
"""

from __future__ import annotations

import time
from typing import Protocol

from orchestration.errors import SetupError

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LIFE = 150
"""Seconds that an assertion is good for: Salesforce takes three minutes at most, and clocks differ."""


class Signer(Protocol):
    """What the assertion says of the app: as `oauth.OAuthApp` has it."""

    @property
    def client_id(self) -> str: ...  # noqa: D102
    @property
    def login_url(self) -> str: ...  # noqa: D102
    @property
    def username(self) -> str | None: ...  # noqa: D102
    @property
    def private_key(self) -> str | None: ...  # noqa: D102


def assertion(app: Signer) -> str:
    """Returns an RS256 assertion that the app's user is to be acted as, at the host that signs in. Raises `SetupError` for a bad key."""
    # A tenth of a second to import, which only this flow should take.
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import RSAKey

    if not app.username or not app.private_key:
        lacking = "FLUINT_SALESFORCE_USERNAME" if not app.username else "FLUINT_SALESFORCE_PRIVATE_KEY_FILE"
        raise SetupError(
            f"{lacking} is not set, which the JWT bearer flow needs. Whoever runs Fluint sets it; .env.example says what it is."
        )
    claims = {
        "iss": app.client_id,
        "sub": app.username,
        "aud": app.login_url.rstrip("/"),
        "exp": int(time.time()) + LIFE,
    }
    try:
        return jwt.encode({"alg": "RS256"}, claims, RSAKey.import_key(app.private_key))
    except (ValueError, JoseError):
        # The cause may quote the key.
        raise SetupError(
            "FLUINT_SALESFORCE_PRIVATE_KEY_FILE holds no RSA private key in PEM form. Whoever runs Fluint names the file of the key"
            " whose certificate the app has."
        ) from None
