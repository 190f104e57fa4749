"""SOQL: from the text of a statement to rows and REST records (SOQL and SOSL Reference).

parser.py gives the tree (tree.py), compiler.py the SQL for one user, with scope.py for names, conditions.py for filters, joins.py for
semi-joins, groups.py for aggregates, typeof.py for TYPEOF; this module runs it and shapes the answer. Paging is in rest/query.py.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from local_org.errors import ApiError
from local_org.objects import SOBJECTS, Field
from local_org.soql.asking import Asking
from local_org.soql.compiler import Compiler
from local_org.soql.groups import MAX_GROUPS
from local_org.soql.parser import parse
from local_org.soql.plan import Children, Node, Plan
from local_org.soql.scope import NAME
from local_org.store import Store
from local_org.values import to_json

__all__ = ["Asking", "ChildPages", "QueryResult", "Row", "run"]
Row = tuple[object, ...]
_TOO_MUCH = re.compile("too large|too many|too deep|stack overflow")
_CHUNK = 2_000
_NAMES = {each.key_prefix: each.name for each in SOBJECTS.values()}


@dataclass(frozen=True)
class ChildPages:
    """How many rows of a sub-select an answer holds, and what gives the address of the rest: of (place among the sub-selects, all ids)."""

    size: int
    address: Callable[[int, list[str]], str]


class QueryResult:
    """What one user's statement gives; nothing is read before it is asked for."""

    def __init__(self, store: Store, plan: Plan) -> None:
        """Wraps a compiled statement."""
        self._store = store
        self.plan = plan
        self.columns = [each.name for each in plan.columns]
        """Dotted paths in SELECT order."""
        self.fields: list[Field] = [each.value.field for each in plan.columns]
        """The field behind each column."""
        self._booleans = [index for index, field in enumerate(self.fields) if field.type == "boolean"]
        self._nested: dict[int, dict[str, list[Row]]] = {}

    @property
    def kind(self) -> str:
        """`rows`, `aggregate`, or `count` for `SELECT COUNT()`, which has no rows."""
        return self.plan.kind

    @property
    def sobject(self) -> str:
        """The object of the FROM clause."""
        return self.plan.sobject.name

    @cached_property
    def total(self) -> int:
        """The number of rows, whatever the size of a page."""
        sql = self.plan.sql() if self.kind != "rows" else self.plan.ids()
        return int(str(self._store.select(f"select count(*) from ({sql.text})", sql.parameters)[0][0]))

    def rows(self) -> Iterator[Row]:
        """Yields the values of each row in SELECT order, read from one snapshot: str, int, float, bool or None."""
        sql = self.plan.sql()
        width = len(self.columns)
        for row in self._store.stream(sql.text, sql.parameters):
            yield self._typed(row[:width])

    def _typed(self, row: Row) -> Row:
        if not self._booleans:
            return row
        values = list(row)
        for index in self._booleans:
            values[index] = None if values[index] is None else bool(values[index])
        return tuple(values)

    def ids(self) -> list[str]:
        """Returns the ids of all records, in order."""
        sql = self.plan.ids()
        return [str(row[0]) for row in self._store.select(sql.text, sql.parameters)]

    def page(self, ids: Sequence[str]) -> list[Row]:
        """Returns the raw rows of these records in this order, for `to_record`; records that are gone are left out."""
        assert self.plan.node is not None
        key = self.plan.node.key
        found: dict[object, Row] = {}
        for start in range(0, len(ids), _CHUNK):
            sql = self.plan.some(tuple(ids[start : start + _CHUNK]))
            found.update((row[key], row) for row in self._store.select(sql.text, sql.parameters))
        rows = [found[each] for each in ids if each in found]
        for index, children in enumerate(self.plan.children):
            self._nested[index] = self._children(children, [str(row[key]) for row in rows])
        return rows

    def _children(self, children: Children, ids: Sequence[str]) -> dict[str, list[Row]]:
        plan = children.plan
        assert plan.where is not None
        grouped: dict[str, list[Row]] = defaultdict(list)
        column = plan.select[: plan.select.index(" \nfrom ")].rsplit(", ", 1)[-1]
        for start in range(0, len(ids), _CHUNK):
            some = ids[start : start + _CHUNK]
            sql = f"{plan.select} where {column} in ({', '.join('?' * len(some))}) and {plan.where.text}{plan.order}"
            for row in self._store.select(sql, (*some, *plan.where.parameters)):
                grouped[str(row[-1])].append(row)
        return grouped

    def groups(self) -> list[Row]:
        """Returns the rows of an aggregate; raises ApiError where there are more than one page holds (no locator for groups)."""
        sql = self.plan.sql()
        found = self._store.select(
            f"{sql.text}" if self.plan.bounds else f"{sql.text} limit {MAX_GROUPS + 1}", sql.parameters
        )
        if len(found) > MAX_GROUPS:
            message = "Aggregate query does not support queryMore(), use LIMIT to restrict the results to a single batch"
            raise ApiError(400, "EXCEEDED_ID_LIMIT", message)
        return found

    def child(self, index: int) -> QueryResult:
        """Returns the rows of a sub-select alone, by its place among the sub-selects: what its later pages are read from."""
        return QueryResult(self._store, self.plan.children[index].plan)

    def to_record(
        self, row: Sequence[object], version: str, pages: ChildPages | None = None
    ) -> dict[str, object]:
        """Returns a raw row (of `page` or `groups`) as the REST API shows it, e.g. under version `66.0`.

        Without `pages` a sub-select shows all its rows.
        """
        if self.plan.node is None:
            values = {
                name: to_json(field, value)
                for name, field, value in zip(self.columns, self.fields, row, strict=True)
            }
            return {"attributes": {"type": "AggregateResult"}} | values
        record = _record(self.plan.node, row, version)
        for index, children in enumerate(self.plan.children):
            found = self._nested[index].get(str(row[self.plan.node.key]), [])[: children.limit]
            record[children.name] = _nested(index, children, found, version, pages)
        return record


def _nested(
    index: int, children: Children, rows: Sequence[Row], version: str, pages: ChildPages | None
) -> dict[str, object] | None:
    node = children.plan.node
    assert node is not None
    if not rows:
        return None
    size = len(rows) if pages is None else pages.size
    result: dict[str, object] = {"totalSize": len(rows), "done": len(rows) <= size}
    if pages is not None and len(rows) > size:
        result["nextRecordsUrl"] = pages.address(index, [str(row[node.key]) for row in rows])
    return result | {"records": [_record(node, row, version) for row in rows[:size]]}


def _record(node: Node, row: Sequence[object], version: str) -> dict[str, object]:
    record_id = str(row[node.key])
    actual = _NAMES.get(record_id[:3], node.sobject.name) if node.sobject is NAME else node.sobject.name
    url = f"/services/data/v{version}/sobjects/{actual}/{record_id}"
    kind = node.sobject.name if node.shows_as_name else actual
    record: dict[str, object] = {"attributes": {"type": kind, "url": url}}
    for field_name, index, field in node.fields:
        value = row[index]
        if field.type == "address":
            record[field_name] = None if value is None else json.loads(str(value))
        elif field.type == "base64":
            record[field_name] = f"{url}/{field_name}"
        else:
            record[field_name] = to_json(field, value)
    for relationship, parent in node.parents:
        record[relationship] = None if row[parent.key] is None else _record(parent, row, version)
    for typed in node.typed:
        actual = _NAMES.get(str(row[typed.key])[:3], "")
        found = typed.branches.get(actual, typed.otherwise)
        record[typed.name] = None if row[typed.key] is None else _record(found, row, version)
    return record


def run(store: Store, text: str, asking: Asking) -> QueryResult:
    """Compiles a statement for the user who asks it. Raises ApiError."""
    try:
        result = QueryResult(store, Compiler(text, asking).compile(parse(text)))
        sql = result.plan.sql()
        # Prepares the statement without running it: what is too deep or too long for the store is refused before any page.
        store.select(f"explain {sql.text}", sql.parameters)
    except (RecursionError, sqlite3.OperationalError) as error:
        if isinstance(error, sqlite3.OperationalError) and not _TOO_MUCH.search(str(error)):
            raise
        message = "Query is either selecting too many fields or the filter conditions are too complicated."
        raise ApiError(400, "QUERY_TOO_COMPLICATED", message) from None
    return result
