"""The shared log-in hosts and the My Domain: what each serves, over TLS with the Host header that a client would send."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from local_org.server import Address, OrgServer, serving_in_thread
from tests.local_org.wire.conftest import CALLBACK, Person, Web

LOGIN = {"Host": "login.salesforce.com"}
TEST = {"Host": "test.salesforce.com"}
SETUP = {"Host": "acme.my.salesforce-setup.com"}
VERSIONS, QUERY = "/services/data", "/services/data/v66.0/query?q=SELECT+Id+FROM+Organization"


def exchanged(person: Person, headers: dict[str, str]) -> requests.Response:
    """Exchanges a fresh code at the host that the headers name."""
    form = {
        "grant_type": "authorization_code",
        "code": person.code(),
        "client_id": person.card.client_id,
        "client_secret": person.card.client_secret,
        "redirect_uri": CALLBACK,
        "code_verifier": person.verifier,
    }
    return person.web.post("/services/oauth2/token", data=form, headers=headers)


def refreshed(person: Person, token: str, headers: dict[str, str] | None = None) -> requests.Response:
    """Refreshes at the host that the headers name."""
    form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": person.card.client_id}
    form["client_secret"] = person.card.client_secret
    return person.web.post("/services/oauth2/token", data=form, headers=headers or {})


def test_the_log_in_host_issues_tokens_for_the_my_domain(person: Person, served: OrgServer) -> None:
    """API sheet 1, Hosts: instance_url is the My Domain; who calls the data API at the log-in host meets a dead session."""
    tokens = exchanged(person, LOGIN).json()
    assert tokens["instance_url"] == served.registration.base_url
    web = Web(served, tokens["access_token"])
    assert (web.get(QUERY).status_code, web.get(QUERY, headers=LOGIN).status_code) == (200, 401)
    assert web.get(VERSIONS, headers=LOGIN).status_code == 200
    assert web.get("/services/oauth2/userinfo", headers=LOGIN).json()["sub"] == tokens["id"]


@pytest.mark.parametrize(("issued_at", "elsewhere"), [(LOGIN, {}), ({}, LOGIN)], ids=["login", "my_domain"])
def test_a_grant_refreshes_at_the_host_that_issued_it_alone(
    person: Person, issued_at: dict[str, str], elsewhere: dict[str, str]
) -> None:
    """API sheet 1, Hosts: refresh at the issuing host. A try elsewhere is refused and costs nothing."""
    token = exchanged(person, issued_at).json()["refresh_token"]
    refused = refreshed(person, token, elsewhere)
    dead = {"error": "invalid_grant", "error_description": "expired access/refresh token"}
    assert (refused.status_code, refused.json()) == (400, dead)
    again = refreshed(person, token, issued_at).json()["refresh_token"]
    person.web.switch(refresh_at_issuing_host_only=False)
    assert refreshed(person, again, elsewhere).status_code == 200


def test_the_log_in_host_of_the_other_environment_knows_nobody(person: Person, served: OrgServer) -> None:
    """API sheet 1, Hosts: test.salesforce.com is for sandboxes; a production user fails there with a right password."""
    assert exchanged(person, TEST).json()["error_description"] == "invalid authorization code"
    tokens = person.connect()
    assert (
        refreshed(person, tokens["refresh_token"], TEST).json()["error_description"]
        == "expired access/refresh token"
    )
    form = {"username": person.username, "password": person.card.password}
    assert Web(served).post("/login", data=form, headers=TEST).status_code == 401
    assert Web(served).post("/login", data=form, headers=LOGIN).status_code == 200
    assert (
        Web(served, tokens["access_token"]).get("/services/oauth2/userinfo", headers=TEST).status_code == 403
    )


def test_a_sandbox_logs_in_at_the_test_host(person: Person, served: OrgServer) -> None:
    """API sheet 1, Hosts: which of the two serves an org depends on what Organization.IsSandbox says."""
    store, org_id = served.org.store, served.org.org_id
    store.update("Organization", org_id, {"IsSandbox": True}, by=served.org.system_user_id)
    try:
        assert exchanged(person, TEST).status_code == 200
        assert exchanged(person, LOGIN).status_code == 400
    finally:
        store.update("Organization", org_id, {"IsSandbox": False}, by=served.org.system_user_id)


def test_the_setup_host_serves_no_tokens(person: Person) -> None:
    """API sheet 1, Hosts: *.my.salesforce-setup.com is copied from the address bar of Setup and leads nowhere."""
    assert exchanged(person, SETUP).status_code == 404


def test_client_credentials_are_served_by_the_my_domain_alone(person: Person) -> None:
    """API sheet 1, Client credentials and its refusal: at log-in hosts the request is not supported."""
    person.web.switch(client_credentials_username=person.username)
    form = {
        "grant_type": "client_credentials",
        "client_id": person.card.client_id,
        "client_secret": person.card.client_secret,
    }
    refused = person.web.post("/services/oauth2/token", data=form, headers=LOGIN)
    text = {"error": "invalid_grant", "error_description": "request not supported on this domain"}
    assert (refused.status_code, refused.json()) == (400, text)
    assert person.web.post("/services/oauth2/token", data=form).status_code == 200


def test_an_org_served_under_the_log_in_host_names_its_people_there(tmp_path: Path) -> None:
    """API sheet 1, token response: `id` is `https://login.salesforce.com/id/00D…/005…`, instance_url the My Domain."""
    names = ("login.salesforce.com", "acme.my.salesforce.com")
    with serving_in_thread(tmp_path, Address(names=names)) as server:
        port = server.listener.getsockname()[1]
        assert server.registration.base_url == f"https://acme.my.salesforce.com:{port}"
        user = server.org.system_user_id
        url = server.org.identity_url(user)
    assert url == f"https://login.salesforce.com:{port}/id/{server.org.org_id}/{user}"
