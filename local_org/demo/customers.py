"""Accounts and contacts of the demo org, odd names included.

Belongs here: rows of Account and Contact. Does not: who plays which role on a deal (deals.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from local_org.demo import odd
from local_org.demo.moments import DAY, as_date, as_stamp, between, working_hour
from local_org.demo.pools import Company, Person
from local_org.demo.world import AccountNote, ContactNote, World

Row = dict[str, object]
_INDUSTRIES = (
    "Banking",
    "Biotechnology",
    "Education",
    "Engineering",
    "Energy",
    "Healthcare",
    "Manufacturing",
    "Retail",
    "Technology",
    None,
)
_SOURCES = ("Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other", None, None)

_FATED = 4_000
"""Only among so many contacts are some merged or deleted: each takes a handful of queries, and a few are enough."""


def accounts(world: World, count: int) -> Iterator[Row]:
    """Yields `count` rows of Account, oldest first, and notes them. Beyond the pool of companies, names go on as branches."""
    rng, companies = world.rng, world.pools.companies
    for number in range(count):
        company = companies[number % len(companies)]
        round_ = number // len(companies)
        name = company.name if not round_ else f"{company.name} ({company.city} {round_})"
        # Most customers are old; the oldest three precede every deal.
        age = (1 - (max(0, number - 3) / count) ** 0.7) * (world.today - world.began - 60 * DAY)
        created = working_hour(world.today - 70 * DAY - int(age), rng) - (number < 3) * 300 * DAY
        changed = between(created, world.today - 1, rng) if rng.random() < 0.6 else created
        owner = world.owners[world.pick_owner()]
        note = AccountNote(world.ids.next("001"), name, company, owner.user_id, created)
        world.accounts.append(note)
        yield _account(note, changed, rng.choice(_INDUSTRIES), int(rng.lognormvariate(5.5, 1.4)) + 1)


def _account(note: AccountNote, changed: int, industry: str | None, employees: int) -> Row:
    company = note.company
    return {
        "Id": note.account_id, "IsDeleted": False, "Name": note.name, "Type": "Customer - Direct", "Industry": industry,
        "NumberOfEmployees": employees, "Website": f"https://www.{company.domain}", "Phone": company.phone,
        "BillingStreet": company.street, "BillingCity": company.city, "BillingPostalCode": company.postcode,
        "BillingCountry": company.country, "OwnerId": note.owner_id,
        "CreatedDate": as_stamp(note.created_at), "CreatedById": note.owner_id,
        "LastModifiedDate": as_stamp(changed), "LastModifiedById": note.owner_id, "SystemModstamp": as_stamp(changed),
    }  # fmt: skip


def contacts(world: World) -> Iterator[Row]:
    """Yields one to six rows of Contact for each account, and notes them.

    Among them: every odd name, some without e-mail, some whose e-mail is another contact's, some with a bounced e-mail, some to be
    merged into the first contact of their account or deleted.
    """
    number = 0
    odd_every = max(1, min(40, 2 * len(world.accounts) // len(odd.CONTACT_NAMES)))
    for account in world.accounts:
        notes: list[ContactNote] = []
        for _ in range(world.rng.choices((1, 2, 3, 4, 6), (20, 30, 25, 15, 10))[0]):
            person = _person(world, account.company, number, odd_every)
            yield _contact(world, account, person, notes, number)
            number += 1
        world.contacts.append(notes)


def _person(world: World, company: Company, number: int, odd_every: int) -> Person:
    if number % odd_every == 1 and number // odd_every < len(odd.CONTACT_NAMES):
        first, last = odd.CONTACT_NAMES[number // odd_every]
        return Person(first, last[:80], f"contact{number}", None)
    return world.rng.choice(world.pools.people[company.locale])


def _contact(
    world: World, account: AccountNote, person: Person, notes: list[ContactNote], number: int
) -> Row:
    rng = world.rng
    email = _email(world, account, person, notes)
    created = between(account.created_at, min(account.created_at + 400 * DAY, world.today - 20 * DAY), rng)
    changed = between(created, world.today - 1, rng) if rng.random() < 0.5 else created
    name = f"{person.first} {person.last}" if person.first else person.last
    note = ContactNote(world.ids.next("003"), name, person.first, email, created)
    _fate(world, note, notes, number)
    notes.append(note)
    company = account.company
    bounced = email is not None and rng.random() < 0.01
    return {
        "Id": note.contact_id, "IsDeleted": False, "AccountId": account.account_id,
        "FirstName": person.first, "LastName": person.last, "Name": name,
        "Title": person.title, "Email": email, "Phone": company.phone if rng.random() < 0.7 else None,
        "MailingStreet": company.street, "MailingCity": company.city, "MailingPostalCode": company.postcode,
        "MailingCountry": company.country, "LeadSource": rng.choice(_SOURCES), "OwnerId": account.owner_id,
        "IsEmailBounced": bounced, "EmailBouncedReason": "550 5.1.1 unknown recipient" if bounced else None,
        "EmailBouncedDate": as_stamp(changed) if bounced else None,
        "LastActivityDate": as_date(changed) if rng.random() < 0.4 else None,
        "CreatedDate": as_stamp(created), "CreatedById": account.owner_id,
        "LastModifiedDate": as_stamp(changed), "LastModifiedById": account.owner_id, "SystemModstamp": as_stamp(changed),
    }  # fmt: skip


def _fate(world: World, note: ContactNote, notes: list[ContactNote], number: int) -> None:
    """Marks a duplicate of the account's first contact to be merged, or a contact to be deleted; the first is never either."""
    if not notes or number > _FATED:
        return
    if number % 150 in (31, 32, 33) and not any(notes[0].contact_id in pair for pair in world.merges):
        world.merges.append((notes[0].contact_id, note.contact_id))
    elif number % 200 in (60, 61, 62):
        world.doomed.append(("Contact", note.contact_id))


def _email(world: World, account: AccountNote, person: Person, notes: list[ContactNote]) -> str | None:
    chance = world.rng.random()
    if chance < 0.06:
        return None
    if chance < 0.08 and notes:
        return notes[0].email
    address = f"{person.mailbox}@{account.company.domain}"
    return address.title() if chance < 0.1 else address
