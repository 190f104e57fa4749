"""SOQL text: the only place where it is made. Pure; what to ask and how to send it belongs elsewhere.

Limits and forms are those of the SOQL and SOSL Reference: 100,000 characters a statement, datetimes unquoted and in UTC.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TypeAlias, TypeVar

from simple_salesforce.format import quote_soql_value

from orchestration.errors import BugError

Condition: TypeAlias = str
"""A piece of a WHERE clause, made by the functions below and joined with AND by `select`."""

Value: TypeAlias = str | bool | int | Decimal | datetime | date | None

MAX_STATEMENT = 100_000
"""Characters in a statement (SOQL and SOSL Reference, "SOQL Limits")."""

MAX_ID_LIST = 500
"""Ids in one IN list: 10,500 characters, so that the statement with its fields also fits a URI of 16,384 bytes."""

_EXPRESSION = re.compile(r"[A-Za-z][\w.]*(\([\w.]*\))?( [A-Za-z]\w*)?")
_NAME = re.compile(r"[A-Za-z][\w.]*(\([A-Za-z][\w.]*\))?")
_OPERATORS = frozenset({"=", "!=", "<", "<=", ">", ">="})

_Item = TypeVar("_Item")


def select(
    fields: Sequence[str],
    sobject: str,
    where: Sequence[Condition] = (),
    *,
    group_by: Sequence[str] = (),
    order_by: Sequence[str] = (),
    limit: int | None = None,
) -> str:
    """Returns one statement; conditions are joined with AND. `order_by` items may end in ` DESC`.

    Raises `BugError` when a name is no name, or when the statement is longer than Salesforce takes.
    """
    if not fields:
        raise BugError(f"A query of {sobject} was made without fields.")
    parts = ["SELECT", ", ".join(map(_expression, fields)), "FROM", _name(sobject)]
    if where:
        parts.append(f"WHERE {' AND '.join(where)}")
    if group_by:
        parts.append(f"GROUP BY {', '.join(map(_name, group_by))}")
    if order_by:
        parts.append(f"ORDER BY {', '.join(map(_expression, order_by))}")
    if limit is not None:
        parts.append(f"LIMIT {int(limit)}")
    statement = " ".join(parts)
    if len(statement) > MAX_STATEMENT:
        raise BugError(
            f"A query of {sobject} has {len(statement)} characters; Salesforce takes {MAX_STATEMENT}."
        )
    return statement


def literal(value: Value) -> str:
    """Returns the value as SOQL writes it: texts quoted and escaped, datetimes in UTC with `Z`. Raises `BugError` for naive datetimes."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise BugError("A datetime without a time zone reached a query.")
        utc = value.astimezone(UTC)
        precision = "milliseconds" if utc.microsecond else "seconds"
        return utc.replace(tzinfo=None).isoformat(timespec=precision) + "Z"
    if isinstance(value, Decimal):
        return format(value, "f")
    return quote_soql_value(value)


def compare(field: str, operator: str, value: Value) -> Condition:
    """Returns `field operator value`, for =, !=, <, <=, > and >=."""
    if operator not in _OPERATORS:
        raise BugError(f"SOQL has no operator {operator!r} here.")
    return f"{_name(field)} {operator} {literal(value)}"


def equal(field: str, value: Value) -> Condition:
    """Returns `field = value`; with None, that the field is empty."""
    return compare(field, "=", value)


def within(field: str, start: datetime | None, end: datetime | None) -> list[Condition]:
    """Returns the half-open window [start, end) as conditions; an end that is None is open."""
    conditions = []
    if start is not None:
        conditions.append(compare(field, ">=", start))
    if end is not None:
        conditions.append(compare(field, "<", end))
    return conditions


def is_in(field: str, values: Iterable[Value]) -> Condition:
    """Returns `field IN (…)`. Raises `BugError` for an empty list, which SOQL cannot express."""
    return f"{_name(field)} IN ({_list(field, values)})"


def is_not_in(field: str, values: Iterable[Value]) -> Condition:
    """Returns `field NOT IN (…)`. SOQL counts an empty field as not in the list, unlike SQL."""
    return f"{_name(field)} NOT IN ({_list(field, values)})"


def any_of(conditions: Sequence[Condition]) -> Condition:
    """Returns the conditions joined with OR, in parentheses."""
    if not conditions:
        raise BugError("An OR of no conditions reached a query.")
    return f"({' OR '.join(conditions)})"


def all_of(conditions: Sequence[Condition]) -> Condition:
    """Returns the conditions joined with AND, in parentheses, to stand inside `any_of`."""
    if not conditions:
        raise BugError("An AND of no conditions reached a query.")
    return f"({' AND '.join(conditions)})"


def chunked(values: Sequence[_Item], size: int = MAX_ID_LIST) -> Iterator[Sequence[_Item]]:
    """Yields the values in order, in pieces of at most `size`."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def sobject_of(statement: str) -> str:
    """Returns the object that a statement reads, for texts; `records` where none can be seen."""
    match = re.search(r"\bFROM\s+(\w+)", statement, re.IGNORECASE)
    return match.group(1) if match else "records"


def _list(field: str, values: Iterable[Value]) -> str:
    items = ",".join(literal(value) for value in values)
    if not items:
        raise BugError(f"An empty list for {field} reached a query; it would match nothing.")
    return items


def _name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise BugError(f"{name!r} is no name of a field or an object.")
    return name


def _expression(expression: str) -> str:
    if not _EXPRESSION.fullmatch(expression):
        raise BugError(f"{expression!r} is no field, aggregate or order that a query can name.")
    return expression
