"""Fills an empty org with the demo's data: years of deals of a dozen reps, deterministic for a seed and a day.

Belongs here: the order in which the parts of `local_org.demo` are made, and the cast kept in the store. Does not: any record.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from random import Random

from local_org import platform
from local_org.clock import Clock
from local_org.demo import activities, administration, books, customers, deals, mails, people
from local_org.demo.moments import DAY, midnight
from local_org.demo.pools import draw
from local_org.demo.world import Ids, World
from local_org.org import Org

_CAST_TABLE = "create table if not exists _demo_cast (place integer primary key, member text not null)"


def populate(
    org: Org, *, seed: int = 20260101, opportunities: int = 1200, years: int = 4, emails: int | None = None
) -> None:
    """Fills an empty org; the same seed and sizes on the same UTC day give the same ids, names and stamps.

    Every stamp lies before the midnight that began today (by the org's clock), in the last `years` and the time before them in
    which accounts were made. `emails` is four per opportunity, 20,000 at most, unless given. More than 100,000 opportunities are made
    in books of 25,000 (`demo/books.py`), and both numbers are rounded up to whole books. Raises ValueError if the org has deals.
    """
    if org.store.find_ids("Opportunity"):
        raise ValueError(
            f"The org in {org.directory} holds opportunities already; demo data goes into an empty org."
        )
    used = {
        str(prefix): int(str(last)) for prefix, last in org.store.select("select prefix, last from _sequence")
    }
    world = World(Random(seed), draw(seed), Ids(used), midnight(org.clock.now()), years)
    count = books.books_for(opportunities)
    wanted = min(4 * opportunities, 20_000) if emails is None else emails
    with org.store.transaction():
        _administration(org, world)
        _business(org, world, books.BOOK if count > 1 else opportunities)
        _correspondence(org, world, -(-wanted // count))
        _recycle_bin(org, world)
        books.multiply(org.store, count, seed)
    org.store.settle()


def cast(org: Org) -> list[dict[str, object]]:
    """Returns the people of the demo and the part that each plays: role, username, email, user_id, first_name, last_name, is_active,
    fluint_email (what the Fluint user list should hold; None: nobody) and is_licensed (a suggestion). Empty if there is no demo."""
    org.store.execute(_CAST_TABLE)
    return [
        json.loads(str(row[0])) for row in org.store.select("select member from _demo_cast order by place")
    ]


def _administration(org: Org, world: World) -> None:
    store = org.store
    people.reserve(world)
    role_ids: dict[str, str] = {}
    members = [_automated_process(org)]
    profile_ids = administration.grant(store, world.admin_id)
    store.load("OpportunityStage", administration.stages(world))
    store.load("RecordType", administration.record_types(world))
    store.load("UserRole", administration.user_roles(world, role_ids))
    store.load("User", people.users(world, role_ids, profile_ids, members))
    for user_id in store.find_ids("User"):
        made = platform.profile_assignment(store, org.user(user_id))
        store.accompany("User", user_id, made, by=world.admin_id)
    administration.grant_sales_operations(
        store, next(each.user_id for each in members if each.role == "manager"), world.admin_id
    )
    store.execute(_CAST_TABLE)
    store.execute_many(
        "insert into _demo_cast (member) values (?)", ([json.dumps(row)] for row in people.as_rows(members))
    )


def _automated_process(org: Org) -> people.CastMember:
    """The system user that every org has from its first day."""
    user = org.user(org.system_user_id)
    username, email, last_name = (str(user[name]) for name in ("Username", "Email", "LastName"))
    return people.CastMember(
        "system", username, email, org.system_user_id, None, last_name, True, None, False
    )


def _business(org: Org, world: World, opportunities: int) -> None:
    org.store.load("Account", customers.accounts(world, max(12, opportunities // 4)))
    org.store.load("Contact", customers.contacts(world))
    org.store.load("Opportunity", deals.opportunities(world, opportunities))
    org.store.load("OpportunityContactRole", deals.contact_roles(world))


def _correspondence(org: Org, world: World, emails: int) -> None:
    case_ids: list[str] = []
    notes: list[mails.MailNote] = []
    org.store.load("Case", mails.cases(world, max(5, emails // 100), case_ids))
    org.store.load("EmailMessage", mails.emails(world, emails, case_ids, notes))
    org.store.load("Task", mails.tasks(notes))
    org.store.load("EmailMessageRelation", mails.relations(world, notes))
    org.store.load("Task", activities.tasks(world))
    org.store.load("Event", activities.events(world))


def _recycle_bin(org: Org, world: World) -> None:
    """Deletes and merges what was marked, at moments of the last nine days: older deletes would have left the bin."""
    present = org.store.clock
    try:
        for place, (sobject, record_id) in enumerate(world.doomed):
            org.store.clock = _stopped(world, place)
            org.store.delete(sobject, record_id, by=world.admin_id)
        for place, (winner, loser) in enumerate(world.merges):
            org.store.clock = _stopped(world, place)
            org.store.merge("Contact", winner, [loser], by=world.admin_id)
    finally:
        org.store.clock = present


def _stopped(world: World, place: int) -> Clock:
    moment = datetime.fromtimestamp(world.today - (1 + place % 9) * DAY + 36_000 + 97 * (place % 300), UTC)
    return Clock(lambda: moment)
