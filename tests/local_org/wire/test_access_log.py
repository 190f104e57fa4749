"""What the access log tells of each kind of call: asked fields, returned shapes and ids; never a value, never a secret."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from local_org.access_log import AccessLog
from local_org.org import Org
from tests.local_org.wire.conftest import Person, Web
from tests.local_org.wire.jobs import finished

V = "/services/data/v66.0"


def entry(api: Web) -> dict[str, Any]:
    """The newest entry, with its ids."""
    return dict(api.get("/__local_org__/log?ids=1").json()[-1])


def get(api: Web, path: str, **query: str) -> Any:
    """Reads a resource that answers 200."""
    answer = api.get(V + path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_query_tells_its_fields_its_parents_and_whose_rows_came(api: Web) -> None:
    """An entitlement test asks: which fields of which records ever left the org?"""
    soql = (
        "SELECT Id, Account.Name, (SELECT ContactId FROM OpportunityContactRoles) FROM Opportunity LIMIT 40"
    )
    records = get(api, "/query", q=soql)["records"]
    told = entry(api)
    assert told["asked"] == [
        {"object": "Opportunity", "fields": ["Id", "Account.Name"]},
        {"object": "Account", "fields": ["Name"]},
        {"object": "OpportunityContactRole", "fields": ["ContactId"]},
    ]
    returned = {each["object"]: each for each in told["returned"]}
    deals = returned["Opportunity"]
    assert deals["fields"] == ["Id", "Account", "OpportunityContactRoles"]
    assert deals["ids"] == [record["Id"] for record in records]
    accounts = {record["Account"]["attributes"]["url"][-18:] for record in records if record["Account"]}
    assert set(returned["Account"]["ids"]) == accounts
    roles = [record["OpportunityContactRoles"] for record in records]
    assert returned["OpportunityContactRole"]["rows"] == sum(each["totalSize"] for each in roles if each)
    assert records[0]["Account"]["Name"] not in str(told)


def test_a_query_without_rows_still_tells_what_was_asked(api: Web) -> None:
    """Nothing came back, and yet an amount was asked for."""
    get(api, "/query", q="SELECT Amount FROM Opportunity WHERE Name = 'nobody has this'")
    assert entry(api)["asked"] == [{"object": "Opportunity", "fields": ["Amount"]}]
    assert entry(api)["returned"] == []


def test_a_composite_tells_its_subrequests_and_what_each_gave(api: Web) -> None:
    """A composite is one call and five reads."""
    parts = [
        {"method": "GET", "url": f"{V}/query?q=SELECT+Id+FROM+User+LIMIT+2", "referenceId": "a"},
        {"method": "GET", "url": f"{V}/queryAll?q=SELECT+Name+FROM+Contact+LIMIT+3", "referenceId": "b"},
    ]
    assert api.post(f"{V}/composite", json={"compositeRequest": parts}).ok
    told = entry(api)
    assert told["requests"] == [f"GET {V}/query", f"GET {V}/queryAll"]
    shapes = [(each["object"], each["fields"], each["rows"], len(each["ids"])) for each in told["returned"]]
    assert shapes == [("User", ["Id"], 2, 2), ("Contact", ["Name"], 3, 3)]


def test_records_read_by_id_tell_their_fields_and_not_those_that_are_null(api: Web) -> None:
    """`/composite/sobjects` and a single record are reads like any other."""
    deal = get(api, "/query", q="SELECT Id FROM Opportunity LIMIT 1")["records"][0]["Id"]
    asked = {"ids": [deal, "006000000000000AAA"], "fields": ["Name", "Amount"]}
    assert api.post(f"{V}/composite/sobjects/Opportunity", json=asked).ok
    told = entry(api)
    assert told["asked"] == [{"object": "Opportunity", "fields": ["Name", "Amount"]}]
    assert told["returned"] == [
        {"object": "Opportunity", "fields": ["Name", "Amount"], "rows": 1, "ids": [deal]}
    ]
    get(api, f"/sobjects/Opportunity/{deal}", fields="NextStep")
    assert entry(api)["returned"] == [
        {"object": "Opportunity", "fields": ["NextStep"], "rows": 1, "ids": [deal]}
    ]


@pytest.mark.parametrize("with_ids", [True, False])
def test_a_page_of_bulk_results_tells_its_columns_and_on_demand_its_ids(api: Web, with_ids: bool) -> None:
    """A million ids are kept only where somebody wants them."""
    api.switch(log_bulk_ids=with_ids)
    job = finished(api, "SELECT Subject, Id, TextBody FROM EmailMessage")
    assert api.get(f"{V}/jobs/query/{job}/results").ok
    told = entry(api)
    (page,) = told["returned"]
    assert told["job_id"] == job
    assert (page["object"], page["fields"]) == ("EmailMessage", ["Subject", "Id", "TextBody"])
    assert page["rows"] == told["rows"] > 0
    every = {each["Id"] for each in get(api, "/query", q="SELECT Id FROM EmailMessage")["records"]}
    assert set(page["ids"]) == (every if with_ids else set())
    creates = [each for each in api.log() if each["path"] == f"{V}/jobs/query" and each["method"] == "POST"]
    assert creates[-1]["asked"] == [{"object": "EmailMessage", "fields": ["Subject", "Id", "TextBody"]}]


def test_a_file_tells_its_version_when_it_is_made_and_when_it_is_read(api: Web) -> None:
    """Bytes that left the org are a read too."""
    body = {"Title": "T", "PathOnClient": "t.txt", "VersionData": "aGk="}
    version = api.post(f"{V}/sobjects/ContentVersion", json=body).json()["id"]
    made = {"object": "ContentVersion", "fields": ["Id"], "rows": 1, "ids": [version]}
    assert entry(api)["returned"] == [made]
    assert api.get(f"{V}/sobjects/ContentVersion/{version}/VersionData").content == b"hi"
    assert entry(api)["returned"] == [{**made, "fields": ["VersionData"]}]


def test_change_lists_tell_the_ids_that_they_gave(api: Web) -> None:
    """A list of ids is the shape of its records and nothing more."""
    now = api.server.org.clock.now()
    deal = api.post(
        f"{V}/sobjects/Opportunity",
        json={"Name": "Listed", "StageName": "Prospecting", "CloseDate": "2027-01-31"},
    ).json()["id"]
    api.post("/__local_org__/clock", json={"seconds": 120})
    try:
        window = {"start": now.isoformat(), "end": api.server.org.clock.now().isoformat()}
        assert deal in get(api, "/sobjects/Opportunity/updated", **window)["ids"]
    finally:
        api.post("/__local_org__/clock", json={"seconds": -120})
    (listed,) = entry(api)["returned"]
    assert (listed["object"], listed["fields"]) == ("Opportunity", ["Id"])
    assert deal in listed["ids"]


def test_a_token_request_tells_its_flow_and_its_user_and_no_secret(person: Person) -> None:
    """Three refreshes in a row are a defect; the tokens themselves have no place here."""
    tokens = person.connect()
    person.refresh(tokens["refresh_token"])
    person.refresh("not a token")
    granted, refused = person.web.log()[-2:]
    assert (granted["grant_type"], granted["status"]) == ("refresh_token", 200)
    assert granted["user_id"] == tokens["id"].rpartition("/")[2]
    assert (refused["grant_type"], refused["status"], refused["user_id"]) == ("refresh_token", 400, None)
    assert not [
        value for name, value in tokens.items() if name.endswith("_token") and value in str(person.web.log())
    ]


def test_a_fault_is_told_on_the_call_that_it_hit(api: Web) -> None:
    """A test that looks for the cause of an error must not find an innocent entry."""
    api.fault(kind="hide_row", path=".*/query")
    get(api, "/query", q="SELECT Id FROM User")
    assert entry(api)["fault"] == "hide_row"
    get(api, "/queryAll", q="SELECT Id FROM User")
    assert "fault" not in entry(api)


def test_reads_sum_up_what_left_the_org_since_an_entry(api: Web) -> None:
    """Thousands of calls, one answer: every set of fields with every id that came with it, once."""
    get(api, "/query", q="SELECT Phone FROM Contact LIMIT 1")
    position = api.get("/__local_org__/log/last").json()["entry"]
    for _ in range(2):
        get(api, "/query", q="SELECT Id, Amount FROM Opportunity ORDER BY Id LIMIT 5")
    get(api, "/query", q="SELECT Id FROM Opportunity ORDER BY Id LIMIT 7")
    reads = api.get(f"/__local_org__/log/reads?after={position}").json()
    assert reads["asked"] == [
        {"object": "Opportunity", "fields": ["Id"]},
        {"object": "Opportunity", "fields": ["Id", "Amount"]},
    ]
    sums = [(each["fields"], each["rows"], len(each["ids"])) for each in reads["returned"]]
    assert sums == [(["Id"], 7, 7), (["Id", "Amount"], 10, 5)]


def test_the_log_of_an_earlier_version_is_carried_on(tmp_path: Path) -> None:
    """An org that was served before the log told shapes must still answer."""
    Org.open(tmp_path).close()
    with sqlite3.connect(tmp_path / "org.sqlite3") as old:
        old.execute(
            "create table _access_log (entry integer primary key autoincrement, at text not null, user_id text,"
            " method text not null, path text not null, soql text not null, status integer, rows integer,"
            " bytes integer not null, is_complete integer not null, api_calls integer not null, job_id text)"
        )
        old.execute(
            "insert into _access_log values (1, '2026', null, 'GET', '/', '[]', 200, 0, 0, 1, 0, null)"
        )
    old.close()
    org = Org.open(tmp_path)
    assert AccessLog(org).entries()[0]["path"] == "/"
    org.close()


def test_writes_are_told_apart_by_the_client_that_the_caller_names(api: Web) -> None:
    """A test that changes the org itself must not hide a write of the product's, nor be taken for one."""
    before = _writes(api)
    body = {"compositeRequest": [{"method": "GET", "url": f"{V}/limits", "referenceId": "a"}]}
    for headers in ({}, {"Sforce-Call-Options": "client=tests"}):
        assert api.post(f"{V}/composite", json=body, headers=headers).ok
    get(api, "/limits")
    made = [each for each in _writes(api) if each not in before]
    assert {(each["method"], each["path"], each["client"], str(each["requests"])) for each in made} == {
        ("POST", f"{V}/composite", client, f"['GET {V}/limits']") for client in (None, "client=tests")
    }


def _writes(api: Web) -> list[dict[str, Any]]:
    return list(api.get("/__local_org__/log/writes").json())
