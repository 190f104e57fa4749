"""SOAP `login()` and `logout()` at /services/Soap/u/NN.N, the door of clients that hold a username and a password.

Belongs here: these two calls and their faults. Does not: any other SOAP call, which this org does not serve; what a session may
do, which is what every access token may (gate.py). Sources: SOAP API Developer Guide, "login()", "logout()"; answers and faults
as public clients recorded them. Orgs made since 2025 refuse login() until an administrator enables it, and API version 65.0 and
later do not have it: hence the switch `soap_login`, which is off.
"""

import hmac
from collections.abc import Mapping
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local_org.errors import ApiError
from local_org.org import Org
from local_org.registration import Registration
from local_org.rest.discovery import check_version
from local_org.tokens import Tokens

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
PARTNER = "urn:partner.soap.sforce.com"
FAULT = "urn:fault.partner.soap.sforce.com"
LAST_VERSION_WITH_LOGIN = 64
_WRONG = "Invalid username, password, security token; or user locked out."
_DISABLED = "SOAP API login() is disabled by default in this org. Contact the org administrator to enable SOAP API login()."


class SoapError(Exception):
    """A refusal: its exception code, its text, and the fault element that carries them."""

    def __init__(self, code: str, text: str, element: str = "UnexpectedErrorFault") -> None:
        """Holds code, text and element."""
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text
        self.element = element


class SoapLogin:
    """The two calls over one org's users and tokens."""

    def __init__(self, org: Org, registration: Registration, tokens: Tokens) -> None:
        """Holds what the calls answer from."""
        self._org = org
        self._registration = registration
        self._tokens = tokens

    def routes(self) -> list[Route]:
        """Gives the routes; the org's id may follow the version, as it does in `serverUrl`."""
        paths = ("/services/Soap/u/{version}", "/services/Soap/u/{version}/{organization_id}")
        return [Route(path, self.serve, methods=["POST"]) for path in paths]

    async def serve(self, request: Request) -> Response:
        """Answers one envelope: 200 with the call's response, or 500 with a fault."""
        body, version = await request.body(), request.path_params["version"]
        try:
            if "soapaction" not in request.headers:
                raise SoapError("soapenv:Client", "SOAPAction HTTP header missing", "")
            return _envelope(await run_in_threadpool(self._answer, version, body), 200)
        except SoapError as fault:
            return _envelope(_fault(fault), 500)

    def _answer(self, version: str, body: bytes) -> str:
        number = self._number(version)
        header, call = _read(body)
        if call.tag == f"{{{PARTNER}}}login":
            return self._login(number, call)
        if call.tag == f"{{{PARTNER}}}logout":
            return self._logout(header)
        raise SoapError("soapenv:Client", f"No operation available for request {call.tag}", "")

    def _number(self, version: str) -> int:
        """Gives the number of an API version such as `64.0`, if the org has it."""
        try:
            check_version(version, self._org.switches.newest_api_version)
        except ApiError:
            raise SoapError("UNSUPPORTED_API_VERSION", "Invalid Api version specified on URL") from None
        return int(version.partition(".")[0])

    def _login(self, version: int, call: ElementTree.Element) -> str:
        if not self._org.switches.soap_login or version > LAST_VERSION_WITH_LOGIN:
            raise SoapError("INVALID_OPERATION", _DISABLED, "LoginFault")
        username, password = _text(call, "username"), _text(call, "password")
        user = self._org.user_by_username(username)
        right = hmac.compare_digest(password.encode(), self._registration.password.encode())
        if user is None or not user["IsActive"] or not right:
            raise SoapError("INVALID_LOGIN", _WRONG, "LoginFault")
        if not self._org.security.of(str(user["Id"])).has("ApiEnabled"):
            raise SoapError("API_CURRENTLY_DISABLED", "API is disabled for this User", "LoginFault")
        # A session of a login belongs to no connected app.
        issued = self._tokens.issue_without_grant("", str(user["Id"]), "full")
        return _element("loginResponse", {"result": self._result(version, user, issued.access_token)})

    def _logout(self, header: ElementTree.Element | None) -> str:
        found = None if header is None else header.find(f"{{{PARTNER}}}SessionHeader/{{{PARTNER}}}sessionId")
        token = "" if found is None else (found.text or "").strip()
        if self._tokens.find(token) is None:
            text = "Invalid Session ID found in SessionHeader: Illegal Session. Session not found"
            raise SoapError("INVALID_SESSION_ID", text)
        self._tokens.revoke(token)
        return _element("logoutResponse", {})

    def _result(self, version: int, user: Mapping[str, object], session_id: str) -> dict[str, object]:
        base, organization = self._registration.base_url, self._org.org_id
        return {
            "metadataServerUrl": f"{base}/services/Soap/m/{version}.0/{organization[:15]}",
            "passwordExpired": False,
            "sandbox": False,
            "serverUrl": f"{base}/services/Soap/u/{version}.0/{organization[:15]}",
            "sessionId": session_id,
            "userId": user["Id"],
            "userInfo": {
                "organizationId": organization,
                "profileId": user["ProfileId"],
                "sessionSecondsValid": int(self._org.switches.access_token_seconds),
                "userEmail": user.get("Email") or "",
                "userFullName": user["Name"],
                "userId": user["Id"],
                "userLanguage": user.get("LanguageLocaleKey") or "",
                "userLocale": user.get("LocaleSidKey") or "",
                "userName": user["Username"],
                "userTimeZone": user.get("TimeZoneSidKey") or "",
                "userType": "Standard",
            },
        }


def _read(body: bytes) -> tuple[ElementTree.Element | None, ElementTree.Element]:
    """Gives the header, if there is one, and the one call of an envelope."""
    if b"<!DOCTYPE" in body:
        raise SoapError("soapenv:Client", "DTD is not supported", "")
    try:
        envelope = ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        raise SoapError("soapenv:Client", f"XML could not be read: {error}", "") from None
    calls = envelope.findall(f"{{{ENVELOPE}}}Body/*") if envelope.tag == f"{{{ENVELOPE}}}Envelope" else []
    if len(calls) != 1:
        raise SoapError("soapenv:Client", "One call is expected in the body of a SOAP 1.1 envelope", "")
    return envelope.find(f"{{{ENVELOPE}}}Header"), calls[0]


def _text(call: ElementTree.Element, name: str) -> str:
    return (call.findtext(f"{{{PARTNER}}}{name}") or "").strip()


def _fault(fault: SoapError) -> str:
    detail = ""
    if fault.element:
        told = f"<sf:exceptionCode>{fault.code}</sf:exceptionCode><sf:exceptionMessage>{escape(fault.text)}</sf:exceptionMessage>"
        detail = (
            f'<detail><sf:{fault.element} xsi:type="sf:{fault.element}">{told}</sf:{fault.element}></detail>'
        )
    words = escape(f"{fault.code}: {fault.text}" if fault.element else fault.text)
    text = f"<faultcode>{fault.code}</faultcode><faultstring>{words}</faultstring>{detail}"
    return f"<soapenv:Fault>{text}</soapenv:Fault>"


def _element(name: str, value: object) -> str:
    if isinstance(value, Mapping):
        inner = "".join(_element(each, part) for each, part in value.items())
    else:
        inner = escape(str(value).lower() if isinstance(value, bool) else str(value))
    return f"<{name}>{inner}</{name}>" if inner else f"<{name}/>"


def _envelope(content: str, status: int) -> Response:
    names = f'xmlns:soapenv="{ENVELOPE}" xmlns="{PARTNER}" xmlns:sf="{FAULT}"'
    xsi = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    body = f"<soapenv:Body>{content}</soapenv:Body>"
    text = f'<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope {names} {xsi}>{body}</soapenv:Envelope>'
    return Response(text, status, media_type="text/xml; charset=utf-8")
