"""COUNT(), aggregates, GROUP BY and HAVING: from the tree to a plan without records (SOQL and SOSL Reference, "GROUP BY")."""

from __future__ import annotations

from local_org.errors import ApiError
from local_org.objects import make as m
from local_org.soql import faults, joins, tree
from local_org.soql.conditions import Conditions, Context, Sql
from local_org.soql.ordering import bounds, order_by, sort_key
from local_org.soql.plan import Column, Plan
from local_org.soql.scope import Resolved, Scope

MAX_GROUPS = 2_000
"""Groups have no locator. Beyond it the answer is EXCEEDED_ID_LIMIT, the code that clients met with this sentence for other objects
that cannot be paged, too; that 2,000 groups is where it begins was measured on a sandbox by a public client."""
AGGREGATES = {"COUNT": "count({0})", "COUNT_DISTINCT": "count(distinct {0})", "SUM": "sum({0})", "AVG": "avg({0})",
              "MIN": "min({0})", "MAX": "max({0})"}  # fmt: skip
_NUMBERS = frozenset({"int", "double", "currency", "percent"})
_COUNT = m.integer("expr")
_NUMBER = m.number("expr", 18, 2)


def is_aggregate(what: tree.Selected) -> bool:
    """Tells whether this is an aggregate function."""
    return isinstance(what, tree.Call) and what.name in AGGREGATES


def is_count(query: tree.Query) -> bool:
    """Tells whether this is `SELECT COUNT()`, which has a number and no rows."""
    what = query.items[0].what if len(query.items) == 1 else None
    return isinstance(what, tree.Call) and what.name == "COUNT" and what.argument is None


def count_plan(text: str, query: tree.Query, scope: Scope, where: Sql) -> Plan:
    """Returns the plan of `SELECT COUNT()`."""
    if query.groups or query.order:
        raise faults.malformed(
            text, query.source.at, "COUNT() takes neither GROUP BY nor ORDER BY; use COUNT(Id)"
        )
    source = f"select 1 \n{scope.from_clause()}"
    return Plan("count", scope.sobject, (), source, where, "", scope.base, bounds=bounds(query))


class Groups:
    """Compiles one statement with aggregates."""

    def __init__(self, context: Context, query: tree.Query, scope: Scope) -> None:
        """Takes the statement; `scope` gains the joins that it needs."""
        self._context = context
        self._text = context.text
        self._query = query
        self._scope = scope
        self._groups = [self._grouped(each) for each in query.groups]
        self._grouped_sql = {each.sql for each in self._groups}

    def plan(self, where: Sql) -> Plan:
        """Returns the plan; raises ApiError."""
        query, groups = self._query, self._groups
        if not groups and query.limit is not None:
            message = "Non-grouped query that uses overall aggregate functions cannot also use LIMIT"
            raise faults.malformed(self._text, query.source.at, message)
        columns = self._columns()
        named = {each.name.lower(): each.value.sql for each in columns}
        having = self._having()
        order = order_by(query, lambda operand: self._sort_key(operand, named))
        group = f" group by {', '.join(each.sql for each in groups)}" if groups else ""
        tail = Sql(group + (f" having {having.text}" if having else ""), having.parameters if having else ())
        select = f"select {', '.join(each.value.sql for each in columns)} \n{self._scope.from_clause()}"
        base = self._scope.base
        return Plan(
            "aggregate",
            self._scope.sobject,
            columns,
            select,
            where,
            order,
            base,
            group=tail,
            bounds=bounds(query),
        )

    def _grouped(self, operand: tree.Operand) -> Resolved:
        found = self._scope.resolve(operand)
        if not found.field.groupable:
            message = f"field '{found.field.name}' can not be grouped in a query call"
            raise faults.bad_field(self._text, operand.at, message)
        return found

    def _aggregated(self, call: tree.Call) -> Resolved:
        if not isinstance(call.argument, tree.Path):
            raise faults.malformed(self._text, call.at, f"{call.name} takes one field")
        found = self._scope.resolve(call.argument)
        counts = call.name.startswith("COUNT")
        totals = call.name in ("SUM", "AVG")
        if (
            not found.field.filterable
            or (totals and found.field.type not in _NUMBERS)
            or (not counts and found.field.type == "boolean")
        ):
            message = f"field {found.field.name} does not support aggregate operator {call.name}"
            raise faults.malformed(self._text, call.at, message)
        kind = _COUNT if counts else _NUMBER if totals else found.field
        return Resolved(kind, AGGREGATES[call.name].format(found.sql))

    def _value(self, operand: tree.Operand, what: str) -> Resolved:
        """Returns what an operand means; outside an aggregate it must be one of the groups."""
        if isinstance(operand, tree.Call) and is_aggregate(operand):
            return self._aggregated(operand)
        found = self._scope.resolve(operand)
        if found.sql not in self._grouped_sql:
            raise faults.malformed(
                self._text, operand.at, f"{what} must be grouped or aggregated: {found.name}"
            )
        return found

    def _columns(self) -> tuple[Column, ...]:
        columns: dict[str, Column] = {}
        unnamed = 0
        for item in self._query.items:
            if isinstance(item.what, tree.Query | tree.TypeOf):
                kind = "Sub-selects are" if isinstance(item.what, tree.Query) else "TYPEOF is"
                raise faults.malformed(self._text, item.what.at, f"{kind} not allowed with GROUP BY")
            found = self._value(item.what, "Field")
            name = item.alias or (found.field.name if isinstance(item.what, tree.Path) else None)
            if name is None:
                name, unnamed = f"expr{unnamed}", unnamed + 1
            if name.lower() in columns:
                raise faults.malformed(self._text, item.what.at, f"duplicate alias: {name}")
            columns[name.lower()] = Column(name, found)
        return tuple(columns.values())

    def _having(self) -> Sql | None:
        condition = self._query.having
        if condition is None:
            return None
        for join, _ in joins.joins_of(condition):
            raise faults.malformed(
                self._text, join.source.at, "Semi join sub-selects are not allowed in HAVING"
            )
        return Conditions(self._context, lambda each: self._value(each, "Field"), _no_join).compile(condition)

    def _sort_key(self, operand: tree.Operand, named: dict[str, str]) -> tuple[str, bool]:
        if isinstance(operand, tree.Path) and operand.text.lower() in named:
            return named[operand.text.lower()], True
        if is_aggregate(operand):
            return self._value(operand, "Ordered field").sql, True
        self._value(operand, "Ordered field")
        return sort_key(self._text, self._scope, operand)


def _no_join(join: tree.Join) -> Sql:
    raise ApiError(400, "MALFORMED_QUERY", f"Semi join sub-selects are not allowed here: {join.source.text}")
