"""The signed assertion of the JWT bearer flow, with which the app acts as a user without a person. authlib signs.

Facts: Salesforce Help, "OAuth 2.0 JWT Bearer Flow for Server-to-Server Integration".
"""

from __future__ import annotations

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
    # A third of a second to import, which only this flow should take.
    from authlib.oauth2.rfc7523.assertion import sign_jwt_bearer_assertion

    if not app.username or not app.private_key:
        lacking = "FLUINT_SALESFORCE_USERNAME" if not app.username else "FLUINT_SALESFORCE_PRIVATE_KEY_FILE"
        raise SetupError(
            f"{lacking} is not set, which the JWT bearer flow needs. Whoever runs Fluint sets it; .env.example says what it is."
        )
    try:
        signed = sign_jwt_bearer_assertion(
            app.private_key,
            issuer=app.client_id,
            audience=app.login_url.rstrip("/"),
            subject=app.username,
            expires_in=LIFE,
            alg="RS256",
        )
    except ValueError:
        # The cause may quote the key.
        raise SetupError(
            "FLUINT_SALESFORCE_PRIVATE_KEY_FILE holds no RSA private key in PEM form. Whoever runs Fluint names the file of the key"
            " whose certificate the app has."
        ) from None
    return str(signed)
