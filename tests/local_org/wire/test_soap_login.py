"""SOAP login() and logout() over TLS: who gets a session, what it is good for, and the faults that clients read by expression."""

import re
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import pytest
import requests

from local_org.server import OrgServer
from tests.local_org.wire.conftest import Person, Web

PARTNER = "urn:partner.soap.sforce.com"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"


def envelope(call: str, header: str = "") -> bytes:
    """A request as the SOAP clients write it."""
    inner = f'<e:Header>{header}</e:Header><e:Body xmlns="{PARTNER}">{call}</e:Body>'
    return f'<?xml version="1.0" encoding="utf-8"?><e:Envelope xmlns:e="{SOAP}">{inner}</e:Envelope>'.encode()


def login(username: str, password: str) -> bytes:
    """The envelope of a login."""
    return envelope(
        f"<login><username>{escape(username)}</username><password>{escape(password)}</password></login>"
    )


def sent(person: Person, body: bytes, version: str = "64.0", **headers: str) -> requests.Response:
    """Posts an envelope."""
    usual = {"Content-Type": "text/xml", "SOAPAction": '""'}
    kept = {name: value for name, value in (usual | headers).items() if value}
    return person.web.post(f"/services/Soap/u/{version}", data=body, headers=kept)


def logged_in(person: Person) -> ElementTree.Element:
    """The result of a login that must succeed."""
    answer = sent(person, login(person.username, person.card.password))
    assert answer.status_code == 200, answer.text
    found = ElementTree.fromstring(answer.content).find(f".//{{{PARTNER}}}result")
    assert found is not None
    return found


def text_of(result: ElementTree.Element, name: str) -> str:
    """The text of an element anywhere below the result."""
    return str(result.findtext(f".//{{{PARTNER}}}{name}"))


@pytest.fixture
def door(person: Person) -> Person:
    """A user of an org whose administrator enabled SOAP login()."""
    person.web.switch(soap_login=True)
    return person


def test_a_login_gives_a_session_that_the_rest_api_takes(door: Person, served: OrgServer) -> None:
    """Clients take the address of all further calls from serverUrl and the org's id from userInfo."""
    result = logged_in(door)
    assert (
        text_of(result, "serverUrl") == f"{door.card.base_url}/services/Soap/u/64.0/{served.org.org_id[:15]}"
    )
    assert text_of(result, "organizationId") == served.org.org_id
    user = served.org.user_by_username(door.username)
    assert user is not None
    assert text_of(result, "userId") == user["Id"]
    assert Web(served, text_of(result, "sessionId")).get("/services/data/v66.0").status_code == 200


def test_a_logout_ends_the_session_and_no_other(door: Person, served: OrgServer) -> None:
    """The session is named in the header; a second logout of it is refused."""
    ended, kept = (text_of(logged_in(door), "sessionId") for _ in range(2))
    header = f'<SessionHeader xmlns="{PARTNER}"><sessionId>{ended}</sessionId></SessionHeader>'
    assert sent(door, envelope("<logout/>", header)).status_code == 200
    again = sent(door, envelope("<logout/>", header))
    assert (again.status_code, "<faultcode>INVALID_SESSION_ID</faultcode>" in again.text) == (500, True)
    assert Web(served, ended).get("/services/data/v66.0").status_code == 401
    assert Web(served, kept).get("/services/data/v66.0").status_code == 200


@pytest.mark.parametrize(
    ("username", "password", "version", "enabled", "code", "text"),
    [
        (None, "wrong", "64.0", True, "INVALID_LOGIN", "Invalid username, password, security token; or user locked out."),
        ("nobody@acme.example", None, "64.0", True, "INVALID_LOGIN", "Invalid username"),
        (None, None, "64.0", False, "INVALID_OPERATION", "SOAP API login() is disabled by default in this org."),
        (None, None, "65.0", True, "INVALID_OPERATION", "SOAP API login() is disabled by default in this org."),
        (None, None, "30.0", True, "UNSUPPORTED_API_VERSION", "Invalid Api version specified on URL"),
        (None, None, "99.0", True, "UNSUPPORTED_API_VERSION", "Invalid Api version specified on URL"),
    ],
)  # fmt: skip
def test_a_login_is_refused_by_a_fault_with_code_and_text(
    person: Person,
    username: str | None,
    password: str | None,
    version: str,
    enabled: bool,
    code: str,
    text: str,
) -> None:
    """The code sends people to their password, to Setup or to another flow; it stands in three places, and clients read each."""
    person.web.switch(soap_login=enabled)
    body = login(username or person.username, password or person.card.password)
    answer = sent(person, body, version)
    assert answer.status_code == 500
    assert re.search(rf"<faultcode>{code}</faultcode><faultstring>{code}: {re.escape(text)}", answer.text)
    assert re.search(
        rf"<sf:exceptionCode>{code}</sf:exceptionCode><sf:exceptionMessage>{re.escape(text)}", answer.text
    )
    assert "sessionId" not in answer.text


def test_a_user_without_api_enabled_gets_no_session(door: Person, served: OrgServer) -> None:
    """A session that no call takes would look like a log-in that worked."""
    user = served.org.user_by_username(door.username)
    assert user is not None
    profile = str(user["ProfileId"])
    served.org.store.update(
        "Profile", profile, {"PermissionsApiEnabled": False}, by=served.org.system_user_id
    )
    try:
        answer = sent(door, login(door.username, door.card.password))
    finally:
        served.org.store.update(
            "Profile", profile, {"PermissionsApiEnabled": True}, by=served.org.system_user_id
        )
    assert "<faultcode>API_CURRENTLY_DISABLED</faultcode>" in answer.text


@pytest.mark.parametrize(
    ("body", "headers", "text"),
    [
        (envelope("<describeGlobal/>"), {}, "No operation available for request"),
        (envelope("<login/><login/>"), {}, "One call is expected"),
        (b"<login", {}, "XML could not be read"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]>' + envelope("<login/>"), {}, "DTD is not supported"),
        (envelope("<login/>"), {"SOAPAction": ""}, "SOAPAction HTTP header missing"),
    ],
)
def test_what_is_no_call_of_this_org_is_a_fault_of_the_client(
    door: Person, body: bytes, headers: dict[str, str], text: str
) -> None:
    """Answered 200, a call that this org does not serve would look done."""
    answer = sent(door, body, **headers)
    assert (answer.status_code, text in answer.text) == (500, True)
    assert "<faultcode>soapenv:Client</faultcode>" in answer.text
