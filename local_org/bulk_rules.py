"""What Bulk API 2.0 accepts of a query and what it refuses, decided on the parsed statement.

Belongs here: the refusals at create (Bulk API 2.0 Developer Guide, "Bulk API 2.0 Query"). Does not: jobs (bulk_jobs.py), HTTP (bulk.py).
"""

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
# Of the objects that this org has; the guide's list is longer.
CHUNKABLE_OBJECTS = frozenset(
    {
        "Account",
        "Case",
        "Contact",
        "ContentDocument",
        "ContentVersion",
        "EmailMessage",
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
    query = parse(soql)
    name = query.source.text.lower()
    if name in REFUSED_OBJECTS or name.endswith("eventrelation"):
        raise ApiError(
            400, "INVALIDENTITY", f"Entity '{query.source.text}' is not supported by the Bulk API."
        )
    sobject = objects.find(name)
    if sobject is not None:
        _refuse_features(query, sobject)
    try:
        org.query(soql, user_id=user_id, include_deleted=include_deleted)
    except ApiError as refusal:
        # Missing id filters are only found when the job runs: it is accepted and ends Failed.
        if not refusal.message.startswith("Implementation restriction"):
            raise
    name = sobject.name if sobject is not None else query.source.text
    is_chunkable = name in CHUNKABLE_OBJECTS or name.endswith("__c")
    return Accepted(name, bool(query.order), is_chunkable and not query.order and query.limit is None)


def _refuse_features(query: tree.Query, sobject: SObject) -> None:
    if query.groups or any(_is_aggregate(item) for item in query.items):
        raise _unsupported("Aggregate functions and GROUP BY not supported in Bulk Query")
    if query.offset is not None:
        raise _unsupported("OFFSET not supported in Bulk Query")
    for item in query.items:
        if isinstance(item.what, tree.Query):
            raise _unsupported("Aggregate Relationships not supported in Bulk Query")
        if isinstance(item.what, tree.TypeOf):
            raise _unsupported("TYPEOF not supported in Bulk Query")
        if isinstance(item.what, tree.Call):
            if item.what.name == "FIELDS":
                raise _unsupported("FIELDS() not supported in Bulk Query")
            continue
        field = _field(sobject, item.what.parts)
        if field is not None:
            _refuse_type(field)


def _refuse_type(field: Field) -> None:
    if field.type in {"address", "location"}:
        raise _unsupported("Selecting compound data not supported in Bulk Query")
    if field.type in {"base64", "json", "junctionidlist"}:
        raise _unsupported(f"Cannot serialize value for '{field.name}' in CSV format")


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


def _unsupported(message: str) -> ApiError:
    return ApiError(400, "FEATURENOTENABLED", message)
