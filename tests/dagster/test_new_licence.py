"""A licence that the app gives: from a row in its table to the owner's deals in the marts, by the sensor alone, and back again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import dagster as dg
import pytest

from orchestration.assets.reports import raw_key
from orchestration.entitlement.filters import BackfillFilter
from tests.dagster.house import House, failure

# What of an owner can be counted in the org without following the sync: deals, roles, contacts and mails.
RECORDS = ("opportunity", "opportunity_contact_role", "contact", "email_message")


def _app_writes(house: House, email: str, is_licensed: bool) -> None:
    """What the app does; no command of ours has a part in it."""
    with house.bench.database.transaction() as connection:
        connection.execute(
            "update fluint_app.app_user set is_licensed = %s where lower(email) = lower(%s)",
            [is_licensed, email],
        )


def _inserted(house: House, run_id: str, table: str) -> int:
    """How many rows a run says that it brought into a table."""
    (record,) = house.instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=raw_key(table)), limit=1
    ).records
    assert record.run_id == run_id
    materialization = record.asset_materialization
    assert materialization is not None
    value = materialization.metadata["inserted"].value
    assert isinstance(value, int)
    return value


def _held_of(house: House, owner: str) -> dict[str, set[str]]:
    """What is live in our tables of an owner's deals."""
    deals = f"(select id from raw_salesforce.opportunity where owner_id = '{owner}' and _deleted_at is null)"
    role = "select id, contact_id from raw_salesforce.opportunity_contact_role where _deleted_at is null and opportunity_id in"
    queries = {
        "opportunity": f"select id from {deals} as deal",
        "opportunity_contact_role": f"select id from ({role} {deals}) as role",
        "contact": f"select c.id from raw_salesforce.contact as c join ({role} {deals}) as r on r.contact_id = c.id"
        " where c._deleted_at is null",
        "email_message": "select id from raw_salesforce.email_message where _deleted_at is null"
        f" and related_to_id in {deals}",
    }
    return {table: {row[0] for row in house.ask(query)} for table, query in queries.items()}


def _there_of(house: House, owner: str) -> dict[str, set[str]]:
    """The same of the org, without the stage that the filter leaves out."""
    bench = house.bench
    deals = bench.ids(
        f"SELECT Id FROM Opportunity WHERE IsDeleted = false AND OwnerId = '{owner}' AND StageName != 'Closed Lost'"
    )
    roles = [
        role
        for role in bench.records(
            "SELECT Id, OpportunityId, ContactId FROM OpportunityContactRole WHERE IsDeleted = false"
        )
        if role["OpportunityId"] in deals
    ]
    mails = bench.records("SELECT Id, RelatedToId FROM EmailMessage WHERE IsDeleted = false")
    alive = bench.ids("SELECT Id FROM Contact WHERE IsDeleted = false")
    return {
        "opportunity": deals,
        "opportunity_contact_role": {role["Id"] for role in roles},
        "contact": {role["ContactId"] for role in roles} & alive,
        "email_message": {mail["Id"] for mail in mails if mail["RelatedToId"] in deals},
    }


def _cursors(house: House) -> dict[str, Any]:
    names = ", ".join(f"'{table}'" for table in RECORDS)
    return dict(house.ask(f"select object, position from fluint_sync.cursor where object in ({names})"))


def _listed_by_the_sensor(house: House, owner: str) -> str:
    """One run for this owner alone, begun by the sensor and done; returns its id."""
    (request,) = house.tick("newly_licensed_owners_sensor").run_requests
    assert request.tags["fluint/owner_ids"] == owner
    assert request.tags["fluint/missing_owners"] == "1"
    result = house.run("list_missing_job", **request.tags)
    assert result.success, failure(result)
    assert not house.tick("newly_licensed_owners_sensor").run_requests
    return str(result.run_id)


@pytest.mark.slow
def test_a_licence_written_by_the_app_brings_that_owner_in_and_what_happened_in_between(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A licence that waits for a backfill by hand, reads everybody again, or brings a person back with a gap of months."""
    bench = house.bench
    person = next(m for m in bench.people if m["role"] == "rep")
    email, owner = person["fluint_email"], person["user_id"]
    _app_writes(house, email, False)
    bench.filter(BackfillFilter(excluded_stages=("Closed Lost",)))
    first = house.run("sync_now_job")
    assert first.success, failure(first)
    assert not any(_held_of(house, owner).values())
    before = {table: bench.live(table) for table in RECORDS}
    cursors, mark = _cursors(house), bench.log_position()

    _app_writes(house, email, True)
    run_id = _listed_by_the_sensor(house, owner)
    held, there = _held_of(house, owner), _there_of(house, owner)
    assert held == there
    assert all(there.values())
    assert _cursors(house) == cursors, "a listing moved the cursor of changes"
    for table in RECORDS:
        arrived = bench.live(table) - before[table]
        assert arrived <= held[table], f"{table} of others came, too"
        assert _inserted(house, run_id, table) == len(arrived) > 0
    listed = [q for q in bench.queries(mark) if "NextStep" in q and "OwnerId IN" in q]
    assert listed
    assert all(f"OwnerId IN ('{owner}')" in query and "Closed Lost" in query for query in listed)
    mart = house.ask(f"select deal_id from fluint.deals where owner_id = '{owner}'")
    assert {row[0] for row in mart} == there["opportunity"]

    _app_writes(house, email, False)
    house.run("sync_salesforce_job")
    deal = {"Name": "Meanwhile", "StageName": "Prospecting", "CloseDate": "2027-01-31", "OwnerId": owner}
    made = bench.write("POST", "/sobjects/Opportunity", deal)["id"]
    written = {"insert": "EmailMessage", "values": {"RelatedToId": made, "Subject": "Hello", "Status": "3"}}
    (mail,) = bench.org.admin("POST", "/transactions", {"changes": [written], "commit": True})["ids"]
    bench.org.admin("POST", "/clock", {"seconds": 3_600})  # beyond the overlap of any window
    house.run("sync_salesforce_job")
    assert made not in bench.live("opportunity")
    _app_writes(house, email, True)
    # The same owner is missing as a moment ago, so the sensor rests: here for as long as the machine takes to look, then no longer.
    monkeypatch.setattr("orchestration.sensors.runs.rest_after", lambda _: timedelta(days=1))
    assert "goes on after" in house.tick("newly_licensed_owners_sensor").skip_message
    monkeypatch.setattr("orchestration.sensors.runs.rest_after", lambda _: timedelta(0))
    _listed_by_the_sensor(house, owner)
    assert made in bench.live("opportunity")
    assert mail in bench.live("email_message")
    assert _held_of(house, owner) == _there_of(house, owner)
