"""One deal as one person sees it: its fields, the stages it may move to, and the related lists that its layout shows.

Belongs here: what the page reads. Does not: what its forms do (acts.py), files (files.py).
"""

from __future__ import annotations

from starlette.responses import Response

from local_org.errors import not_found
from local_org.ids import to_18
from local_org.objects import SOBJECTS, Field
from local_org.rest import layouts
from local_org.rest.describe import MASTER
from local_org.workbench import formats
from local_org.workbench.deals import stages
from local_org.workbench.files import files_of
from local_org.workbench.person import Person, Row
from local_org.workbench.site import Site, Visit

MAIN = (
    "AccountId", "OwnerId", "StageName", "Amount", "CloseDate", "Probability", "ExpectedRevenue", "ForecastCategoryName", "RecordTypeId",
    "Type", "LeadSource", "NextStep", "IsPrivate", "Description",
)  # fmt: skip
EDITABLE = ("Name", "Amount", "CloseDate", "NextStep", "OwnerId")
MAILS = 20
_ROLE = ("Contact.Name", "Contact.Title", "Contact.Email", "Role", "IsPrimary", "ContactId")
_MAIL = ("Subject", "Incoming", "FromName", "FromAddress", "ToAddress", "MessageDate", "Status", "TextBody")


def show(site: Site, visit: Visit) -> Response:
    """Shows the deal, live or in the recycle bin. Raises ApiError 404 for one that the person does not see."""
    person = site.person(visit)
    deal = found(person, visit.part("deal_id"))
    deal_id = str(deal["Id"])
    lists = related_lists(person, deal.get("RecordTypeId"))
    main, others = _written(person, deal)
    is_live = not deal["IsDeleted"]
    may_edit = is_live and person.may_change("Edit", "Opportunity", deal["OwnerId"])
    return site.page(
        visit,
        "deal.html",
        deal=deal,
        main=main,
        others=others,
        stages=_path(person, deal),
        may_move=may_edit and person.may_set("Opportunity", "StageName"),
        form=_form(person, deal) if may_edit else [],
        users=_users(person) if may_edit else [],
        may_delete=is_live and person.may_change("Delete", "Opportunity", deal["OwnerId"]),
        may_restore=deal["IsDeleted"] and person.may_change("Delete", "Opportunity", deal["OwnerId"]),
        roles=_roles(person, deal_id) if is_live and "OpportunityContactRoles" in lists else None,
        mails=_mails(person, deal_id) if is_live and "Emails" in lists else None,
        files=files_of(person, deal_id) if is_live and "AttachedContentDocuments" in lists else None,
        may_mail=is_live and person.access.may("Create", SOBJECTS["EmailMessage"]),
        may_edit=may_edit,
    )


def found(person: Person, record_id: str) -> Row:
    """Returns the fields of a deal that the person sees, deleted or not. Raises ApiError 404."""
    deal_id = to_18(record_id)
    if deal_id is None or not person.sees("Opportunity", "Id"):
        raise not_found()
    paths = [each.name for each in person.fields("Opportunity")]
    names = [
        f"{each.relationship}.Name" for each in person.fields("Opportunity") if _names_something(person, each)
    ]
    rows = person.rows(
        f"SELECT {', '.join([*paths, *names])} FROM Opportunity WHERE Id = '{deal_id}'", deleted=True
    )
    if not rows:
        raise not_found("This deal does not exist, or this person does not see it.")
    return rows[0]


def related_lists(person: Person, record_type: object) -> list[str]:
    """Returns the related lists that the person's layout for a record type shows, by their relationship's name.

    Asked of the layout itself: whether a describe names the Files list is a switch, and changes no page.
    """
    profile = person.org.user(person.user_id)["ProfileId"]
    return layouts.related_lists(
        person.org.store, "Opportunity", str(record_type or MASTER), str(profile) if profile else None
    )


def _names_something(person: Person, field: Field) -> bool:
    return field.relationship is not None and person.sees("Opportunity", f"{field.relationship}.Name")


def _written(person: Person, deal: Row) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Returns label and text of the main fields, and of all others."""
    texts: dict[str, tuple[str, str]] = {}
    for field in person.fields("Opportunity"):
        raw = deal.get(f"{field.relationship}.Name") or deal[field.name]
        texts[field.name] = (formats.label(field), formats.value(field, raw))
    main = [texts.pop(name) for name in MAIN if name in texts]
    texts.pop("Name", None)
    return main, list(texts.values())


def _path(person: Person, deal: Row) -> list[Row]:
    """Returns the stages of the path, the deal's own among them even when it is retired."""
    now = deal.get("StageName")
    return [each for each in stages(person) if now and (each["IsActive"] or each["ApiName"] == now)]


def _form(person: Person, deal: Row) -> list[tuple[Field, object]]:
    """Returns the fields that the person may change here, with their values."""
    fields = (SOBJECTS["Opportunity"].field(name) for name in EDITABLE)
    return [(each, deal[each.name]) for each in fields if each and person.may_set("Opportunity", each.name)]


def _users(person: Person) -> list[Row]:
    return person.rows(
        "SELECT Id, Name FROM User WHERE IsActive = true AND UserType = 'Standard' ORDER BY Name, Id"
    )


def _roles(person: Person, deal_id: str) -> list[Row] | None:
    seen = person.seen("OpportunityContactRole", *_ROLE)
    if not seen:
        return None
    first = "IsPrimary DESC, Id" if "IsPrimary" in seen else "Id"
    return person.rows(
        f"SELECT {', '.join(['Id', *seen])} FROM OpportunityContactRole WHERE OpportunityId = '{deal_id}' ORDER BY {first}"
    )


def _mails(person: Person, deal_id: str) -> Row | None:
    """Returns the newest mails on the deal and how many there are."""
    seen = person.seen("EmailMessage", *_MAIL)
    if "MessageDate" not in seen or not person.sees("EmailMessage", "RelatedToId"):
        return None
    condition = f"EmailMessage WHERE RelatedToId = '{deal_id}'"
    rows = person.rows(
        f"SELECT {', '.join(['Id', *seen])} FROM {condition} ORDER BY MessageDate DESC, Id LIMIT {MAILS}"
    )
    status = SOBJECTS["EmailMessage"].field("Status")
    labels = {each.value: each.label for each in status.values} if status else {}
    for row in rows:
        row["Status"] = labels.get(str(row.get("Status")), row.get("Status"))
    return {"rows": rows, "total": person.count(condition)}


PAGES = (("GET", "/deals/{deal_id}", show),)
