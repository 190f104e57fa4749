"""Named changes to the demo org: the five that the demo makes and then finds again in the result of a sync.

Belongs here: which record each change takes, by rule, so that it lies inside any sensible filter: open, New Business, of the last year,
worth something, with contact roles and mails. Each takes another owner's deal, so they never meet. Does not: how a change is recorded
(demo/actions.py), chance (life.py).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from local_org.clock import as_stamp
from local_org.demo import actions
from local_org.demo_data import cast
from local_org.org import Org

__all__ = ["CHANGES", "all_demo_changes", "cast", "make_change"]

Row = dict[str, object]
_MAIL = (
    'Hello,\r\n\r\nour board said yes – “subject to contract”. Please send the order form "as is".'
    "\r\n\r\nBest regards\r\n>\u2028> P.S. 100 % by Friday?"
)


def change_stage(org: Org) -> Row:
    """The first rep moves a deal to the next open stage. Returns opportunity, `from` and `to` (stages)."""
    stages = [
        str(row[0])
        for row in org.store.select(
            "select ApiName from OpportunityStage where IsActive = 1 and IsClosed = 0 order by SortOrder"
        )
    ]
    deal_id = _deal_of(org, _person(org, "rep", 0), stages[:-1])
    now = str(actions.record(org, "Opportunity", deal_id)["StageName"])
    return actions.move_to_stage(org, deal_id, stages[stages.index(now) + 1])


def new_email(org: Org) -> Row:
    """A customer writes to the second rep about a deal. Returns opportunity and `email_message_id`."""
    deal_id = _deal_of(org, _person(org, "rep", 1))
    return actions.log_mail(org, deal_id, incoming=True, subject='Re: "Order form" – go ahead 👍', text=_MAIL)


def delete_opportunity(org: Org) -> Row:
    """The third rep deletes a deal. Returns opportunity and what hung on it."""
    deal_id = _deal_of(org, _person(org, "rep", 2))
    counts = _hanging_on(org, deal_id)
    return actions.delete(org, deal_id) | counts


def reassign_to_licensed_rep(org: Org) -> Row:
    """The unmatched rep hands a deal to the first rep. Returns opportunity, `from` and `to` (users), and what comes along."""
    deal_id = _deal_of(org, _person(org, "unmatched"))
    return actions.reassign(org, deal_id, _person(org, "rep", 0)) | _hanging_on(org, deal_id)


def reassign_away(org: Org) -> Row:
    """The fourth rep hands a deal to the unmatched rep. Returns opportunity, `from` and `to` (users), and what goes along."""
    deal_id = _deal_of(org, _person(org, "rep", 3))
    return actions.reassign(org, deal_id, _person(org, "unmatched")) | _hanging_on(org, deal_id)


def move_email_away(org: Org) -> Row:
    """Somebody relates a mail of the first rep's deal to one of the unmatched rep. Returns `email_message_id`, `from`, `to` (deals)."""
    deal_id = _deal_of(org, _person(org, "rep", 0))
    target = _deal_of(org, _person(org, "unmatched"))
    mail_id = str(
        org.store.select(
            "select Id from EmailMessage where RelatedToId = ? and IsDeleted = 0 order by Id", (deal_id,)
        )[0][0]
    )
    owner = str(actions.record(org, "Opportunity", target)["OwnerId"])
    org.store.update("EmailMessage", mail_id, {"RelatedToId": target}, by=owner)
    return {"email_message_id": mail_id, "from": deal_id, "to": target}


CHANGES: dict[str, Callable[[Org], Row]] = {
    change.__name__: change
    for change in (change_stage, new_email, delete_opportunity, reassign_to_licensed_rep, reassign_away)
}


def make_change(org: Org, name: str) -> object:
    """Makes the change of that name, or all of them (`all`), and returns what it did. Raises ValueError for an unknown name,
    and where the org holds no deal that fits."""
    if name == "all":
        return all_demo_changes(org)
    known = {**CHANGES, "move_email_away": move_email_away}
    if name not in known:
        raise ValueError(f"There is no change {name!r}. Changes: all, {', '.join(known)}.")
    return {"change": name} | known[name](org)


def all_demo_changes(org: Org) -> list[Row]:
    """Makes the five changes, each on another deal, in one transaction, and returns what each did."""
    with org.store.transaction():
        return [{"change": name} | change(org) for name, change in CHANGES.items()]


def _person(org: Org, role: str, place: int = 0) -> str:
    found = [str(member["user_id"]) for member in cast(org) if member["role"] == role]
    if len(found) <= place:
        raise ValueError(f"This org has no {role!r} number {place + 1}: it was not filled with demo data.")
    return found[place]


def _deal_of(org: Org, owner_id: str, stages: list[str] | None = None) -> str:
    """Returns the youngest deal of an owner that lies inside any sensible filter, in one of `stages` if given."""
    since = as_stamp(org.clock.now() - timedelta(days=360))
    rows = org.store.select(
        "select o.Id, o.StageName from Opportunity o join RecordType t on t.Id = o.RecordTypeId"
        " join OpportunityStage s on s.ApiName = o.StageName and s.IsActive = 1"
        " where o.OwnerId = ? and o.IsDeleted = 0 and o.IsClosed = 0 and o.IsPrivate = 0 and t.DeveloperName = 'New_Business'"
        " and o.CreatedDate >= ? and o.Amount >= 1000"
        " and exists (select 1 from OpportunityContactRole r where r.OpportunityId = o.Id and r.IsDeleted = 0)"
        " and exists (select 1 from EmailMessage m where m.RelatedToId = o.Id and m.IsDeleted = 0)"
        " order by o.CreatedDate desc, o.Id",
        (owner_id, since),
    )
    found = [str(row[0]) for row in rows if stages is None or row[1] in stages]
    if not found:
        raise ValueError(
            f"User {owner_id} owns no open deal of the last year with contact roles and mails; fill the org with more deals."
        )
    return found[0]


def _hanging_on(org: Org, opportunity_id: str) -> Row:
    """Counts the live roles, contacts and mails of a deal."""
    roles, contacts = org.store.select(
        "select count(*), count(distinct ContactId) from OpportunityContactRole where OpportunityId = ? and IsDeleted = 0",
        (opportunity_id,),
    )[0]
    mails = org.store.select(
        "select count(*) from EmailMessage where RelatedToId = ? and IsDeleted = 0", (opportunity_id,)
    )[0][0]
    return {"contact_roles": roles, "contacts": contacts, "email_messages": mails}
