"""What a person does to a deal: moves it, edits it, deletes and restores it, writes a mail on it.

Belongs here: from a posted form to the REST resource that any client would use, so that its rules and refusals are the API's.
Does not: reading the page again (deal.py).
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import Response

from local_org.errors import ApiError
from local_org.objects import SOBJECTS
from local_org.workbench.deal import EDITABLE, found
from local_org.workbench.person import Person, Row, quoted
from local_org.workbench.site import Site, Visit, said

Act = Callable[[Person, Row, Visit], str]


def _done(act: Act) -> Callable[[Site, Visit], Response]:
    """Makes a page of an act: does it, says what came of it, and shows the deal again, or the list once it is out of sight."""

    def page(site: Site, visit: Visit) -> Response:
        person = site.person(visit)
        deal = found(person, visit.part("deal_id"))
        try:
            with site.org.store.transaction():
                text = act(person, deal, visit)
        except ApiError as refusal:
            visit.say(f"Nothing was changed. {said(refusal)}", good=False)
        else:
            visit.say(text)
        try:
            return site.go(f"/deals/{found(person, str(deal['Id']))['Id']}")
        except ApiError:
            visit.say(f"{person.org.user(person.user_id)['Name']} no longer sees this deal.")
            return site.go("/deals")

    return page


def move(person: Person, deal: Row, visit: Visit) -> str:
    """Moves the deal to the stage whose button was pressed."""
    stage = visit.form.get("stage", "")
    person.call("PATCH", _path(deal), {"StageName": stage})
    return f"The deal is in stage {stage}."


def edit(person: Person, deal: Row, visit: Visit) -> str:
    """Saves what the form changes; what it leaves alone is not sent."""
    changes: dict[str, object] = {}
    for name in EDITABLE:
        if name not in visit.form or name not in deal:
            continue
        field = SOBJECTS["Opportunity"].field(name)
        given: object = visit.form[name].strip() or None
        if field is not None and field.type == "currency" and given is not None:
            given = _number(str(given))
        if given != deal[name]:
            changes[name] = given
    if not changes:
        return "There was nothing to change."
    person.call("PATCH", _path(deal), changes)
    return "Saved."


def _number(text: str) -> object:
    """Gives the number that a text says; any other text as it is, for the org to refuse."""
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return text


def delete(person: Person, deal: Row, visit: Visit) -> str:
    """Moves the deal to the recycle bin."""
    person.call("DELETE", _path(deal))
    return "The deal is in the recycle bin, with its contact roles."


def restore(person: Person, deal: Row, visit: Visit) -> str:
    """Takes the deal out of the recycle bin, which REST cannot: Salesforce has it in its pages and in SOAP (undelete)."""
    if not person.may_change("Delete", "Opportunity", deal["OwnerId"]):
        raise ApiError(403, "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id")
    try:
        person.org.store.undelete("Opportunity", str(deal["Id"]), by=person.user_id)
    except KeyError:
        raise ApiError(400, "UNDELETE_FAILED", "Entity is not in the recycle bin") from None
    return "The deal is back, with what went along with it."


def mail(person: Person, deal: Row, visit: Visit) -> str:
    """Sends a mail from the person on the deal, related to the contact whose address it goes to."""
    sender = person.org.user(person.user_id)
    to = visit.form.get("to", "").strip()
    values = {
        "RelatedToId": deal["Id"],
        "Subject": visit.form.get("subject", ""),
        "TextBody": visit.form.get("text", ""),
        "FromAddress": sender["Email"],
        "FromName": sender["Name"],
        "ToAddress": to,
        "Incoming": False,
        "Status": "3",
        "MessageDate": person.org.clock.stamp(),
    }
    made = person.call("POST", "/sobjects/EmailMessage", values)
    relations = [(str(sender["Id"]), sender["Email"], "FromAddress")]
    relations += [(contact_id, to, "ToAddress") for contact_id in _contacts(person, str(deal["Id"]), to)]
    for related, address, kind in relations:
        relation = {
            "EmailMessageId": made["id"],
            "RelationId": related,
            "RelationAddress": address,
            "RelationType": kind,
        }
        person.call("POST", "/sobjects/EmailMessageRelation", relation)
    return f"The mail to {to} is on the deal."


def _contacts(person: Person, deal_id: str, address: str) -> list[str]:
    """Returns the contact of the deal that has the address, if the person sees that contact: others cannot be referred to."""
    if not person.sees("Contact", "Email") or not person.sees("OpportunityContactRole", "ContactId"):
        return []
    roles = f"SELECT ContactId FROM OpportunityContactRole WHERE OpportunityId = '{deal_id}'"
    found = person.rows(
        f"SELECT Id FROM Contact WHERE Email = {quoted(address)} AND Id IN ({roles}) ORDER BY Id LIMIT 1"
    )
    return [str(row["Id"]) for row in found]


def _path(deal: Row) -> str:
    return f"/sobjects/Opportunity/{deal['Id']}"


PAGES = tuple(
    ("POST", f"/deals/{{deal_id}}/{name}", _done(act))
    for name, act in (
        ("stage", move),
        ("edit", edit),
        ("delete", delete),
        ("restore", restore),
        ("mail", mail),
    )
)
