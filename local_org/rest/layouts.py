"""Page layouts: which related lists a record's page shows (API sheet 2.1; REST API Developer Guide, sObject Layouts).

A layout is kept per object, record type and, where an administrator gave it one of its own, profile, as the list of its related
lists. `set_related_lists` changes one; which one a user gets follows from their profile. Not here: record types (describe.py).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from local_org.errors import not_found
from local_org.ids import to_18
from local_org.rest.describe import MASTER, record_types, visible_object
from local_org.rest.dispatch import Answer, Call, described, resource
from local_org.store import Store

FILES = "AttachedContentDocuments"
_LISTS: dict[str, dict[str, object]] = {
    "OpportunityContactRoles": {
        "label": "Contact Roles",
        "sobject": "OpportunityContactRole",
        "field": "OpportunityId",
    },
    "Emails": {"label": "Emails", "sobject": "EmailMessage", "field": "RelatedToId"},
    FILES: {"label": "Files", "sobject": "AttachedContentDocument", "field": "LinkedEntityId"},
    "CombinedAttachments": {
        "label": "Notes & Attachments",
        "sobject": "CombinedAttachment",
        "field": "ParentId",
    },
}
_COLUMNS = {
    "OpportunityContactRoles": (("Contact.Name", "Contact Name"), ("Role", "Role"), ("IsPrimary", "Primary")),
    "Emails": (("Subject", "Subject"), ("FromAddress", "From Address"), ("MessageDate", "Message Date")),
    FILES: (("ContentDocument.Title", "Title"), ("ContentDocument.ContentModifiedDate", "Last Modified")),
    "CombinedAttachments": (("Title", "Title"), ("LastModifiedDate", "Last Modified")),
}
_DEFAULT = ["OpportunityContactRoles", "Emails", FILES]
RELATED_LISTS = tuple(_LISTS)
"""The related lists that this org knows, by child relationship."""


def _setting(sobject: str, record_type_id: str, profile_id: str | None) -> str:
    return f"layout:{sobject}:{record_type_id}" + (f":{profile_id}" if profile_id else "")


def _assigned(
    store: Store, sobject: str, record_type_id: str, profile_id: str | None
) -> tuple[str, list[str]]:
    """Returns the setting that holds a profile's layout and its related lists: its own, else that of everybody."""
    for owner in (profile_id, None) if profile_id else (None,):
        name = _setting(sobject, record_type_id, owner)
        found = store.select("select value from _setting where name = ?", (name,))
        if found:
            return name, list(json.loads(str(found[0][0])))
    return _setting(sobject, record_type_id, None), list(_DEFAULT)


@dataclass(frozen=True)
class Assigned:
    """The layout that a profile has for a record type: its id, name, and related lists by child relationship."""

    layout_id: str
    name: str
    related_lists: list[str]


def assigned(store: Store, sobject: str, record_type_id: str, profile_id: str) -> Assigned:
    """Returns the layout that users of a profile see for a record type: the profile's own, else that of everybody."""
    setting, lists = _assigned(store, sobject, record_type_id, profile_id)
    return Assigned(_layout_id(setting), _layout_name(store, setting), lists)


def _layout_name(store: Store, setting: str) -> str:
    _, sobject, record_type_id, *profile = setting.split(":")
    record_type = store.get("RecordType", record_type_id)
    owner = store.get("Profile", profile[0]) if profile else None
    named = [f"{sobject} Layout", *(str(row["Name"]) for row in (record_type, owner) if row)]
    return " - ".join(named)


def related_lists(
    store: Store, sobject: str, record_type_id: str = MASTER, profile_id: str | None = None
) -> list[str]:
    """Returns the child relationships that a layout shows as related lists, for a profile (id) or for everybody."""
    return _assigned(store, sobject, record_type_id, profile_id)[1]


def set_related_lists(
    store: Store,
    sobject: str,
    names: Sequence[str],
    record_type_id: str = MASTER,
    profile_id: str | None = None,
) -> None:
    """Sets the related lists of a layout, e.g. without `AttachedContentDocuments` to take the Files list off the page.

    With a profile (id) the layout is that profile's own, which it then keeps. Raises ValueError for a list that this org does not know.
    """
    unknown = [each for each in names if each not in _LISTS]
    if unknown:
        raise ValueError(
            f"There is no related list {unknown[0]!r}. Related lists: {', '.join(RELATED_LISTS)}."
        )
    store.execute(
        "insert or replace into _setting values (?, ?)",
        (_setting(sobject, record_type_id, profile_id), json.dumps(list(names))),
    )


def _profile(call: Call) -> str | None:
    found = call.org.user(call.user_id)["ProfileId"]
    return str(found) if found else None


@resource("GET", "/sobjects/{sobject}/describe/layouts")
def layouts(call: Call, sobject: str) -> Answer:
    """Answers with the layout, or with the mapping alone when there are several record types: then each has to be asked for."""
    found = visible_object(call, sobject)
    if not found.layoutable:
        raise not_found()
    types = record_types(call, found.name)
    mappings = [_mapping(call, found.name, *each) for each in types] + [
        _mapping(call, found.name, MASTER, "Master", "Master", True)
    ]
    body = {
        "layouts": [_layout(call, found.name, MASTER)] if not types else None,
        "recordTypeMappings": mappings,
        "recordTypeSelectorRequired": [len(types) > 1],
    }
    return described(call, body)


@resource("GET", "/sobjects/{sobject}/describe/layouts/{record_type}")
def layout(call: Call, sobject: str, record_type: str) -> Answer:
    """Answers with the bare layout of one record type."""
    found = visible_object(call, sobject)
    record_type_id = to_18(record_type)
    known = [each[0] for each in record_types(call, found.name)] + [MASTER]
    if not found.layoutable or record_type_id not in known:
        raise not_found()
    return described(call, _layout(call, found.name, str(record_type_id)))


def _layout_id(setting: str) -> str:
    _, sobject, *ids = setting.split(":")
    letters = "".join(char for char in sobject + "".join(each[6:15] for each in ids) if char.isalnum())
    return str(to_18(("00h" + letters[-12:]).ljust(15, "0")))


def _mapping(
    call: Call, sobject: str, record_type_id: str, name: str, developer_name: str, active: bool
) -> dict[str, object]:
    url = f"{call.base}/sobjects/{sobject}/describe/layouts/{record_type_id}"
    setting, _ = _assigned(call.org.store, sobject, record_type_id, _profile(call))
    return {
        "active": active, "available": active, "defaultRecordTypeMapping": False, "developerName": developer_name,
        "layoutId": _layout_id(setting), "master": record_type_id == MASTER, "name": name,
        "picklistsForRecordType": None, "recordTypeId": record_type_id, "urls": {"layout": url},
    }  # fmt: skip


def _layout(call: Call, sobject: str, record_type_id: str) -> dict[str, object]:
    setting, names = _assigned(call.org.store, sobject, record_type_id, _profile(call))
    if not call.org.switches.layouts_name_the_files_list:
        names = [each for each in names if each != FILES]
    return {
        "buttonLayoutSection": None, "detailLayoutSections": [], "editLayoutSections": [], "feedView": None,
        "highlightsPanelLayoutSection": None, "id": _layout_id(setting), "multirowEditLayoutSections": [],
        "offlineLinks": [], "quickActionList": {"quickActionListItems": []}, "relatedContent": None,
        "relatedLists": [_related_list(each) for each in names], "saveOptions": [],
    }  # fmt: skip


def _related_list(name: str) -> dict[str, object]:
    entity = str(_LISTS[name]["sobject"])
    columns = [
        {
            "field": path, "fieldApiName": path, "format": None, "label": label, "lookupId": None, "name": f"{entity}.{path}",
            "sortable": True,
        }
        for path, label in _COLUMNS[name]
    ]  # fmt: skip
    return {
        "accessLevelRequiredForCreate": None, "buttons": [], "columns": columns, "custom": False, "limitRows": 5, "name": name,
        "sort": [{"ascending": True, "column": columns[0]["name"]}], **_LISTS[name],
    }  # fmt: skip
