"""Opportunities and contact roles of the demo org: years of deals with a plausible life each.

Belongs here: rows of Opportunity and OpportunityContactRole. Does not: stages and record types (administration.py), mails (mails.py).
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from local_org.demo import odd
from local_org.demo.administration import CLOSED_LOST, CLOSED_WON, OPEN_STAGES, RETIRED, Stage
from local_org.demo.moments import DAY, as_date, as_stamp, between, working_hour
from local_org.demo.world import AccountNote, ContactNote, DealNote, Owner, World

Row = dict[str, object]
PRODUCTS = (
    "Atlas Platform",
    "Atlas Analytics",
    "Atlas Connect",
    "Premium Support",
    "Onboarding",
    "Data Residency EU",
)
_NEXT_STEPS = (
    "Send pricing for 3 years", "Security questionnaire", "Call with the CFO on Thursday", "Legal is redlining the MSA",
    "Wait for budget round",
    "Demo for the field team", "Rückruf nach der Messe", "Chase signature", None, None, None,
)  # fmt: skip
_SOURCES = ("Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other", None)
_NEW_TYPES = ("New Business", "New Business", "Upsell", None)
_RENEWAL_TYPES = ("Renewal", "Renewal", "Existing Business", "Upsell")
_ROLES = (
    "Decision Maker",
    "Economic Buyer",
    "Evaluator",
    "Executive Sponsor",
    "Influencer",
    "Business User",
    "Technical Buyer",
    "Other",
    None,
)
HUGE = 9_999_999_999_999.99
SHOWCASE = range(21, 31)
"""Places of deals that even the smallest org has for the demo's changes: young, open, New Business, with people and mails."""


@dataclass(frozen=True)
class _Life:
    """When a deal was made, moved, last edited and last stamped (seconds), in which stage it is, and its close date."""

    created: int
    stage: Stage
    moved: int | None
    modified: int
    stamp: int
    close: int


def opportunities(world: World, count: int) -> Iterator[Row]:
    """Yields `count` rows of Opportunity, oldest not first, and notes them."""
    made = [account.created_at for account in world.accounts]
    deleted_every = max(2, min(250, count // 4), count // 50)
    for number in range(count):
        shown = number in SHOWCASE
        owner = _shown_owner(world, number) if shown else world.pick_owner()
        is_renewal = not shown and world.rng.random() < 0.27
        life = _shown_life(world) if shown else _life(world, world.owners[owner], is_renewal)
        account = int(bisect(made, life.created) * world.rng.random())
        renewed = int(as_date(life.close)[:4]) if is_renewal else None
        name = _name(world.accounts[account], world.rng, number, count, renewed)
        ended = life.moved if life.stage.is_closed and life.moved else life.modified
        note = DealNote(world.ids.next("006"), name, account, owner, life.created, ended)
        world.deals.append(note)
        if number % deleted_every == deleted_every - 1 and not shown:
            world.doomed.append(("Opportunity", note.opportunity_id))
        row = _opportunity(world, note, life, is_renewal)
        yield row | ({"Amount": 24_500.0, "ExpectedRevenue": 4_900.0} if shown else _special(number))


def _shown_owner(world: World, number: int) -> int:
    """The first four reps and the one whom Fluint does not know, in turn."""
    shown = [*range(4), next(place for place, owner in enumerate(world.owners) if owner.role == "unmatched")]
    return int(shown[number % len(shown)])


def _shown_life(world: World) -> _Life:
    created = working_hour(world.today - world.rng.randint(30, 60) * DAY, world.rng)
    moved = between(created, world.today - 10 * DAY, world.rng)
    return _Life(created, OPEN_STAGES[1], moved, moved, moved, world.today + world.rng.randint(10, 60) * DAY)


def _special(number: int) -> Row:
    """The values that a deal at this place always has, so that every demo org holds them."""
    special: dict[int, Row] = {
        3: {"Amount": None, "ExpectedRevenue": None},
        7: {"Amount": 0.0, "ExpectedRevenue": 0.0},
        11: {"Amount": HUGE, "ExpectedRevenue": HUGE},
        13: {"Amount": -1250.5, "ExpectedRevenue": -1250.5},
        17: {"IsPrivate": True},
        19: {"RecordTypeId": None, "Type": None},
    }
    return special.get(number, {})


def _life(world: World, owner: Owner, is_renewal: bool) -> _Life:
    rng, end = world.rng, owner.left_at or world.today
    if rng.random() < 0.02:
        # Brought over from an older CRM in one transaction: one instant.
        created = world.began + 40 * DAY + 37_800
    else:
        created = working_hour(end - DAY - int((end - world.began - DAY) * rng.random() ** 1.4), rng)
    cycle = int(DAY * rng.lognormvariate(4.3, 0.6))
    age = world.today - created
    lingering = rng.random() < (0.3 if owner.left_at else 0.04)
    if age > cycle and not lingering:
        return _closed(world, created, created + cycle, is_renewal)
    return _open(world, created, cycle, lingering and age > cycle)


def _closed(world: World, created: int, ended: int, is_renewal: bool) -> _Life:
    rng = world.rng
    won = rng.random() < (0.82 if is_renewal else 0.29)
    ended = max(working_hour(ended, rng), created)
    modified = between(ended, min(ended + 90 * DAY, world.today - 1), rng) if rng.random() < 0.3 else ended
    return _Life(
        created, CLOSED_WON if won else CLOSED_LOST, ended, modified, _stamped(world, modified), ended
    )


def _open(world: World, created: int, cycle: int, lingering: bool) -> _Life:
    rng, now = world.rng, world.today - 1
    if lingering:
        stage = RETIRED if rng.random() < 0.5 else rng.choice(OPEN_STAGES)
        moved = between(created, min(created + cycle, now), rng)
        modified = between(moved, min(moved + 120 * DAY, now), rng)
        return _Life(created, stage, moved, modified, _stamped(world, modified), created + cycle)
    stage = OPEN_STAGES[
        min(len(OPEN_STAGES) - 1, int(len(OPEN_STAGES) * (now - created) / cycle * rng.uniform(0.6, 1.3)))
    ]
    stage_moved = None if stage is OPEN_STAGES[0] else between(created, now, rng)
    modified = between(stage_moved or created, now, rng)
    return _Life(
        created,
        stage,
        stage_moved,
        modified,
        _stamped(world, modified),
        max(created + cycle, world.today + int(rng.gauss(25, 20)) * DAY),
    )


def _stamped(world: World, modified: int) -> int:
    """SystemModstamp: mostly the last edit, sometimes a later system change, and now and then one shared by many rows."""
    chance = world.rng.random()
    if chance < 0.03:
        # A picklist value was renamed: one instant for all.
        return max(modified, world.today - 45 * DAY + 7_200)
    return (
        between(modified, min(modified + 30 * DAY, world.today - 1), world.rng) if chance < 0.15 else modified
    )


def _name(account: AccountNote, rng: Random, number: int, count: int, renewed: int | None) -> str:
    every = max(1, min(90, count // (len(odd.DEAL_NAMES) + 2)))
    if number % every == every // 2 and number // every < len(odd.DEAL_NAMES):
        return odd.DEAL_NAMES[number // every][:120]
    chance = rng.random()
    if chance < 0.1:
        return f"{account.name}-"[:120]  # what Salesforce proposes when a deal is made from an account
    tail = f"Renewal {renewed}" if renewed else f"{rng.choice(PRODUCTS)}, {rng.randint(2, 60) * 5} seats"
    return (
        f"{account.name[: 118 - len(tail)]} – {tail}"[:120]
        if chance < 0.8
        else f"{tail} ({account.name[: 115 - len(tail)]})"
    )


def _amount(rng: Random, is_renewal: bool) -> float | None:
    chance = rng.random()
    if chance < 0.06:
        return None
    if chance < 0.08:
        return 0.0
    amount = rng.lognormvariate(9.8 if is_renewal else 10.1, 0.9)
    return round(amount, 2) if chance < 0.2 else float(round(amount / 50) * 50)


def _opportunity(world: World, note: DealNote, life: _Life, is_renewal: bool) -> Row:
    rng, stage = world.rng, life.stage
    owner = world.owners[note.owner].user_id
    amount = _amount(rng, is_renewal)
    probability = (
        stage.probability if stage.is_closed or rng.random() < 0.85 else max(5, stage.probability - 5)
    )
    close = as_date(life.close)
    quarter = (int(close[5:7]) + 2) // 3
    return {
        "Id": note.opportunity_id, "IsDeleted": False,
        "AccountId": world.accounts[note.account].account_id if rng.random() > 0.01 else None,
        "RecordTypeId": world.record_types["Renewal" if is_renewal else "New_Business"], "IsPrivate": False, "Name": note.name,
        "Description": None if rng.random() < 0.8 else f"{note.name}\r\nSeats: {rng.randint(5, 400)}\r\n\"as agreed\"",
        "StageName": stage.api_name, "Amount": amount, "Probability": float(probability),
        "ExpectedRevenue": None if amount is None else round(amount * probability / 100, 2),
        "CloseDate": close, "Type": rng.choice(_RENEWAL_TYPES if is_renewal else _NEW_TYPES),
        "NextStep": None if stage.is_closed else rng.choice(_NEXT_STEPS), "LeadSource": rng.choice(_SOURCES),
        "IsClosed": stage.is_closed, "IsWon": stage.is_won, "ForecastCategory": stage.forecast_category,
        "ForecastCategoryName": stage.forecast_category_name, "HasOpportunityLineItem": False, "OwnerId": owner,
        "CreatedDate": as_stamp(life.created), "CreatedById": owner, "LastModifiedDate": as_stamp(life.modified),
        "LastModifiedById": owner, "SystemModstamp": as_stamp(life.stamp),
        "LastActivityDate": as_date(life.modified) if rng.random() < 0.7 else None,
        "LastStageChangeDate": None if life.moved is None else as_stamp(life.moved),
        "FiscalQuarter": quarter, "FiscalYear": int(close[:4]), "Fiscal": f"{close[:4]} {quarter}",
        "HasOpenActivity": False, "HasOverdueTask": False,
    }  # fmt: skip


def contact_roles(world: World) -> Iterator[Row]:
    """Yields none to six rows of OpportunityContactRole per opportunity: one primary at most, some contacts in two roles."""
    rng = world.rng
    for number, deal in enumerate(world.deals):
        people = world.contacts[deal.account]
        if rng.random() < 0.03:
            people = people + rng.choice(world.contacts)  # a consultant from another company
        wanted = 2 if number in SHOWCASE else rng.choices((0, 1, 2, 3, 4, 5), (10, 30, 30, 20, 7, 3))[0]
        chosen = rng.sample(people, min(len(people), wanted))
        if chosen and rng.random() < 0.03:
            chosen.append(chosen[0])
        has_primary = rng.random() < 0.85
        for place, person in enumerate(chosen):
            yield _role(world, deal, person, has_primary and place == 0)


def _role(world: World, deal: DealNote, person: ContactNote, is_primary: bool) -> Row:
    rng, owner = world.rng, world.owners[deal.owner].user_id
    created = between(max(deal.created_at, person.created_at), deal.ended_at, rng)
    created = max(created, deal.created_at, person.created_at)
    changed = created if rng.random() < 0.8 else between(created, world.today - 1, rng)
    return {
        "Id": world.ids.next("00K"), "IsDeleted": False, "OpportunityId": deal.opportunity_id, "ContactId": person.contact_id,
        "Role": rng.choice(_ROLES), "IsPrimary": is_primary, "CreatedDate": as_stamp(created), "CreatedById": owner,
        "LastModifiedDate": as_stamp(changed), "LastModifiedById": owner, "SystemModstamp": as_stamp(changed),
    }  # fmt: skip
