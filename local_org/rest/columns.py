"""`columns=true` on a query: which columns its rows have, instead of the rows; the CLI asks so before it prints a table.

Belongs here: the shape of that answer, as public recordings of it show. Does not: running the query (query.py).
"""

from __future__ import annotations

from local_org.objects import Field
from local_org.soql import QueryResult
from local_org.soql.parser import parse
from local_org.soql.plan import Column, Node, Plan
from local_org.soql.scope import Resolved
from local_org.soql.tree import Call, Operand, Path, Query, TypeOf

Shown = dict[str, object]
_NUMBERS = frozenset({"int", "double", "currency", "percent"})
_TYPES = {
    "id": "Id",
    "reference": "Id",
    "boolean": "Boolean",
    "int": "Integer",
    "double": "Double",
    "currency": "Decimal",
    "percent": "Decimal",
    "date": "Date",
    "datetime": "Datetime",
    "time": "Time",
    "address": "Address",
    "base64": "Blob",
}


def metadata(result: QueryResult, text: str) -> Shown:
    """Gives what the rows of a query would be: `columnMetadata`, the object and whether its id is among them."""
    plan = result.plan
    if plan.node is not None:
        columns = _of_rows(plan, plan.node)
    else:
        # A plan knows a function's column by its alias; how the statement spells it is shown beside that.
        items = parse(text).items if result.kind == "aggregate" else ()
        columns = [_of_group(column, item.what) for column, item in zip(plan.columns, items, strict=False)]
    return {
        "columnMetadata": columns,
        "entityName": result.sobject,
        "groupBy": bool(plan.group.text),
        "idSelected": any(each.name == "Id" for each in plan.columns),
        "keyPrefix": plan.sobject.key_prefix,
    }


def _of_rows(plan: Plan, node: Node) -> list[Shown]:
    """Columns in the order of SELECT; those of a parent are joined below its relationship, those of children below theirs."""
    shown: list[Shown] = []
    for column in plan.columns:
        _add(shown, node, column.value)
    for children in plan.children:
        assert children.plan.node is not None
        joined = _of_rows(children.plan, children.plan.node)
        shown.append(_column(children.name) | {"aggregate": True, "joinColumns": joined})
    return shown


def _add(shown: list[Shown], node: Node, value: Resolved) -> None:
    """Puts a field where its path leads."""
    for relationship in value.relationships:
        found = next((each for each in shown if each["columnName"] == relationship), None)
        if found is None:
            key = next(each.name for each in node.sobject.fields if each.relationship == relationship)
            found = _column(relationship) | {"foreignKeyName": key}
            shown.append(found)
        below = found["joinColumns"]
        assert isinstance(below, list)
        shown, node = below, dict(node.parents)[relationship]
    shown.append(_of_field(value.field.name, value.field))


def _of_group(column: Column, what: Operand | Query | TypeOf) -> Shown:
    """A column of a grouped query: a field under its own name, or a function under its alias with its text for people."""
    field = column.value.field
    if not isinstance(what, Call):
        return _of_field(column.name, field)
    return _column(column.name) | {
        "aggregate": True,
        "displayName": _spelled(what),
        "numberType": field.type in _NUMBERS,
    }


def _spelled(what: Call | Path | None) -> str:
    if isinstance(what, Call):
        return f"{what.name.lower()}({_spelled(what.argument)})"
    return what.text if what is not None else ""


def _of_field(name: str, field: Field) -> Shown:
    return _column(name) | {
        "apexType": _TYPES.get(field.type, "String"),
        "booleanType": field.type == "boolean",
        "custom": field.custom,
        "insertable": field.createable,
        "numberType": field.type in _NUMBERS,
        "textType": field.type not in _TYPES,
        "updatable": field.updateable,
    }


def _column(name: str) -> Shown:
    return {
        "aggregate": False,
        "apexType": None,
        "booleanType": False,
        "columnName": name,
        "custom": False,
        "displayName": name,
        "foreignKeyName": None,
        "insertable": False,
        "joinColumns": [],
        "numberType": False,
        "textType": False,
        "updatable": False,
    }
