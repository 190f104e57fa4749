"""Mails of the demo org, as messy as mail is, with the tasks and relations that Salesforce keeps beside them, and some cases.

Belongs here: rows of Case, EmailMessage, EmailMessageRelation and Task. Does not: the wording (mail_text.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from local_org.demo import mail_text, odd
from local_org.demo.deals import SHOWCASE
from local_org.demo.mail_text import Thread, Writer
from local_org.demo.moments import DAY, as_date, as_stamp, between
from local_org.demo.world import ContactNote, DealNote, Owner, World

Row = dict[str, object]
_HUGE_BODIES = {10: 100_000, 110: mail_text.BODY_LIMIT, 210: 100_000, 310: 120_000}
_LONG_LISTS = frozenset({20, 120, 220})
NEW, READ, REPLIED, SENT, FORWARDED, DRAFT = "0", "1", "2", "3", "4", "5"


@dataclass(frozen=True)
class MailNote:
    """A mail that exists: what its task and its relations repeat of it."""

    mail_id: str
    task_id: str | None
    subject: str
    related_id: str | None
    contact: ContactNote | None
    owner_id: str
    owner_email: str
    sent_at: int
    incoming: bool


@dataclass(frozen=True)
class _Topic:
    """What a conversation is about and between whom: the record it hangs on (None for nothing), seconds it lies between."""

    related_id: str | None
    case_id: str | None
    name: str
    account: int
    owner: Owner
    people: list[ContactNote]
    start: int
    end: int


@dataclass(frozen=True)
class _Mail:
    """One mail of a conversation: its number among all mails, its place in the conversation, its second, its direction."""

    topic: _Topic
    thread: Thread
    person: ContactNote | None
    number: int
    place: int
    at: int
    incoming: bool


def cases(world: World, count: int, case_ids: list[str]) -> Iterator[Row]:
    """Yields `count` rows of Case, numbered from 1001, and notes their ids: mails hang on these too, and must not be taken for deals'."""
    rng = world.rng
    for number in range(count):
        account = world.accounts[number % len(world.accounts)]
        opened = between(world.began, world.today - DAY, rng)
        closed = rng.random() < 0.7
        changed = between(opened, min(opened + 30 * DAY, world.today - 1), rng)
        case_ids.append(world.ids.next("500"))
        yield {
            "Id": case_ids[-1], "IsDeleted": False, "CaseNumber": f"{1001 + number:08d}", "AccountId": account.account_id,
            "Subject": rng.choice(("Login fails", "Export is slow", "Question about the invoice", "Änderung der Rechnungsadresse")),
            "Status": "Closed" if closed else "Working", "IsClosed": closed, "OwnerId": account.owner_id,
            "CreatedDate": as_stamp(opened), "CreatedById": account.owner_id, "LastModifiedDate": as_stamp(changed),
            "LastModifiedById": account.owner_id, "SystemModstamp": as_stamp(changed),
        }  # fmt: skip


def emails(world: World, count: int, case_ids: list[str], notes: list[MailNote]) -> Iterator[Row]:
    """Yields `count` rows of EmailMessage in conversations of one to eight, and notes them."""
    deleted_every = max(300, count // 50)
    made = conversations = 0
    while made < count:
        topic = _topic(world, case_ids, conversations)
        conversations += 1
        thread = Thread(world.accounts[topic.account].company.locale, topic.name, world.rng)
        person = world.rng.choice(topic.people) if topic.people else None
        length = min(count - made, world.rng.choices((1, 2, 3, 5, 8), (35, 25, 20, 14, 6))[0])
        previous: str | None = None
        identifier = f"<{world.rng.getrandbits(64):016x}@{world.accounts[topic.account].company.domain}>"
        at = between(topic.start, topic.end, world.rng)
        incoming = world.rng.random() < 0.45
        for place in range(length):
            mail = _Mail(topic, thread, person, made, place, at, incoming)
            row = _email(world, mail) | {"ThreadIdentifier": identifier, "ReplyToEmailMessageId": previous}
            previous = str(row["Id"])
            notes.append(_note(row, mail))
            if made % deleted_every == deleted_every - 1:
                world.doomed.append(("EmailMessage", previous))
            yield row
            made += 1
            incoming = not incoming
            at = between(at, min(at + 4 * DAY, world.today - 600), world.rng)


def _topic(world: World, case_ids: list[str], conversation: int) -> _Topic:
    rng, chance = world.rng, world.rng.random()
    if conversation < len(SHOWCASE) and SHOWCASE[conversation] < len(world.deals):
        return _about(world, world.deals[SHOWCASE[conversation]])
    if chance < 0.8 and world.deals:
        first, second = rng.choice(world.deals), rng.choice(world.deals)
        # The younger of two: young deals are the ones with mail.
        return _about(world, max(first, second, key=lambda each: each.ended_at))
    place = int(rng.random() * len(world.accounts))
    account, owner, people = world.accounts[place], world.owners[world.pick_owner()], world.contacts[place]
    case = rng.choice(case_ids) if 0.88 <= chance < 0.92 and case_ids else None
    related = case or (account.account_id if chance < 0.92 else None)
    return _Topic(related, case, account.name, place, owner, people, account.created_at, world.today - DAY)


def _about(world: World, deal: DealNote) -> _Topic:
    owner, people = world.owners[deal.owner], world.contacts[deal.account]
    return _Topic(
        deal.opportunity_id, None, deal.name, deal.account, owner, people, deal.created_at, deal.ended_at
    )


def _email(world: World, mail: _Mail) -> Row:
    rng, topic, incoming = world.rng, mail.topic, mail.incoming
    company = world.accounts[topic.account].company
    outside = (mail.person.email if mail.person else None) or f"info@{company.domain}"
    customer = Writer(mail.person.name if mail.person else "", company.name, topic.owner.name.split()[0])
    rep = Writer(topic.owner.name, "Acme", mail.person.first if mail.person else None)
    when = as_stamp(mail.at)
    text = mail.thread.write(customer if incoming else rep, f"{when[:10]} {when[11:16]}")
    subject = f"Re: {mail.thread.subject}" if mail.place else mail.thread.subject
    sender_domain = company.domain if incoming else "acme.example"
    late = 9 * DAY if rng.random() < 0.05 else 600  # some are logged days later, in one go
    logged = between(mail.at, min(mail.at + late, world.today - 1), rng)
    row: Row = {
        "Id": world.ids.next("02s"), "ParentId": topic.case_id, "RelatedToId": topic.related_id, "IsDeleted": False,
        "ActivityId": None if topic.case_id else world.ids.next("00T"), "Subject": subject[:3000], "Name": subject[:255],
        "FromName": customer.name or None if incoming else rep.name, "FromAddress": outside if incoming else topic.owner.email,
        "ToAddress": topic.owner.email if incoming else outside,
        "CcAddress": f"procurement@{company.domain}; \"Legal, {company.city}\" <legal@{company.domain}>" if rng.random() < 0.2 else None,
        "BccAddress": None if incoming or rng.random() < 0.9 else "crm@acme.example",
        "Incoming": incoming, "HasAttachment": rng.random() < 0.15, "IsExternallyVisible": False, "IsClientManaged": rng.random() < 0.3,
        "Status": rng.choice((NEW, READ, READ, REPLIED)) if incoming else SENT, "MessageDate": when,
        "MessageIdentifier": None if rng.random() < 0.05 else f"<{rng.getrandbits(96):024x}@{sender_domain}>",
        "CreatedDate": as_stamp(logged), "CreatedById": topic.owner.user_id, "LastModifiedDate": as_stamp(logged),
        "LastModifiedById": topic.owner.user_id, "SystemModstamp": as_stamp(logged),
    }  # fmt: skip
    row |= _bodies(world, text, mail.number)
    row |= _tracking(world, mail.at, logged) if not incoming else {}
    return row | _oddity(row, mail.number)


def _bodies(world: World, text: str, number: int) -> Row:
    rng = world.rng
    if number in _HUGE_BODIES:
        length = _HUGE_BODIES[number]
        html = mail_text.padded(mail_text.as_html(text), length)
        return {"TextBody": mail_text.padded(text, min(length, 32_000)), "HtmlBody": html}
    chance = rng.random()
    lines = text.replace("\n", "\r\n") if rng.random() < 0.6 else text
    return {
        "TextBody": None if 0.6 <= chance < 0.7 or chance > 0.97 else lines,
        "HtmlBody": mail_text.as_html(text) if chance < 0.7 else None,
    }


def _tracking(world: World, at: int, stamp: int) -> Row:
    """Opened, bounced or neither; the last opening moves SystemModstamp but not LastModifiedDate."""
    rng, chance = world.rng, world.rng.random()
    if chance < 0.015:
        return {"IsTracked": True, "IsBounced": True}
    if chance < 0.5:
        return {"IsTracked": chance < 0.3}
    first = min(at + int(rng.expovariate(1 / (5 * 3_600))), world.today - 1)
    last = between(first, min(first + 20 * DAY, world.today - 1), rng)
    return {
        "IsTracked": True, "IsOpened": True, "FirstOpenedDate": as_stamp(first), "LastOpenedDate": as_stamp(last),
        "SystemModstamp": as_stamp(max(stamp, last)),
    }  # fmt: skip


def _oddity(row: Row, number: int) -> Row:
    """What the mail at this place always has: an odd body, a long list of addresses, no subject, or being a draft."""
    every = 17 if number < 17 * len(odd.BODIES) else 997
    if number % every == every - 1:
        body = odd.BODIES[number // every % len(odd.BODIES)]
        return {
            "TextBody": body,
            "HtmlBody": mail_text.as_html(body) if number % 2 else None,
            "Subject": body[:60] if number % 3 else row["Subject"],
        }
    if number in _LONG_LISTS:
        return {
            "ToAddress": mail_text.address_list("big-company.example"),
            "CcAddress": mail_text.address_list("other.example"),
        }
    if number % 83 == 40:
        return {"Subject": None, "Name": "Email"}
    if number % 83 == 41:
        return {"Status": DRAFT, "Incoming": False, "MessageDate": None, "MessageIdentifier": None}
    if number % 83 == 42:
        return {
            "Headers": f"Received: from mail.example ([192.0.2.{number % 250}])\r\n\tby mx.acme.example;"
            f" {row['MessageDate']}\r\nX-Spam-Score: 0.{number % 10}"
        }
    return {}


def _note(row: Row, mail: _Mail) -> MailNote:
    task, topic = row["ActivityId"], mail.topic
    return MailNote(
        str(row["Id"]), None if task is None else str(task), str(row["Subject"] or ""), topic.related_id, mail.person,
        topic.owner.user_id, topic.owner.email, mail.at, mail.incoming,
    )  # fmt: skip


def tasks(notes: list[MailNote]) -> Iterator[Row]:
    """Yields the completed Task that Salesforce logs for each mail that belongs to no case."""
    for mail in notes:
        if mail.task_id:
            sent = as_stamp(mail.sent_at)
            yield {
                "Id": mail.task_id, "Subject": f"Email: {mail.subject}"[:255], "WhatId": mail.related_id,
                "WhoId": mail.contact.contact_id if mail.contact else None,
                "ActivityDate": as_date(mail.sent_at), "Status": "Completed", "Priority": "Normal", "IsClosed": True,
                "TaskSubtype": "Email", "OwnerId": mail.owner_id, "CreatedDate": sent, "CreatedById": mail.owner_id,
                "CompletedDateTime": sent,
            }  # fmt: skip


def relations(world: World, notes: list[MailNote]) -> Iterator[Row]:
    """Yields who wrote and who received each mail as EmailMessageRelation, as far as the org knows them."""
    for mail in notes:
        sides = [("User", mail.owner_id, mail.owner_email, not mail.incoming)]
        if mail.contact and mail.contact.email:
            sides.append(("Contact", mail.contact.contact_id, mail.contact.email, mail.incoming))
        for kind, record_id, address, wrote in sides:
            yield {
                "Id": world.ids.next("0CZ"), "EmailMessageId": mail.mail_id, "RelationId": record_id, "RelationObjectType": kind,
                "RelationType": "FromAddress" if wrote else "ToAddress", "RelationAddress": address,
                "CreatedDate": as_stamp(mail.sent_at), "CreatedById": mail.owner_id, "SystemModstamp": as_stamp(mail.sent_at),
                "IsDeleted": False,
            }  # fmt: skip
