"""Describes: the list of objects, one object with its fields as this user sees them (REST API Developer Guide, Describe)."""

from __future__ import annotations

from local_org.errors import not_found
from local_org.objects import SOBJECTS, Field, SObject, child_fields, find
from local_org.rest.dispatch import Answer, Call, described, resource
from local_org.soql.conditions import IDS

MASTER = "012000000000000AAA"
_SOAP = {
    "id": "tns:ID", "reference": "tns:ID", "boolean": "xsd:boolean", "int": "xsd:int", "double": "xsd:double", "currency": "xsd:double",
    "percent": "xsd:double", "date": "xsd:date", "datetime": "xsd:dateTime", "base64": "xsd:base64Binary", "address": "urn:address",
}  # fmt: skip
_NUMBERS = frozenset({"double", "currency", "percent"})


def visible_object(call: Call, name: str) -> SObject:
    """Returns the object of that name; raises ApiError 404 for one that does not exist or that the user may not read."""
    sobject = find(name)
    if sobject is None or not call.access.may_read(sobject):
        raise not_found()
    return sobject


@resource("GET", "/sobjects")
def list_objects(call: Call) -> Answer:
    """Lists the objects that the user may read."""
    found = [_summary(call, each) for each in SOBJECTS.values() if call.access.may_read(each)]
    return described(call, {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": found})


@resource("GET", "/sobjects/{sobject}")
def basic(call: Call, sobject: str) -> Answer:
    """Tells an object's own attributes and the items that were viewed of late (none: nobody browses here)."""
    return described(
        call, {"objectDescribe": _summary(call, visible_object(call, sobject)), "recentItems": []}
    )


@resource("GET", "/sobjects/{sobject}/describe")
def describe(call: Call, sobject: str) -> Answer:
    """Tells everything about an object: attributes, fields, children, record types."""
    found = visible_object(call, sobject)
    rest = {
        "actionOverrides": [],
        "childRelationships": _children(call, found),
        "compactLayoutable": found.layoutable,
        "defaultImplementation": None,
        "extendedBy": None,
        "extendsInterfaces": None,
        "fields": [_field(call, found, each) for each in call.access.readable(found).values()],
        "implementedBy": None,
        "implementsInterfaces": None,
        "listviewable": None,
        "lookupLayoutable": None,
        "namedLayoutInfos": [],
        "networkScopeFieldName": None,
        "recordTypeInfos": _record_types(call, found),
        "searchLayoutable": found.searchable,
        "sobjectDescribeOption": "FULL",
        "supportedScopes": [
            {"label": f"All {found.label_plural}", "name": "everything"},
            {"label": f"My {found.label_plural}", "name": "mine"},
        ],
    }
    return described(call, _summary(call, found) | rest)


def _summary(call: Call, sobject: SObject) -> dict[str, object]:
    access, path = call.access, f"{call.base}/sobjects/{sobject.name}"
    urls = {"rowTemplate": f"{path}/{{ID}}", "describe": f"{path}/describe", "sobject": path}
    if sobject.layoutable:
        urls |= {"layouts": f"{path}/describe/layouts"}
    return {
        "activateable": False, "associateEntityType": None, "associateParentEntity": None,
        "createable": sobject.createable and access.may("Create", sobject), "custom": sobject.custom, "customSetting": False,
        "deepCloneable": False, "deletable": sobject.deletable and access.may("Delete", sobject), "deprecatedAndHidden": False,
        "feedEnabled": False, "hasSubtypes": False, "isInterface": False, "isSubtype": False, "keyPrefix": sobject.key_prefix or None,
        "label": sobject.label, "labelPlural": sobject.label_plural, "layoutable": sobject.layoutable,
        "mergeable": sobject.mergeable and access.may("Edit", sobject), "mruEnabled": sobject.searchable, "name": sobject.name,
        "queryable": sobject.queryable, "replicateable": sobject.replicateable, "retrieveable": sobject.retrieveable,
        "searchable": sobject.searchable, "triggerable": sobject.triggerable,
        "undeletable": sobject.undeletable and access.may("Delete", sobject),
        "updateable": sobject.updateable and access.may("Edit", sobject), "urls": urls,
    }  # fmt: skip


def _field(call: Call, sobject: SObject, field: Field) -> dict[str, object]:
    access, text = call.access, field.length > 0
    writable = access.may_write(sobject, field)
    return {
        "aggregatable": field.filterable, "aiPredictionField": False, "autoNumber": field.name == "CaseNumber",
        "byteLength": field.length * (1 if field.type in IDS else 3), "calculated": field.calculated, "calculatedFormula": None,
        "cascadeDelete": False, "caseSensitive": False, "compoundFieldName": field.compound, "controllerName": None,
        "createable": field.createable and writable and access.may("Create", sobject), "custom": field.custom,
        "defaultValue": False if field.type == "boolean" and field.createable else None, "defaultValueFormula": None,
        "defaultedOnCreate": field.defaulted_on_create, "dependentPicklist": False, "deprecatedAndHidden": False, "digits": field.digits,
        "displayLocationInDecimal": False, "encrypted": False, "externalId": field.external_id, "extraTypeInfo": field.extra_type,
        "filterable": field.filterable, "filteredLookupInfo": None, "formulaTreatNullNumberAsZero": False, "groupable": field.groupable,
        "highScaleNumber": False, "htmlFormatted": False, "idLookup": field.name == "Id" or field.external_id,
        "inlineHelpText": None,
        "label": field.label, "length": field.length if text else 0, "mask": None, "maskType": None, "name": field.name,
        "nameField": field.name_field, "namePointing": field.polymorphic, "nillable": field.nillable,
        "permissionable": field.permissionable,
        "picklistValues": _values(call, sobject, field), "polymorphicForeignKey": field.polymorphic,
        "precision": field.precision if field.type in _NUMBERS else 0, "queryByDistance": False, "referenceTargetField": None,
        "referenceTo": list(field.reference_to), "relationshipName": field.relationship, "relationshipOrder": None,
        "restrictedDelete": False,
        "restrictedPicklist": field.restricted, "scale": field.scale, "searchPrefilterable": field.type == "reference",
        "soapType": _SOAP.get(field.type, "xsd:string"), "sortable": field.sortable, "type": field.type, "unique": field.unique,
        "updateable": field.updateable and writable and access.may("Edit", sobject), "writeRequiresMasterRead": False,
    }  # fmt: skip


def _values(call: Call, sobject: SObject, field: Field) -> list[dict[str, object]]:
    known = [(each.value, each.label, each.is_default, each.is_active) for each in field.values]
    if (sobject.name, field.name) == ("Opportunity", "StageName"):
        rows = call.org.store.select(
            "select ApiName, MasterLabel, IsActive from OpportunityStage order by SortOrder"
        )
        known = [(str(value), str(name), False, bool(active)) for value, name, active in rows]
    return [
        {"active": active, "defaultValue": default, "label": name, "validFor": None, "value": value}
        for value, name, default, active in known
    ]


def _children(call: Call, sobject: SObject) -> list[dict[str, object]]:
    return [
        {
            "cascadeDelete": field.cascade_delete, "childSObject": child.name, "deprecatedAndHidden": False, "field": field.name,
            "junctionIdListNames": [], "junctionReferenceTo": [], "relationshipName": field.child_relationship, "restrictedDelete": False,
        }
        for child, field in child_fields(sobject.name)
        if call.access.may_read(child) and field.name.lower() in call.access.readable(child)
    ]  # fmt: skip


def record_types(call: Call, sobject: str) -> list[tuple[str, str, str, bool]]:
    """Returns the record types of an object: id, name, developer name, active."""
    rows = call.org.store.select(
        "select Id, Name, DeveloperName, IsActive from RecordType where SobjectType = ? order by Name",
        (sobject,),
    )
    return [(str(each[0]), str(each[1]), str(each[2]), bool(each[3])) for each in rows]


def _record_types(call: Call, sobject: SObject) -> list[dict[str, object]]:
    own = record_types(call, sobject.name)
    found = [*((each, False) for each in own), ((MASTER, "Master", "Master", True), True)]
    return [
        {
            "active": active, "available": active, "defaultRecordTypeMapping": position == 0, "developerName": developer_name,
            "master": master, "name": name, "recordTypeId": type_id,
            "urls": {"layout": f"{call.base}/sobjects/{sobject.name}/describe/layouts/{type_id}"} if sobject.layoutable else {},
        }
        for position, ((type_id, name, developer_name, active), master) in enumerate(found)
    ]  # fmt: skip
