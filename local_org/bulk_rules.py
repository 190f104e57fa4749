"""What Bulk API 2.0 accepts of a query and what it refuses, decided on the parsed statement.

Belongs here: the refusals at create (Bulk API 2.0 Developer Guide, "Bulk API 2.0 Query"). Does not: jobs (bulk_jobs.py), HTTP (bulk.py).
"""

import re
from dataclasses import dataclass

from local_org import objects
from local_org.errors import ApiError
from local_org.objects import Field, SObject
from local_org.org import Org
from local_org.soql import tree
from local_org.soql.parser import parse

AGGREGATES = frozenset({"AVG", "COUNT", "COUNT_DISTINCT", "GROUPING", "MAX", "MIN", "SUM"})
# Objects that public connectors found refused; every *EventRelation, EventWhoRelation and TaskWhoRelation besides.
REFUSED_OBJECTS = frozenset(
    {
        "attachedcontentnote", "casestatus", "contractstatus", "eventwhorelation", "orderstatus", "partnerrole",
        "quotetemplaterichtextdata", "recentlyviewed", "solutionstatus", "taskpriority", "taskstatus", "taskwhorelation",
    }
)  # fmt: skip
_FROM = re.compile(r"\bfrom\s+(\w+)", re.IGNORECASE)
# Custom objects, Share and History tables besides.
CHUNKABLE_OBJECTS = frozenset(
    {
        "Account",
        "Case",
        "Contact",
        "ContentDocument",
        "ContentVersion",
        "EmailMessage",
        "Event",
        "Opportunity",
        "OpportunityContactRole",
        "Task",
        "User",
    }
)


@dataclass(frozen=True)
class Accepted:
    """What a job needs to know of its query: the object, whether it asks for an order, whether its keys can be chunked."""

    sobject: str
    is_ordered: bool
    is_chunkable: bool


def accept(org: Org, soql: str, *, user_id: str, include_deleted: bool) -> Accepted:
    """Gives the facts of a query that Bulk accepts. Raises ApiError, as for a REST query or for what Bulk alone refuses."""
    try:
        query = parse(soql)
    except ApiError:
        if org.switches.bulk_bad_soql_fails_at_create:
            raise
        named = _FROM.search(soql)
        return Accepted(named.group(1) if named else "", is_ordered=False, is_chunkable=False)
    source = query.source.text
    if source.lower() in REFUSED_OBJECTS or source.lower().endswith("eventrelation"):
        raise ApiError(400, "INVALIDENTITY", f"Entity '{source}' is not supported by the Bulk API.")
    sobject = objects.find(source)
    problem = None if sobject is None else _problem(query, sobject)
    if problem is not None:
        raise ApiError(400, org.switches.bulk_feature_code, problem)
    try:
        org.query(soql, user_id=user_id, include_deleted=include_deleted)
    except ApiError as refusal:
        _at_create(org, refusal)
    name = source if sobject is None else sobject.name
    is_chunkable = name in CHUNKABLE_OBJECTS or name.endswith(("__c", "History", "Share"))
    return Accepted(name, bool(query.order), is_chunkable and not query.order and query.limit is None)


def _at_create(org: Org, refusal: ApiError) -> None:
    """Raises what is refused at once; what is not is accepted here, and found again when the job runs, which then ends Failed."""
    switches = org.switches
    if refusal.message.startswith("Implementation restriction"):
        if switches.bulk_missing_id_filter_fails_at_create:
            raise ApiError(400, "API_ERROR", refusal.message)
    elif switches.bulk_bad_soql_fails_at_create:
        raise refusal


def _problem(query: tree.Query, sobject: SObject) -> str | None:
    """Returns what a statement asks for that Bulk cannot do, in words that begin as Salesforce's do, or None."""
    if query.groups or any(_is_aggregate(item) for item in query.items):
        return "Aggregate functions and GROUP BY not supported in Bulk Query"
    if query.offset is not None:
        return "OFFSET not supported in Bulk Query"
    problems = (_problem_of(item, sobject) for item in query.items)
    return next((each for each in problems if each is not None), None)


def _problem_of(item: tree.Item, sobject: SObject) -> str | None:
    if isinstance(item.what, tree.Query):
        return "Aggregate Relationships not supported in Bulk Query"
    if isinstance(item.what, tree.TypeOf):
        return "TYPEOF not supported in Bulk Query"
    if isinstance(item.what, tree.Call):
        return "FIELDS() not supported in Bulk Query" if item.what.name == "FIELDS" else None
    field = _field(sobject, item.what.parts)
    if field is not None and field.type in {"address", "location"}:
        return "Selecting compound data not supported in Bulk Query"
    if field is not None and field.type in {"base64", "json", "junctionidlist"}:
        return f"Cannot serialize value for '{field.name}' in CSV format"
    return None


def _is_aggregate(item: tree.Item) -> bool:
    return isinstance(item.what, tree.Call) and item.what.name in AGGREGATES


def _field(sobject: SObject, parts: list[str]) -> Field | None:
    """Follows a dotted path to its field; None where the path leads nowhere (the query itself then says so)."""
    if parts[0].lower() == sobject.name.lower() and len(parts) > 1:
        parts = parts[1:]
    for relationship in parts[:-1]:
        reference = sobject.relationship(relationship)
        target = (
            objects.find(reference.reference_to[0])
            if reference is not None and not reference.polymorphic
            else None
        )
        if target is None:
            return None
        sobject = target
    return sobject.field(parts[-1])
