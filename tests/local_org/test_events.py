"""Events as Salesforce keeps them: times that say the same, private ones, archived ones, their record's last activity."""

from __future__ import annotations

import pytest

from tests.local_org.conftest import World

STARTS = "2026-05-20T09:00:00.000Z"
FORMS: list[dict[str, object]] = [
    {"StartDateTime": STARTS, "DurationInMinutes": 45},
    {"ActivityDateTime": STARTS, "DurationInMinutes": 45},
    {"StartDateTime": STARTS, "EndDateTime": "2026-05-20T09:45:00.000Z"},
]


def _deal(world: World) -> str:
    account = world.add("Account", by=world.rep, OwnerId=world.rep)
    return world.add("Opportunity", by=world.rep, OwnerId=world.rep, AccountId=account)


@pytest.mark.parametrize("given", FORMS)
def test_start_end_duration_and_date_say_the_same_whichever_were_given(
    world: World, given: dict[str, object]
) -> None:
    """Fault: an event without an end or a date, which Salesforce never shows."""
    world.add("Event", Subject="Demo", **given)
    (event,) = world.records(
        "SELECT StartDateTime, EndDateTime, DurationInMinutes, ActivityDate, ActivityDateTime FROM Event"
    )
    assert event == {
        "StartDateTime": "2026-05-20T09:00:00.000+0000",
        "EndDateTime": "2026-05-20T09:45:00.000+0000",
        "DurationInMinutes": 45,
        "ActivityDate": "2026-05-20",
        "ActivityDateTime": "2026-05-20T09:00:00.000+0000",
    }


def test_a_later_start_moves_the_end_along(world: World) -> None:
    """Fault: a meeting that was put off and ends before it begins."""
    event = world.add("Event", Subject="Demo", **FORMS[0])
    world.org.store.update("Event", event, {"StartDateTime": "2026-05-21T10:00:00.000Z"}, by=world.rep)
    assert world.column("SELECT EndDateTime FROM Event") == ["2026-05-21T10:45:00.000+0000"]


def test_a_private_event_is_seen_by_its_owner_and_by_who_sees_all_data(world: World) -> None:
    """Fault: whoever sees the deal reads what a colleague hid (Object Reference, Event, IsPrivate)."""
    deal = _deal(world)
    private = world.add(
        "Event", Subject="Doctor", WhatId=deal, IsPrivate=True, OwnerId=world.admin, **FORMS[0]
    )
    shown = world.add("Event", Subject="Demo", WhatId=deal, OwnerId=world.admin, **FORMS[0])
    assert world.column("SELECT Id FROM Event", by=world.rep) == [shown]
    assert set(world.column("SELECT Id FROM Event")) == {private, shown}
    world.org.store.update("Event", private, {"OwnerId": world.rep}, by=world.admin)
    assert set(world.column("SELECT Id FROM Event", by=world.rep)) == {private, shown}


def test_an_archived_event_shows_in_query_all_only(world: World) -> None:
    """Fault: a client that reads with `query` misses nothing here and half of the past in production (API sheet 2.2)."""
    event = world.add("Event", Subject="Old", **FORMS[0])
    world.org.store.change_by_system("Event", event, {"IsArchived": True})
    assert world.column("SELECT Id FROM Event") == []
    assert world.column("SELECT Id FROM Event", deleted=True) == [event]


def test_an_event_is_its_deals_last_activity_and_goes_with_it(world: World) -> None:
    """Fault: a deal that looks untouched although people met; or events that outlive their deal (describe, cascadeDelete)."""
    deal = _deal(world)
    event = world.add("Event", Subject="Demo", WhatId=deal, **FORMS[0])
    assert world.column(f"SELECT LastActivityDate FROM Opportunity WHERE Id = '{deal}'") == ["2026-05-20"]
    world.org.store.delete("Opportunity", deal, by=world.rep)
    assert world.column(f"SELECT IsDeleted FROM Event WHERE Id = '{event}'", deleted=True) == [True]
