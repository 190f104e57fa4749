"""ORDER BY, LIMIT and OFFSET as SQL (SOQL and SOSL Reference, "ORDER BY")."""

from __future__ import annotations

from collections.abc import Callable

from local_org.soql import faults, tree
from local_org.soql.scope import Scope


def order_by(query: tree.Query, key: Callable[[tree.Operand], tuple[str, bool]]) -> str:
    """Returns the clause; `key` gives the SQL of a sort key and whether it can be null."""
    terms = []
    for each in query.order:
        sql, nullable = key(each.operand)
        # Null comes first in both directions unless the query says otherwise.
        nulls = "" if not nullable else f" nulls {'first' if each.nulls_first else 'last'}"
        terms.append(f"{sql}{' desc' if each.descending else ''}{nulls}")
    return f" order by {', '.join(terms)}" if terms else ""


def sort_key(text: str, scope: Scope, operand: tree.Operand) -> tuple[str, bool]:
    """Returns the SQL of a field to sort by and whether it can be null; raises ApiError for one that cannot be sorted."""
    found = scope.resolve(operand)
    if not found.field.sortable:
        message = f"field '{found.field.name}' can not be sorted in a query call"
        raise faults.bad_field(text, operand.at, message)
    return found.sql, found.field.nillable or bool(found.relationships)


def bounds(query: tree.Query) -> str:
    """Returns LIMIT and OFFSET."""
    if query.limit is None and not query.offset:
        return ""
    return f" limit {-1 if query.limit is None else query.limit} offset {query.offset or 0}"
