"""What a rep or a customer does to one deal, through the store, as the platform would record it.

Belongs here: single acts on a given record. Does not: choosing the record (changes.py by rule, life.py by chance).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import timedelta

from local_org.demo.mail_text import as_html
from local_org.org import Org

Row = dict[str, object]


def record(org: Org, sobject: str, record_id: str) -> Row:
    """Returns a row; raises KeyError when there is none."""
    found = org.store.get(sobject, record_id)
    if found is None:
        raise KeyError(record_id)
    return found


def move_to_stage(org: Org, opportunity_id: str, stage: str) -> Row:
    """The owner moves the deal to a stage; a closed one gets today as its close date. Returns what changed."""
    deal = record(org, "Opportunity", opportunity_id)
    is_closed = bool(
        org.store.select("select max(IsClosed) from OpportunityStage where ApiName = ?", (stage,))[0][0]
    )
    close = {"CloseDate": org.clock.now().date()} if is_closed else {}
    org.store.update("Opportunity", opportunity_id, {"StageName": stage, **close}, by=str(deal["OwnerId"]))
    return about(deal) | {"from": deal["StageName"], "to": stage}


def reassign(org: Org, opportunity_id: str, owner_id: str) -> Row:
    """The owner hands the deal to another user. Returns what changed."""
    deal = record(org, "Opportunity", opportunity_id)
    org.store.update("Opportunity", opportunity_id, {"OwnerId": owner_id}, by=str(deal["OwnerId"]))
    return about(deal) | {"from": deal["OwnerId"], "to": owner_id}


def delete(org: Org, opportunity_id: str) -> Row:
    """The owner deletes the deal; its contact roles go along. Returns what changed."""
    deal = record(org, "Opportunity", opportunity_id)
    org.store.delete("Opportunity", opportunity_id, by=str(deal["OwnerId"]))
    return about(deal)


def about(deal: Mapping[str, object]) -> Row:
    """Returns how a deal is named in the answer of every change."""
    return {"opportunity_id": deal["Id"], "opportunity_name": deal["Name"], "owner_id": deal["OwnerId"]}


def log_mail(org: Org, opportunity_id: str, *, incoming: bool, subject: str, text: str) -> Row:
    """A mail between the owner and a contact of the deal arrives (Status 0, New) or is sent (3). Returns what was added."""
    deal = record(org, "Opportunity", opportunity_id)
    owner = org.user(str(deal["OwnerId"]))
    contact = _a_contact(org, opportunity_id)
    outside = str((contact or {}).get("Email") or "somebody@customer.example")
    name = str(contact["Name"]) if contact else None
    sender, receiver = (outside, owner["Email"]) if incoming else (owner["Email"], outside)
    mail = {
        "RelatedToId": opportunity_id, "Subject": subject, "TextBody": text, "HtmlBody": as_html(text), "Incoming": incoming,
        "FromAddress": sender, "FromName": name if incoming else owner["Name"], "ToAddress": receiver, "IsTracked": not incoming,
        "Status": "0" if incoming else "3", "MessageDate": org.clock.now() - timedelta(seconds=20),
        "MessageIdentifier": f"<{secrets.token_hex(12)}@{str(sender).rpartition('@')[2]}>",
    }  # fmt: skip
    with org.store.transaction():
        mail_id = org.store.insert("EmailMessage", mail, by=str(owner["Id"]))
        for kind, person in (("User", owner), ("Contact", contact)):
            if person is not None:
                _relate(org, mail_id, person, wrote=incoming == (kind == "Contact"), by=str(owner["Id"]))
    return about(deal) | {"email_message_id": mail_id, "incoming": incoming, "subject": subject}


def _a_contact(org: Org, opportunity_id: str) -> Row | None:
    found = org.store.select(
        "select r.ContactId from OpportunityContactRole r join Contact c on c.Id = r.ContactId"
        " where r.OpportunityId = ? and r.IsDeleted = 0 and c.IsDeleted = 0 and c.Email is not null"
        " order by r.IsPrimary desc, r.Id limit 1",
        (opportunity_id,),
    )
    return org.store.get("Contact", str(found[0][0])) if found else None


def _relate(org: Org, mail_id: str, person: Row, *, wrote: bool, by: str) -> None:
    relation = {
        "EmailMessageId": mail_id, "RelationId": person["Id"], "RelationAddress": person["Email"],
        "RelationType": "FromAddress" if wrote else "ToAddress",
    }  # fmt: skip
    org.store.insert("EmailMessageRelation", relation, by=by)
