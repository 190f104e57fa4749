"""The Tooling API's query resource, as far as page layouts go: which layout a profile has for a record type, and what is on it.

Facts: Tooling API Developer Guide, ProfileLayout (since Summer '20 it takes View Setup and Configuration) and Layout. The related
list of files is called RelatedFileList there; names of the other lists are recalled. Queries here know AND, = and IN alone, which is
all that these two objects need. Not here: what a layout is (layouts.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from local_org import access_log
from local_org.errors import ApiError
from local_org.rest.describe import MASTER, record_types
from local_org.rest.dispatch import Answer, Call, resource
from local_org.rest.layouts import FILES, Assigned, assigned
from local_org.soql import tree
from local_org.soql.parser import parse

Row = dict[str, object]
_LISTED_AS = {
    FILES: "RelatedFileList",
    "OpportunityContactRoles": "RelatedContactRoleList",
    "Emails": "RelatedEmailMessageList",
    "CombinedAttachments": "RelatedNoteList",
}
_SOBJECT = "Opportunity"
_WHOLE = frozenset({"metadata", "fullname"})


@resource("GET", "/tooling/query")
def query(call: Call) -> Answer:
    """Answers with all rows at once: there are a few per profile and record type."""
    text = call.query.get("q", "")
    access_log.note(soql=text)
    asked = parse(text)
    source = _ROWS.get(asked.source.text.lower())
    if source is None or not call.access.has("ViewSetup"):
        raise ApiError(400, "INVALID_TYPE", f"sObject type '{asked.source.text}' is not supported.")
    names = [_name(item) for item in asked.items]
    found = [row for row in source(call) if _holds(asked.where, row)]
    if _WHOLE.intersection(map(str.lower, names)):
        _refuse_metadata(call, len(found))
    access_log.note(rows=len(found))
    records = [_shown(call, asked.source.text, names, row) for row in found]
    return Answer({"totalSize": len(found), "done": True, "records": records})


def _refuse_metadata(call: Call, rows: int) -> None:
    switches = call.org.switches
    if switches.layout_metadata_needs_customize_application and not call.access.has("CustomizeApplication"):
        raise ApiError(403, "INSUFFICIENT_ACCESS", "insufficient access rights on object id")
    if rows > 1:
        rule = "When retrieving results with Metadata or FullName fields, the query qualifications must specify no more than one row"
        raise ApiError(400, "MALFORMED_QUERY", f"{rule} for retrieval. Result size: {rows}")


def _profile_layouts(call: Call) -> Iterator[Row]:
    for profile_id, record_type_id, layout in _assignments(call):
        yield {
            "TableEnumOrId": _SOBJECT, "ProfileId": profile_id, "LayoutId": layout.layout_id, "Layout.Name": layout.name,
            "RecordTypeId": None if record_type_id == MASTER else record_type_id,
        }  # fmt: skip


def _layouts(call: Call) -> Iterator[Row]:
    seen = {layout.layout_id: layout for _, _, layout in _assignments(call)}
    for layout in seen.values():
        lists = [{"relatedList": _LISTED_AS[name]} for name in layout.related_lists]
        yield {
            "Id": layout.layout_id, "Name": layout.name, "TableEnumOrId": _SOBJECT, "Metadata": {"relatedLists": lists},
            "FullName": f"{_SOBJECT}-{layout.name}",
        }  # fmt: skip


def _assignments(call: Call) -> Iterator[tuple[str, str, Assigned]]:
    """Yields each profile of people with each record type and the layout that it has for it."""
    store = call.org.store
    types = [each[0] for each in record_types(call, _SOBJECT)] + [MASTER]
    for (profile_id,) in store.select("select Id from Profile order by Id"):
        for record_type_id in types:
            yield (
                str(profile_id),
                record_type_id,
                assigned(store, _SOBJECT, record_type_id, str(profile_id)),
            )


_ROWS = {"profilelayout": _profile_layouts, "layout": _layouts}


def _name(item: tree.Item) -> str:
    if not isinstance(item.what, tree.Path):
        raise ApiError(400, "MALFORMED_QUERY", "this object takes plain fields only")
    return item.what.text


def _holds(where: tree.Condition | None, row: Mapping[str, object]) -> bool:
    match where:
        case None:
            return True
        case tree.Logic("AND", terms):
            return all(_holds(term, row) for term in terms)
        case tree.Compare(tree.Path(name), "=", value):
            return _value(row, name) == _meant(value)
        case tree.Member(tree.Path(name), values, negated):
            return (_value(row, name) in [_meant(each) for each in values]) is not negated
    raise ApiError(400, "MALFORMED_QUERY", "this object takes AND, = and IN only")


def _meant(literal: tree.Literal) -> str | None:
    return None if literal.kind == "word" and literal.text.lower() == "null" else literal.text


def _value(row: Mapping[str, object], name: str) -> object:
    found = {key.lower(): value for key, value in row.items()}
    if name.lower() not in found:
        raise ApiError(400, "INVALID_FIELD", f"No such column '{name}' on entity of this query.")
    return found[name.lower()]


def _shown(call: Call, sobject: str, names: Sequence[str], row: Mapping[str, object]) -> Row:
    url = f"{call.base}/tooling/sobjects/{sobject}"
    record: Row = {"attributes": {"type": sobject, "url": url}}
    for name in names:
        parent, dot, field = name.partition(".")
        value = _value(row, name)
        if dot:
            record[parent] = {"attributes": {"type": parent}, field: value}
        else:
            record[name] = value
    return record
