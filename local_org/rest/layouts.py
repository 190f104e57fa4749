"""Page layouts: which related lists a record's page shows (REST API Developer Guide, sObject Layouts).

A layout is kept per object and record type as the list of its related lists; an administrator changes it with `set_related_lists`.
"""

from __future__ import annotations

import json

from local_org.errors import not_found
from local_org.ids import to_18
from local_org.rest.describe import MASTER, record_types, visible_object
from local_org.rest.dispatch import Answer, Call, resource
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
_DEFAULT = ["OpportunityContactRoles", "Emails", FILES]


def related_lists(store: Store, sobject: str, record_type_id: str) -> list[str]:
    """Returns the child relationships that the layout shows as related lists."""
    found = store.select("select value from _setting where name = ?", (f"layout:{sobject}:{record_type_id}",))
    return list(json.loads(str(found[0][0]))) if found else list(_DEFAULT)


def set_related_lists(store: Store, sobject: str, names: list[str], record_type_id: str = MASTER) -> None:
    """Sets the related lists of a layout, e.g. without `AttachedContentDocuments` to take the Files list off the page."""
    store.execute(
        "insert or replace into _setting values (?, ?)",
        (f"layout:{sobject}:{record_type_id}", json.dumps(names)),
    )


@resource("GET", "/sobjects/{sobject}/describe/layouts")
def layouts(call: Call, sobject: str) -> Answer:
    """Answers with the layout, or with the mapping alone when there are several record types: then each has to be asked for."""
    found = visible_object(call, sobject)
    if not found.layoutable:
        raise not_found()
    types = record_types(call, found.name)
    mappings = [_mapping(call, found.name, *each[:3]) for each in types] + [
        _mapping(call, found.name, MASTER, "Master", "Master")
    ]
    body = {
        "layouts": [_layout(call, found.name, MASTER)] if not types else None,
        "recordTypeMappings": mappings,
        "recordTypeSelectorRequired": [len(types) > 1],
    }
    return Answer(body)


@resource("GET", "/sobjects/{sobject}/describe/layouts/{record_type}")
def layout(call: Call, sobject: str, record_type: str) -> Answer:
    """Answers with the bare layout of one record type."""
    found = visible_object(call, sobject)
    record_type_id = to_18(record_type)
    known = [each[0] for each in record_types(call, found.name)] + [MASTER]
    if not found.layoutable or record_type_id not in known:
        raise not_found()
    return Answer(_layout(call, found.name, str(record_type_id)))


def _layout_id(sobject: str, record_type_id: str) -> str:
    letters = "".join(char for char in sobject + record_type_id[6:15] if char.isalnum())
    return str(to_18(("00h" + letters[-12:]).ljust(15, "0")))


def _mapping(
    call: Call, sobject: str, record_type_id: str, name: str, developer_name: str
) -> dict[str, object]:
    url = f"{call.base}/sobjects/{sobject}/describe/layouts/{record_type_id}"
    return {
        "active": True, "available": True, "defaultRecordTypeMapping": False, "developerName": developer_name,
        "layoutId": _layout_id(sobject, record_type_id), "master": record_type_id == MASTER, "name": name,
        "picklistsForRecordType": None, "recordTypeId": record_type_id, "urls": {"layout": url},
    }  # fmt: skip


def _layout(call: Call, sobject: str, record_type_id: str) -> dict[str, object]:
    names = [each for each in related_lists(call.org.store, sobject, record_type_id) if each in _LISTS]
    return {
        "buttonLayoutSection": None, "detailLayoutSections": [], "editLayoutSections": [], "feedView": None,
        "highlightsPanelLayoutSection": None, "id": _layout_id(sobject, record_type_id), "multirowEditLayoutSections": [],
        "offlineLinks": [], "quickActionList": {"quickActionListItems": []}, "relatedContent": None,
        "relatedLists": [_related_list(each) for each in names], "saveOptions": [],
    }  # fmt: skip


def _related_list(name: str) -> dict[str, object]:
    return {
        "accessLevelRequiredForCreate": None, "buttons": [], "columns": [], "custom": False, "limitRows": 5, "name": name, "sort": [],
        **_LISTS[name],
    }  # fmt: skip
