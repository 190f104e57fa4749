"""What only a served org can show of its set-up: the app's row, its grants, layouts by the admin endpoint, refusals for the whole org."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from local_org.access_log import AccessLog
from local_org.demo_data import cast
from local_org.gate import Gate
from local_org.server import OrgServer
from local_org.tokens import Approval, Tokens
from tests.local_org.wire.conftest import CALLBACK, Person, Web

BASE = "/services/data/v66.0"
LAYOUTS = "/__local_org__/layouts"
APP = (
    "SELECT Name, OptionsAllowAdminApprovedUsersOnly, OptionsRefreshTokenValidityMetric, RefreshTokenValidityPeriod"
    " FROM ConnectedApplication"
)


def records(web: Web, soql: str) -> list[dict[str, Any]]:
    """Returns the records of a query."""
    answer = web.get(f"{BASE}/query", params={"q": soql})
    assert answer.status_code == 200, answer.text
    return [
        {name: value for name, value in each.items() if name != "attributes"}
        for each in answer.json()["records"]
    ]


def test_the_connected_app_is_listed_with_its_policies_while_it_is_installed(api: Web) -> None:
    """API sheet 4, ConnectedApplication [M]: installed apps only; a set-up check reads the policies from here."""
    assert records(api, APP)[0]["OptionsAllowAdminApprovedUsersOnly"] is False
    api.switch(connected_app_policy="admin_approved", refresh_token_policy="idle_days")
    assert records(api, APP) == [
        {"Name": "Fluint", "OptionsAllowAdminApprovedUsersOnly": True, "OptionsRefreshTokenValidityMetric": True,
         "RefreshTokenValidityPeriod": 30}
    ]  # fmt: skip
    api.switch(connected_app_policy="uninstalled")
    assert records(api, APP) == []


@pytest.mark.parametrize("needs_manage_users", [True, False])
def test_grants_are_rows_and_those_of_others_take_manage_users(
    person: Person, served: OrgServer, needs_manage_users: bool
) -> None:
    """API sheet 4, OauthToken [M]: one row per grant, with first and last use; another's rows are Manage Users' to see."""
    person.web.switch(oauth_tokens_of_others_need_manage_users=needs_manage_users)
    rep = Person(served, next(str(each["username"]) for each in cast(served.org) if each["role"] == "rep"))
    rep.web.delete("/__local_org__/tokens")
    mine, theirs = rep.connect(), person.connect()
    rep.refresh(mine["refresh_token"])
    web = Web(served, mine["access_token"])
    rows = records(
        web, "SELECT UserId, AppName, UseCount, CreatedDate, LastUsedDate FROM OauthToken ORDER BY UserId"
    )
    users = {tokens["id"].rpartition("/")[2] for tokens in (mine, theirs)}
    own = mine["id"].rpartition("/")[2]
    assert {each["UserId"] for each in rows} == ({own} if needs_manage_users else users)
    row = next(each for each in rows if each["UserId"] == own)
    assert (row["AppName"], row["UseCount"]) == ("Fluint", 2)
    assert row["CreatedDate"] <= row["LastUsedDate"]
    rep.web.post("/services/oauth2/revoke", data={"token": theirs["refresh_token"]})
    assert len(records(web, "SELECT Id FROM OauthToken")) == 1


def test_the_rights_that_the_permission_records_add_up_to_are_those_that_a_describe_shows(
    api: Web, person: Person, served: OrgServer
) -> None:
    """API sheet 4, PermissionSet: one semi-join over the assignments finds what profile and permission sets grant together."""
    user = served.org.user_by_username(person.username)
    assert user is not None
    held = (
        f"ParentId IN (SELECT PermissionSetId FROM PermissionSetAssignment WHERE AssigneeId = '{user['Id']}')"
    )
    flags = ("PermissionsCreate", "PermissionsRead", "PermissionsEdit", "PermissionsDelete")
    rows = records(api, f"SELECT SobjectType, {', '.join(flags)} FROM ObjectPermissions WHERE {held}")
    granted = {name: {each["SobjectType"] for each in rows if each[name]} for name in flags}
    listed = {each["name"]: each for each in api.get(f"{BASE}/sobjects").json()["sobjects"]}
    for flag, shown in zip(flags, ("createable", "queryable", "updateable", "deletable"), strict=True):
        for sobject in ("Opportunity", "Contact", "Account"):
            assert listed[sobject][shown] is (sobject in granted[flag]), (sobject, flag)
    assert granted["PermissionsCreate"] == {"Opportunity"}
    fields = {
        each["Field"]
        for each in records(
            api,
            f"SELECT Field, PermissionsRead FROM FieldPermissions WHERE {held} AND SobjectType = 'Opportunity'",
        )
        if each["PermissionsRead"]
    }
    described = api.get(f"{BASE}/sobjects/Opportunity/describe").json()["fields"]
    shown = {each["name"] for each in described if each["permissionable"] and not each["compoundFieldName"]}
    assert fields == {f"Opportunity.{each}" for each in shown}


def test_the_admin_takes_the_files_list_off_one_layout(api: Web) -> None:
    """API sheet 2.1, layouts per record type: what the guide has the admin do, undone for one record type."""
    asked = {"sobject": "Opportunity", "record_type": "Renewal"}
    before = api.get(LAYOUTS, params=asked).json()["related_lists"]
    assert "AttachedContentDocuments" in before
    without = [each for each in before if each != "AttachedContentDocuments"]
    assert api.patch(LAYOUTS, json=asked | {"related_lists": without}).json()["related_lists"] == without
    mappings = api.get(f"{BASE}/sobjects/Opportunity/describe/layouts").json()["recordTypeMappings"]
    shown = {
        each["developerName"]: {row["name"] for row in api.get(each["urls"]["layout"]).json()["relatedLists"]}
        for each in mappings
    }
    api.patch(LAYOUTS, json=asked | {"related_lists": before})
    assert {name for name, lists in shown.items() if "AttachedContentDocuments" not in lists} == {"Renewal"}
    for wrong in ({"record_type": "Nothing"}, {"profile": "Nobody"}, {"related_lists": ["Files"]}):
        assert api.patch(LAYOUTS, json={"related_lists": before} | wrong).status_code == 400


def test_a_describe_is_answered_304_over_the_wire(api: Web) -> None:
    """API sheet 2.1, If-Modified-Since [R CCI]: the second read of an hourly describe costs no body."""
    path = f"{BASE}/sobjects/Opportunity/describe"
    first = api.get(path)
    again = api.get(path, headers={"If-Modified-Since": first.headers["Last-Modified"]})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    assert "Sforce-Limit-Info" in again.headers


def test_an_org_without_the_api_says_so(api: Web) -> None:
    """API sheet 2.5, API_DISABLED_FOR_ORG: an edition without API is not a user without API."""
    api.switch(api_enabled_for_org=False)
    answer = api.get(f"{BASE}/sobjects")
    body = [
        {"message": "The REST API is not enabled for this Organization.", "errorCode": "API_DISABLED_FOR_ORG"}
    ]
    assert (answer.status_code, answer.json()) == (403, body)


@pytest.mark.parametrize(("version", "status"), [("v30.0", 410), ("v67.0", 404), ("vx", 404), ("v66.0", 200)])
@pytest.mark.parametrize("path", ["sobjects", "jobs/query"])
def test_a_version_that_is_not_served_is_refused_for_every_resource(
    api: Web, path: str, version: str, status: int
) -> None:
    """API sheet 2.1, versions: v21–30 are 410 GONE; the newest is as new as the switch says."""
    assert api.get(f"/services/data/{version}/{path}").status_code == status
    api.switch(newest_api_version=67)
    assert api.get(f"/services/data/v67.0/{path}").status_code == 200
    assert Web(api.server).get("/services/data").json()[-1]["version"] == "67.0"


@pytest.mark.parametrize(("limit", "more"), [(0, ""), (250, "; per-app-api-usage={0}/250(appName=Fluint)")])
def test_the_limit_header_may_tell_the_calls_of_the_app(api: Web, limit: int, more: str) -> None:
    """API sheet 2.1, Sforce-Limit-Info [M]: a client that splits at the first slash misreads the longer form."""
    api.switch(per_app_api_limit=limit)
    text = api.get(f"{BASE}/sobjects/User").headers["Sforce-Limit-Info"]
    used = text.removeprefix("api-usage=").partition("/")[0]
    assert text == f"api-usage={used}/15000{more.format(used)}"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("POST", "/services/data", "HEAD,GET"), ("DELETE", "/services/oauth2/userinfo", "HEAD,GET,POST"),
     ("GET", "/services/oauth2/token", "POST"), ("PATCH", f"{BASE}/sobjects/ContentVersion", "HEAD,GET,POST"),
     ("DELETE", f"{BASE}/limits", "HEAD,GET")],
)  # fmt: skip
def test_a_wrong_method_names_the_right_ones(api: Web, method: str, path: str, allowed: str) -> None:
    """API sheet 2.5, 405: "HTTP Method 'DELETE' not allowed. Allowed are HEAD,GET,PATCH"."""
    answer = api.request(method, path)
    text = f"HTTP Method '{method}' not allowed. Allowed are {allowed}"
    assert (answer.status_code, answer.json()[0]) == (
        405,
        {"message": text, "errorCode": "METHOD_NOT_ALLOWED"},
    )


def test_no_call_begins_beside_as_many_long_ones_as_are_allowed(served: OrgServer, person: Person) -> None:
    """API sheet 2.1 and 2.5: 5 calls of 20 s in a Developer org; the refusal shares the code of the day's limit, not its text."""
    org, card, now = served.org, person.card, [0.0]
    tokens = Tokens(org.store, org.clock, org.switches, org.org_id)
    user = org.user_by_username(person.username)
    assert user is not None
    approval = Approval(card.client_id, str(user["Id"]), CALLBACK, "api", "")
    issued = tokens.redeem_code(
        tokens.issue_code(approval), card.client_id, CALLBACK, "", "my_domain", lambda _: None
    )
    statuses: list[int] = []

    async def run() -> None:
        release = asyncio.Event()

        async def slow(scope: Any, receive: Any, send: Any) -> None:
            await release.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        gate = Gate(slow, org, tokens, AccessLog(org), lambda: now[0])
        headers = [(b"authorization", f"Bearer {issued.access_token}".encode())]
        scope = {
            "type": "http",
            "method": "GET",
            "path": f"{BASE}/sobjects",
            "query_string": b"",
            "headers": headers,
        }

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        async def receive() -> dict[str, str]:
            return {"type": "http.request"}

        async def started(count: int) -> None:
            while len(gate._running) < count:
                await asyncio.sleep(0.01)

        calls = [asyncio.create_task(gate(dict(scope), receive, send)) for _ in range(5)]
        await started(5)
        now[0] = 19.0
        calls.append(asyncio.create_task(gate(dict(scope), receive, send)))
        await started(6)
        now[0] = 20.0
        await gate(dict(scope), receive, send)
        release.set()
        await asyncio.gather(*calls)

    asyncio.run(run())
    assert statuses == [403] + [200] * 6
