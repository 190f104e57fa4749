"""Calls, to-dos and meetings of the demo org: the activities that people enter themselves.

Belongs here: rows of Task and Event. Does not: the tasks that log mails (mails.py), how an activity is recorded later (platform.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from local_org.demo.moments import DAY, as_date, as_stamp, between, working_hour
from local_org.demo.world import DealNote, World

Row = dict[str, object]
ARCHIVED_AFTER = 365 * DAY
"""Closed tasks and past events are archived a year later: `query` leaves them out from then on (Object Reference, Task, IsArchived)."""
_SUBJECTS = (
    "Call",
    "Send quote",
    "Send letter",
    "Nachfassen",
    "Prepare business case",
    "Ask for budget",
    None,
)
_MEETINGS = ("Kick-off", "Demo", "Steering committee", "Vertragsgespräch", "Quarterly review")
_EVERY_SERIES = 60


def tasks(world: World) -> Iterator[Row]:
    """Yields none to four rows of Task per deal, a series now and then, and some about an account alone."""
    deleted_every = max(30, len(world.deals) // 40)
    doomed = {record_id for _, record_id in world.doomed}  # a deal takes its tasks along
    for number, deal in enumerate(world.deals):
        for _ in range(world.rng.choices((0, 1, 2, 3), (35, 35, 20, 10))[0]):
            yield _task(world, deal)
        if number % deleted_every == deleted_every - 1 and deal.opportunity_id not in doomed:
            gone = _task(world, deal)
            world.doomed.append(("Task", str(gone["Id"])))
            yield gone
        if number % _EVERY_SERIES == 5:
            yield from _series(world, deal)
    for account in world.accounts[::20]:
        yield _task(world, world.rng.choice(world.deals)) | {"WhatId": account.account_id}


def _task(world: World, deal: DealNote) -> Row:
    rng, at = world.rng, _during(world, deal)
    is_call, closed = rng.random() < 0.4, rng.random() < 0.75
    changed = between(at, min(at + 20 * DAY, world.today - 1), rng) if closed else at
    row = _activity(world, deal, "00T", at, changed) | {
        "Subject": rng.choice(_SUBJECTS), "Priority": "High" if rng.random() < 0.1 else "Normal", "IsClosed": closed,
        "Status": "Completed" if closed else "Not Started", "CompletedDateTime": as_stamp(changed) if closed else None,
        "ActivityDate": None if rng.random() < 0.1 else as_date(at + rng.randint(0, 30) * DAY),
        "TaskSubtype": "Call" if is_call else "Task", "IsArchived": closed and changed < world.today - ARCHIVED_AFTER,
    }  # fmt: skip
    row["IsHighPriority"] = row["Priority"] == "High"
    if is_call:
        row |= {
            "CallType": rng.choice(("Inbound", "Outbound")),
            "CallDurationInSeconds": rng.randint(20, 2_400),
        }
    return row


def _series(world: World, deal: DealNote) -> Iterator[Row]:
    """A weekly reminder: the row that says how it repeats, and its occurrences."""
    first = _task(world, deal) | {"IsRecurrence": True, "ActivityDate": None, "Subject": "Weekly check"}
    yield first
    for week in range(4):
        due = as_date(_during(world, deal) + 7 * week * DAY)
        yield _task(world, deal) | {
            "RecurrenceActivityId": first["Id"],
            "ActivityDate": due,
            "Subject": "Weekly check",
        }


def events(world: World) -> Iterator[Row]:
    """Yields none to two rows of Event per deal: meetings past and to come, whole days, private ones, copies for invited people."""
    for deal in world.deals:
        for _ in range(world.rng.choices((0, 1, 2), (60, 30, 10))[0]):
            event = _event(world, deal)
            yield event
            if world.rng.random() < 0.1 and not event["IsPrivate"]:
                invited = world.owners[world.pick_owner()].user_id
                yield event | {"Id": world.ids.next("00U"), "OwnerId": invited, "IsChild": True}


def _event(world: World, deal: DealNote) -> Row:
    rng, made = world.rng, _during(world, deal)
    starts = working_hour(made + rng.randint(1, 40) * DAY, rng) // 900 * 900
    whole_day, minutes = rng.random() < 0.05, rng.choice((30, 45, 60, 90))
    if whole_day:
        starts, minutes = starts // DAY * DAY, 1_440
    changed = between(made, min(made + 5 * DAY, world.today - 1), rng)
    return _activity(world, deal, "00U", made, changed) | {
        "Subject": rng.choice(_MEETINGS), "Location": rng.choice(("Online", "HQ, room 2", None)), "IsAllDayEvent": whole_day,
        "StartDateTime": as_stamp(starts), "ActivityDateTime": None if whole_day else as_stamp(starts), "ActivityDate": as_date(starts),
        "EndDateTime": as_stamp(starts + 60 * minutes), "DurationInMinutes": minutes, "ShowAs": "Busy", "EventSubtype": "Event",
        "IsPrivate": rng.random() < 0.03, "IsArchived": starts < world.today - ARCHIVED_AFTER,
    }  # fmt: skip


def _during(world: World, deal: DealNote) -> int:
    return between(deal.created_at, max(deal.created_at, min(deal.ended_at, world.today - DAY)), world.rng)


def _activity(world: World, deal: DealNote, prefix: str, made: int, changed: int) -> Row:
    """What tasks and events have in common."""
    people, owner = world.contacts[deal.account], world.owners[deal.owner].user_id
    return {
        "Id": world.ids.next(prefix), "WhatId": deal.opportunity_id, "WhoId": world.rng.choice(people).contact_id if people else None,
        "AccountId": world.accounts[deal.account].account_id, "OwnerId": owner, "IsDeleted": False,
        "CreatedDate": as_stamp(made), "CreatedById": owner, "LastModifiedDate": as_stamp(changed), "LastModifiedById": owner,
        "SystemModstamp": as_stamp(changed),
    }  # fmt: skip
