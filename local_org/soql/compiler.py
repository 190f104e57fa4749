"""From the tree of a statement to SQL, for one user: fields, filters, sharing, aggregates, order."""

from __future__ import annotations

from dataclasses import replace

from local_org.errors import ApiError
from local_org.objects import Field, SObject, child_fields, find
from local_org.objects import make as m
from local_org.schema import quoted
from local_org.security import Access
from local_org.soql import faults, joins, tree
from local_org.soql.asking import Asking
from local_org.soql.conditions import Conditions, Context, Sql
from local_org.soql.plan import Children, Column, Node, Plan
from local_org.soql.scope import Resolved, Scope

MAX_OFFSET = 2_000
MAX_GROUPS = 2_000
MAX_FIELDS_LIMIT = 200
MAX_CHILDREN = 20
AGGREGATES = {"COUNT": "count({0})", "COUNT_DISTINCT": "count(distinct {0})", "SUM": "sum({0})", "AVG": "avg({0})",
              "MIN": "min({0})", "MAX": "max({0})"}  # fmt: skip
_COUNT = m.integer("expr")
_NUMBER = m.number("expr", 18, 2)


class Compiler:
    """Compiles the statements of one user at one moment."""

    def __init__(self, text: str, asking: Asking) -> None:
        """Takes the statement, for excerpts, and who asks it."""
        self.text = text
        self.access: Access = asking.access
        self.include_deleted = asking.include_deleted
        self.switches = asking.switches
        self.context = Context(text, asking.now.astimezone(asking.zone).date(), asking.zone)

    def compile(self, query: tree.Query) -> Plan:
        """Returns the plan of a statement; raises ApiError."""
        sobject = self._object(query.source)
        query = self._expanded(query, sobject)
        if query.offset is not None and query.offset > MAX_OFFSET:
            raise ApiError(
                400,
                "NUMBER_OUTSIDE_VALID_RANGE",
                faults.at(self.text, 0, f"Maximum SOQL offset allowed is {MAX_OFFSET}"),
            )
        if sobject.name == "ContentDocumentLink":
            joins.check_links(query.where, self.access)
        scope = Scope(self.text, sobject, self.access, query.alias)
        where = self._where(scope, query.where)
        if _is_count(query):
            return self._count(query, scope, where)
        if query.groups or any(_is_aggregate(each.what) for each in query.items):
            return self._aggregate(query, scope, where)
        return self._rows(query, scope, where)

    def _object(self, source: tree.Path) -> SObject:
        sobject = find(source.text)
        if sobject is None or not self.access.may_read(sobject):
            raise faults.no_object(self.text, source.at, source.text)
        if not sobject.queryable:
            raise ApiError(
                400, "INVALID_TYPE_FOR_OPERATION", f"entity type {sobject.name} does not support query"
            )
        return sobject

    def _expanded(self, query: tree.Query, sobject: SObject) -> tree.Query:
        """Replaces FIELDS(ALL), FIELDS(STANDARD) and FIELDS(CUSTOM) by the fields (SOQL and SOSL Reference, "FIELDS()")."""
        items: list[tree.Item] = []
        for item in query.items:
            if not (isinstance(item.what, tree.Call) and item.what.name == "FIELDS"):
                items.append(item)
                continue
            which = item.what.argument.text.upper() if isinstance(item.what.argument, tree.Path) else ""
            if which != "STANDARD" and (query.limit is None or query.limit > MAX_FIELDS_LIMIT):
                message = f"The SOQL FIELDS function must have a LIMIT of at most {MAX_FIELDS_LIMIT}"
                raise faults.malformed(self.text, item.what.at, message)
            wanted = {"ALL": (True, False), "STANDARD": (False,), "CUSTOM": (True,)}.get(which, ())
            items += [
                tree.Item(tree.Path(each.name))
                for each in self.access.readable(sobject).values()
                if each.custom in wanted
            ]
        return replace(query, items=tuple(items))

    # -- filters -----------------------------------------------------------------------------------------------------------------

    def _conditions(self, scope: Scope) -> Conditions:
        return Conditions(self.context, scope.resolve, lambda join: self._join(scope, join))

    def _where(self, scope: Scope, condition: tree.Condition | None) -> Sql:
        """Returns the filter of a SELECT: its own condition, live rows unless queryAll, and what sharing shows."""
        accepted = self.switches.related_to_semi_join
        joins.check_joins(self.text, condition, scope.sobject, related_to_accepted=accepted)
        parts = [self._conditions(scope).compile(condition)] if condition is not None else []
        parts += [Sql(each) for each in self._implied(scope, joins.ids_named(condition))]
        text = " and ".join(each.text for each in parts) or "1"
        return Sql(text, tuple(value for each in parts for value in each.parameters))

    def _implied(self, scope: Scope, named: set[str]) -> list[str]:
        sobject, terms = scope.sobject, []
        if not self.include_deleted:
            terms += [
                f"{scope.base}.{name} = 0"
                for name in ("IsDeleted", "IsArchived")
                if sobject.has(name) and (name == "IsDeleted" or sobject.name == "Task")
            ]
        visible = self.access.visible(sobject, scope.base, by_id=bool(named & {"id", "contentdocumentid"}))
        return [*terms, visible] if visible else terms

    def _join(self, outer: Scope, join: tree.Join) -> Sql:
        sobject = self._object(join.source)
        inner = Scope(self.text, sobject, self.access, prefix="s")
        left = self._conditions(outer).filterable(join.operand)
        selected = inner.resolve(join.selected)
        joins.check_types(self.text, join, left, outer.sobject, selected, sobject)
        where = self._where(inner, join.where)
        sub = (
            f"(select {selected.sql} {inner.from_clause()} where {where.text} and {selected.sql} is not null)"
        )
        text = f"({left.sql} is null or {left.sql} not in {sub})" if join.negated else f"{left.sql} in {sub}"
        return Sql(text, where.parameters)

    # -- rows --------------------------------------------------------------------------------------------------------------------

    def _rows(self, query: tree.Query, scope: Scope, where: Sql, parent: Field | None = None) -> Plan:
        columns = self._columns(query, scope)
        children = self._children(query, scope.sobject)
        order = self._order(query, scope)
        values = [each.value.sql for each in columns]
        node = _node(scope, columns, (), values, self.switches.polymorphic_parent_is_name)
        if parent is not None:
            values.append(f"{scope.base}.{quoted(parent.name)}")
        select = f"select {', '.join(values)} \n{scope.from_clause()}"
        bounds = _bounds(query) if parent is None else ""
        return Plan(
            "rows", scope.sobject, columns, select, where, order, scope.base, node, children, bounds=bounds
        )

    def _columns(self, query: tree.Query, scope: Scope) -> tuple[Column, ...]:
        columns: dict[str, Column] = {}
        for item in query.items:
            if isinstance(item.what, tree.Query):
                continue
            if isinstance(item.what, tree.Call):
                raise faults.malformed(
                    self.text, item.what.at, f"Invalid function in a query without GROUP BY: {item.what.name}"
                )
            found = scope.resolve(item.what)
            if found.name in columns:
                raise faults.bad_field(self.text, item.what.at, f"duplicate field selected: {found.name}")
            columns[found.name] = Column(found.name, found)
        return tuple(columns.values())

    def _children(self, query: tree.Query, sobject: SObject) -> tuple[Children, ...]:
        subqueries = [each.what for each in query.items if isinstance(each.what, tree.Query)]
        if len(subqueries) > MAX_CHILDREN:
            raise faults.malformed(
                self.text, subqueries[-1].source.at, f"Cannot have more than {MAX_CHILDREN} sub-selects"
            )
        return tuple(self._child(each, sobject) for each in subqueries)

    def _child(self, query: tree.Query, parent: SObject) -> Children:
        wanted = query.source.text.lower()
        for child, reference in child_fields(parent.name):
            if (reference.child_relationship or "").lower() == wanted and self.access.may_read(child):
                scope = Scope(self.text, child, self.access, query.alias, prefix="c")
                plan = self._rows(query, scope, self._where(scope, query.where), reference)
                return Children(
                    str(reference.child_relationship), plan, len(plan.columns) + _keys(plan.node), query.limit
                )
        raise faults.no_children(self.text, query.source.at, query.source.text)

    def _order(self, query: tree.Query, scope: Scope, aggregates: dict[str, str] | None = None) -> str:
        terms = []
        for key in query.order:
            sql, nullable = self._sort_key(key.operand, scope, aggregates)
            # Null comes first in both directions unless the query says otherwise (SOQL and SOSL Reference, ORDER BY).
            nulls = "" if not nullable else f" nulls {'first' if key.nulls_first else 'last'}"
            terms.append(f"{sql}{' desc' if key.descending else ''}{nulls}")
        return f" order by {', '.join(terms)}" if terms else ""

    def _sort_key(
        self, operand: tree.Operand, scope: Scope, aggregates: dict[str, str] | None
    ) -> tuple[str, bool]:
        if aggregates is not None and isinstance(operand, tree.Path) and operand.text.lower() in aggregates:
            return aggregates[operand.text.lower()], True
        if isinstance(operand, tree.Call) and _is_aggregate(operand):
            return self._aggregated(operand, scope).sql, True
        found = scope.resolve(operand)
        if not found.field.sortable:
            raise faults.bad_field(
                self.text, operand.at, f"field '{found.field.name}' can not be sorted in a query call"
            )
        return found.sql, found.field.nillable or bool(found.relationships)

    # -- counts and groups -------------------------------------------------------------------------------------------------------

    def _count(self, query: tree.Query, scope: Scope, where: Sql) -> Plan:
        if query.groups or query.order:
            raise faults.malformed(
                self.text, query.source.at, "COUNT() takes neither GROUP BY nor ORDER BY; use COUNT(Id)"
            )
        bounds = _bounds(query)
        source = f"select 1 \n{scope.from_clause()}"
        return Plan("count", scope.sobject, (), source, where, "", scope.base, bounds=bounds)

    def _aggregated(self, call: tree.Call, scope: Scope) -> Resolved:
        if not isinstance(call.argument, tree.Path):
            raise faults.malformed(self.text, call.at, f"{call.name} takes one field")
        found = scope.resolve(call.argument)
        kind = {"COUNT": _COUNT, "COUNT_DISTINCT": _COUNT, "SUM": _NUMBER, "AVG": _NUMBER}.get(
            call.name, found.field
        )
        if kind is _NUMBER and found.field.type not in ("int", "double", "currency", "percent"):
            raise faults.malformed(
                self.text,
                call.at,
                f"field {found.field.name} does not support aggregate operator {call.name}",
            )
        return Resolved(kind, AGGREGATES[call.name].format(found.sql))

    def _aggregate(self, query: tree.Query, scope: Scope, where: Sql) -> Plan:
        groups = [self._grouped(each, scope) for each in query.groups]
        columns = self._group_columns(query, scope, {each.sql for each in groups})
        if not groups and query.limit is not None:
            message = "Non-grouped query that uses overall aggregate functions cannot also use LIMIT"
            raise faults.malformed(self.text, query.source.at, message)
        named = {each.name.lower(): each.value.sql for each in columns}
        having = self._having(query, scope)
        group = f" group by {', '.join(each.sql for each in groups)}" if groups else ""
        order = self._order(query, scope, named)
        select = f"select {', '.join(each.value.sql for each in columns)} \n{scope.from_clause()}"
        tail = Sql(group + (f" having {having.text}" if having else ""), having.parameters if having else ())
        return Plan(
            "aggregate",
            scope.sobject,
            columns,
            select,
            where,
            order,
            scope.base,
            group=tail,
            bounds=_bounds(query),
        )

    def _having(self, query: tree.Query, scope: Scope) -> Sql | None:
        if query.having is None:
            return None
        if any(True for _ in joins.joins_of(query.having)):
            raise faults.malformed(
                self.text, query.source.at, "Semi join sub-selects are not allowed in HAVING"
            )
        return Conditions(
            self.context, lambda each: self._group_value(each, scope), lambda _: Sql("0")
        ).compile(query.having)

    def _group_value(self, operand: tree.Operand, scope: Scope) -> Resolved:
        if isinstance(operand, tree.Call) and _is_aggregate(operand):
            return self._aggregated(operand, scope)
        return scope.resolve(operand)

    def _grouped(self, operand: tree.Operand, scope: Scope) -> Resolved:
        found = scope.resolve(operand)
        if not found.field.groupable:
            raise faults.bad_field(
                self.text, operand.at, f"field '{found.field.name}' can not be grouped in a query call"
            )
        return found

    def _group_columns(self, query: tree.Query, scope: Scope, grouped: set[str]) -> tuple[Column, ...]:
        columns, unnamed = [], 0
        for item in query.items:
            if isinstance(item.what, tree.Query):
                raise faults.malformed(
                    self.text, item.what.source.at, "Sub-selects are not allowed with GROUP BY"
                )
            found = self._group_value(item.what, scope)
            if not _is_aggregate(item.what) and found.sql not in grouped:
                message = f"Field must be grouped or aggregated: {found.name}"
                raise faults.malformed(self.text, item.what.at, message)
            name = item.alias or (found.field.name if isinstance(item.what, tree.Path) else None)
            if name is None:
                name, unnamed = f"expr{unnamed}", unnamed + 1
            columns.append(Column(name, found))
        return tuple(columns)


def _is_aggregate(what: tree.Operand | tree.Query) -> bool:
    return isinstance(what, tree.Call) and what.name in AGGREGATES


def _is_count(query: tree.Query) -> bool:
    what = query.items[0].what if len(query.items) == 1 else None
    return isinstance(what, tree.Call) and what.name == "COUNT" and what.argument is None


def _bounds(query: tree.Query) -> str:
    if query.limit is None and not query.offset:
        return ""
    return f" limit {-1 if query.limit is None else query.limit} offset {query.offset or 0}"


def _node(
    scope: Scope, columns: tuple[Column, ...], path: tuple[str, ...], values: list[str], as_name: bool
) -> Node:
    """Returns the record at a relationship path and adds the SQL of its id to `values`."""
    parent = scope.parents[path]
    key = len(values)
    values.append(parent.key)
    fields = tuple(
        (each.value.field.name, index, each.value.field)
        for index, each in enumerate(columns)
        if each.value.relationships == path
    )
    below = [each for each in scope.parents if each[:-1] == path and each != path]
    used = [
        each for each in below if any(column.value.relationships[: len(each)] == each for column in columns)
    ]
    parents = tuple((each[-1], _node(scope, columns, each, values, as_name)) for each in used)
    return Node(parent.sobject, key, fields, parents, as_name)


def _keys(node: Node | None) -> int:
    return 0 if node is None else 1 + sum(_keys(each) for _, each in node.parents)
