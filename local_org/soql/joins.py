"""Semi-joins and the filters that an object insists on (SOQL and SOSL Reference, "Semi-Joins with IN and Anti-Joins with NOT IN")."""

from __future__ import annotations

from collections.abc import Iterator

from local_org.errors import ApiError
from local_org.objects import SObject
from local_org.security import Access
from local_org.soql import faults, tree
from local_org.soql.conditions import IDS
from local_org.soql.scope import Resolved

MAX_JOINS = 2
_NOT_INSIDE = frozenset(
    {"activityhistory", "attachment", "event", "eventattendee", "note", "openactivity", "tag", "task"}
)
_IN_OR = "Semi join sub-selects are not allowed with the 'OR' operator"
_IN_NESTED_OR = "Semi join sub-selects are only allowed at the top level WHERE expressions and not in nested WHERE expressions"
_LINK_IDS = frozenset({"id", "contentdocumentid", "linkedentityid"})
_ONE_FILTER = (
    "Implementation restriction: ContentDocumentLink requires a filter by a single Id on ContentDocumentId or LinkedEntityId using "
    "the equals operator or multiple Id's using the IN operator."
)
_OTHER_FILTERS = (
    "Implementation restriction: filtering on non-id fields is only permitted when filtering by "
    "ContentDocumentLink.LinkedEntityId using the equals operator."
)


def joins_of(
    condition: tree.Condition | None, depth: int = 0, in_or: str | None = None
) -> Iterator[tuple[tree.Join, str | None]]:
    """Yields each semi-join of a condition and what an OR above it breaks, or None."""
    match condition:
        case tree.Join():
            yield condition, in_or
        case tree.Logic(operator, terms):
            if operator == "OR":
                in_or = _IN_OR if depth == 0 else _IN_NESTED_OR
            for term in terms:
                yield from joins_of(term, depth + 1, in_or)
        case tree.Negation(term):
            yield from joins_of(term, depth + 1, in_or)


def check_joins(
    text: str, where: tree.Condition | None, source: SObject, *, related_to_accepted: bool
) -> None:
    """Refuses what semi-joins must not do; raises ApiError MALFORMED_QUERY.

    `related_to_accepted`: whether EmailMessage.RelatedToId may stand on the left, which nobody could confirm.
    """
    found = list(joins_of(where))
    if len(found) > MAX_JOINS:
        raise faults.malformed(
            text, found[MAX_JOINS][0].source.at, f"Maximum {MAX_JOINS} semi join sub-selects are allowed"
        )
    for join, in_or in found:
        problem = in_or or _problem(join, source)
        if problem is None and not related_to_accepted and _is_related_to(join, source):
            problem = f"Entity '{source.name}' does not support semi join on 'RelatedToId'"
        if problem:
            raise faults.malformed(text, join.source.at, problem)


def _is_related_to(join: tree.Join, source: SObject) -> bool:
    return source.name == "EmailMessage" and _field_name(join) == "relatedtoid"


def _problem(join: tree.Join, source: SObject) -> str | None:
    if any(True for _ in joins_of(join.where)):
        return "Nesting of semi join sub-selects is not supported"
    if isinstance(join.operand, tree.Call) or "." in join.operand.text.removeprefix(f"{source.name}."):
        return "The left operand field in the where expression for outer query cannot have more than one level of relationships"
    if "." in join.selected.text:
        return (
            f"The inner select field '{join.selected.text}' cannot have more than one level of relationships"
        )
    if join.source.text.lower() in _NOT_INSIDE:
        return f"Entity '{join.source.text}' is not supported for semi join inner selects"
    if join.source.text.lower() == source.name.lower():
        return "The inner and outer selects should not be on the same object type"
    return None


def check_types(
    text: str, join: tree.Join, outer: Resolved, outer_object: SObject, inner: Resolved, inner_object: SObject
) -> None:
    """Refuses a semi-join whose two sides are not ids of the same object; raises ApiError MALFORMED_QUERY."""
    for side, at in ((outer, join.operand.at), (inner, join.selected.at)):
        if side.field.type not in IDS:
            raise faults.malformed(
                text, at, f"Semi join sub-selects can only query id fields, cannot use: '{side.field.name}'"
            )
    if _targets(outer, outer_object).isdisjoint(_targets(inner, inner_object)):
        raise faults.malformed(
            text, join.selected.at,
            f"The selected field '{inner.field.name}' in the subquery and the left operand field in the where expression in the outer "
            f"query '{outer.field.name}' should point to the same object type",
        )  # fmt: skip


def _targets(side: Resolved, sobject: SObject) -> set[str]:
    return {sobject.name} if side.field.type == "id" else set(side.field.reference_to)


def _conjuncts(where: tree.Condition | None) -> Iterator[tree.Condition]:
    if isinstance(where, tree.Logic) and where.operator == "AND":
        for term in where.terms:
            yield from _conjuncts(term)
    elif where is not None:
        yield where


def _leaves(where: tree.Condition | None) -> Iterator[tree.Compare | tree.Member | tree.Join]:
    match where:
        case tree.Logic(_, terms):
            for term in terms:
                yield from _leaves(term)
        case tree.Negation(term):
            yield from _leaves(term)
        case tree.Compare() | tree.Member() | tree.Join():
            yield where


def _field_name(condition: tree.Compare | tree.Member | tree.Join) -> str:
    return "" if isinstance(condition.operand, tree.Call) else condition.operand.parts[-1].lower()


def ids_named(where: tree.Condition | None) -> set[str]:
    """Returns the fields (lower case) that must equal, or be in a list of, given values for the whole condition to hold."""
    return {
        _field_name(each)
        for each in _conjuncts(where)
        if (isinstance(each, tree.Compare) and each.operator == "=")
        or (isinstance(each, tree.Member | tree.Join) and not each.negated)
    }


def check_links(where: tree.Condition | None, access: Access) -> None:
    """Refuses a query of ContentDocumentLink without the filter that it needs (Object Reference, ContentDocumentLink)."""
    if access.has("QueryAllFiles") and access.has("ViewAllData"):
        return
    if ids_named(where).isdisjoint(_LINK_IDS):
        raise ApiError(400, "MALFORMED_QUERY", _ONE_FILTER)
    equals = {
        _field_name(each)
        for each in _conjuncts(where)
        if isinstance(each, tree.Compare) and each.operator == "="
    }
    if any(_field_name(each) not in _LINK_IDS for each in _leaves(where)) and "linkedentityid" not in equals:
        raise ApiError(400, "MALFORMED_QUERY", _OTHER_FILTERS)
