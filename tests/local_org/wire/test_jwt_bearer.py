"""The JWT bearer flow over TLS: what a signed assertion must say before the app may act as a user without a page."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from tests.local_org.wire.conftest import Person, Web

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate() -> str:
    """The certificate that an administrator uploads for the app."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "app.example")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(KEY.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def encoded(content: bytes) -> str:
    """Base64 for URLs without padding, as JWT wants it."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def assertion(person: Person, key: rsa.RSAPrivateKey = KEY, **changes: object) -> str:
    """An assertion that is right but for `changes`."""
    now = person.server.org.clock.now().timestamp()
    claims = {
        "iss": person.card.client_id,
        "sub": person.username,
        "aud": person.card.base_url,
        "exp": int(now) + 180,
    }
    header = json.dumps({"alg": "RS256"}).encode()
    signed = f"{encoded(header)}.{encoded(json.dumps(claims | changes).encode())}"
    return f"{signed}.{encoded(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def asked(person: Person, text: str) -> dict[str, str]:
    """The token endpoint's answer to an assertion; this flow sends no secret."""
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": text}
    return dict(person.web.post("/services/oauth2/token", data=form).json())


@pytest.fixture
def trusted(person: Person) -> Person:
    """A user who approved the app, whose certificate is uploaded."""
    person.connect()
    person.web.switch(jwt_certificate=certificate())
    return person


def test_a_right_assertion_gets_an_access_token_and_no_refresh_token(trusted: Person) -> None:
    """Servers sign a new assertion when the session ends; a refresh token here would be a second way in."""
    answer = asked(trusted, assertion(trusted))
    assert "refresh_token" not in answer
    assert Web(trusted.server, answer["access_token"]).get("/services/data/v66.0/limits").status_code != 401


@pytest.mark.parametrize(
    ("changes", "description"),
    [
        ({"aud": "https://other.example"}, "Audience validation failed"),
        ({"aud": "https://test.salesforce.com"}, "Audience validation failed"),
        ({"sub": "nobody@acme.example"}, "user hasn't approved this consumer"),
        ({"sub": "edward.moore@acme.example"}, "user hasn't approved this consumer"),
        ({"iss": "3MVG9unknown"}, "client identifier invalid"),
        ({"exp": 1}, "invalid assertion"),
        ({"exp": 9_999_999_999}, "invalid assertion"),
    ],
)
def test_an_assertion_that_says_something_else_is_refused(
    trusted: Person, changes: dict[str, object], description: str
) -> None:
    """Each text sends another person to work: the administrator, the user, or whoever set the clock."""
    assert asked(trusted, assertion(trusted, **changes))["error_description"] == description


@pytest.mark.parametrize("audience", ["https://login.salesforce.com", ""])
def test_an_assertion_is_meant_for_the_log_in_host_or_the_my_domain(trusted: Person, audience: str) -> None:
    """API sheet 1, JWT bearer: both are named in the wild; the other environment's host is not this org's."""
    text = assertion(trusted, aud=audience or trusted.card.base_url)
    assert "access_token" in asked(trusted, text)


def test_an_assertion_at_the_host_of_the_other_environment_is_refused(trusted: Person) -> None:
    """API sheet 1, "Audience validation failed": also where the claim is right and the host is wrong."""
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion(trusted)}
    answer = trusted.web.post(
        "/services/oauth2/token", data=form, headers={"Host": "test.salesforce.com"}
    ).json()
    assert answer["error_description"] == "Audience validation failed"


def test_a_user_whom_the_administrator_approved_needs_no_page(trusted: Person) -> None:
    """API sheet 1, JWT bearer: pre-authorised by profile, as a server without a browser needs it."""
    trusted.web.delete("/__local_org__/tokens")
    assert asked(trusted, assertion(trusted))["error_description"] == "user hasn't approved this consumer"
    trusted.web.switch(connected_app_policy="admin_approved", app_approved_for="Fluint Integration")
    assert "access_token" in asked(trusted, assertion(trusted))


def test_an_assertion_that_another_key_signed_is_refused(trusted: Person) -> None:
    """A signature that nobody checks would let anyone be anyone."""
    assert asked(trusted, assertion(trusted, OTHER_KEY))["error_description"] == "invalid assertion"
    unsigned = assertion(trusted).rpartition(".")[0] + "."
    assert asked(trusted, unsigned)["error_description"] == "invalid assertion"


def test_without_a_certificate_no_assertion_is_accepted(person: Person) -> None:
    """The default of the org must not be an open door."""
    person.connect()
    assert asked(person, assertion(person))["error_description"] == "invalid assertion"
