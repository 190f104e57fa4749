"""Mistakes in the set-up by name, and the Tooling API's word on layouts: what a set-up check is tried against."""

from __future__ import annotations

import pytest

from local_org.misconfiguration import MISTAKES
from tests.local_org.wire.conftest import Person, Web

BASE = "/services/data/v66.0"
MISTAKES_AT = "/__local_org__/mistakes"
# What an administrator's screens hold, as the API tells it; deals because some mistakes are about one.
STATE = (
    "SELECT Id, {} FROM PermissionSet",
    "SELECT Id, PermissionsRead, PermissionsEdit, PermissionsViewAllRecords FROM ObjectPermissions",
    "SELECT Id, PermissionsRead FROM FieldPermissions WHERE SobjectType IN ('Opportunity', 'Contact', 'EmailMessage')",
    "SELECT Id, UserLicense.Name FROM Profile",
    "SELECT Id, PermissionSetId, AssigneeId FROM PermissionSetAssignment",
    "SELECT Id, IsActive FROM User",
    "SELECT Id, IsSandbox FROM Organization",
    "SELECT Id, OwnerId, StageName FROM Opportunity",
)
SYSTEM = "PermissionsApiEnabled, PermissionsViewSetup, PermissionsModifyAllData, PermissionsActivitiesAccess"


@pytest.fixture
def administrator(person: Person) -> Web:
    """Somebody whom no mistake about the integration user keeps out: the org's administrator, by the API."""
    admin = next(
        each for each in person.web.get("/__local_org__/cast").json() if each["role"] == "administrator"
    )
    connected = Person(person.server, str(admin["username"]))
    return Web(person.server, connected.connect()["access_token"])


def state(web: Web) -> list[object]:
    """Everything that a mistake may touch."""
    rows = []
    for query in STATE:
        answer = web.get(f"{BASE}/query", params={"q": query.format(SYSTEM)})
        assert answer.status_code == 200, answer.text
        rows.append(answer.json()["records"])
    switches = web.get("/__local_org__/switches").json()
    layouts = web.get(
        f"{BASE}/tooling/query",
        params={"q": "SELECT Id, Name, Metadata FROM Layout WHERE Name = 'Opportunity Layout'"},
    )
    return [*rows, switches, layouts.json()["records"]]


@pytest.mark.slow
def test_every_mistake_is_undone_without_a_trace(administrator: Web) -> None:
    """A test that leaves a mistake behind makes the next one prove the wrong thing."""
    before = state(administrator)
    for name in MISTAKES:
        made = administrator.post(MISTAKES_AT, json=[name])
        assert made.json() == {"made": [name]}
        assert administrator.delete(MISTAKES_AT).status_code == 204
    assert state(administrator) == before
    assert administrator.get(MISTAKES_AT).json() == {"made": [], "known": list(MISTAKES)}


def test_a_mistake_that_nobody_knows_makes_none(administrator: Web) -> None:
    """A slip of the pen in a list of five must not leave four of them behind."""
    answer = administrator.post(MISTAKES_AT, json=["view_setup_missing", "no_such_mistake"])
    assert (answer.status_code, "no_such_mistake" in answer.json()["error"]) == (400, True)
    assert administrator.get(MISTAKES_AT).json()["made"] == []


def test_the_tooling_api_tells_the_layouts_of_other_profiles(administrator: Web, api: Web) -> None:
    """Tooling API, ProfileLayout: a describe tells one's own layouts alone, and the owners' are what counts."""
    administrator.post(MISTAKES_AT, json=["files_list_missing"])
    query = "SELECT ProfileId, RecordTypeId, LayoutId, Layout.Name FROM ProfileLayout WHERE TableEnumOrId = 'Opportunity'"
    rows = api.get(f"{BASE}/tooling/query", params={"q": query}).json()["records"]
    named = {row["Layout"]["Name"]: row["LayoutId"] for row in rows}
    one = f"SELECT Id, Metadata FROM Layout WHERE Id = '{named['Opportunity Layout - Renewal - Standard User']}'"
    (spoilt,) = api.get(f"{BASE}/tooling/query", params={"q": one}).json()["records"]
    administrator.delete(MISTAKES_AT)
    lists = {each["relatedList"] for each in spoilt["Metadata"]["relatedLists"]}
    assert ("RelatedFileList" in lists, "RelatedContactRoleList" in lists) == (False, True)
    several = api.get(f"{BASE}/tooling/query", params={"q": "SELECT Id, Metadata FROM Layout"})
    assert (several.status_code, several.json()[0]["errorCode"]) == (400, "MALFORMED_QUERY")
    unknown = api.get(f"{BASE}/tooling/query", params={"q": "SELECT Id FROM ApexClass"})
    assert (unknown.status_code, unknown.json()[0]["errorCode"]) == (400, "INVALID_TYPE")


def test_what_is_set_up_takes_view_setup(api: Web, administrator: Web) -> None:
    """Tooling API, ProfileLayout, special access rules: since Summer '20 only with View Setup and Configuration."""
    administrator.post(MISTAKES_AT, json=["view_setup_missing"])
    query = "SELECT LayoutId FROM ProfileLayout"
    refused = api.get(f"{BASE}/tooling/query", params={"q": query})
    administrator.delete(MISTAKES_AT)
    assert refused.json()[0]["errorCode"] == "INVALID_TYPE"
    administrator.post(MISTAKES_AT, json=["layouts_are_closed"])
    one = "SELECT Metadata FROM Layout WHERE Name = 'Opportunity Layout'"
    closed = api.get(f"{BASE}/tooling/query", params={"q": one})
    administrator.delete(MISTAKES_AT)
    assert closed.json()[0]["errorCode"] == "INSUFFICIENT_ACCESS"


@pytest.mark.parametrize(
    ("switch", "sobject", "rows"), [("users_are_private", "User", 1), ("files", "ContentVersion", None)]
)
def test_private_users_and_files_that_are_off_are_not_there_for_an_integration_user(
    api: Web, switch: str, sobject: str, rows: int | None
) -> None:
    """Sharing of users and a feature that is off look like an empty org, and like an object that does not exist."""
    api.switch(**{switch: switch == "users_are_private"})
    answer = api.get(f"{BASE}/query", params={"q": f"SELECT Id FROM {sobject}"})
    if rows is None:
        assert answer.json()[0]["errorCode"] == "INVALID_TYPE"
    else:
        assert answer.json()["totalSize"] == rows
