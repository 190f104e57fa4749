"""From the tree of a statement to SQL, for one user: fields, filters, sharing, aggregates, order."""

from __future__ import annotations

from dataclasses import replace

from local_org.errors import ApiError
from local_org.objects import Field, SObject, child_fields, find
from local_org.schema import quoted
from local_org.security import Access
from local_org.soql import faults, groups, joins, tree
from local_org.soql.asking import Asking
from local_org.soql.conditions import Conditions, Context, Sql
from local_org.soql.ordering import bounds, order_by, sort_key
from local_org.soql.plan import Children, Column, Node, Plan
from local_org.soql.scope import Scope
from local_org.soql.typeof import compile_typeof

MAX_OFFSET = 2_000
MAX_FIELDS_LIMIT = 200
MAX_CHILDREN = 20


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
        if groups.is_count(query):
            return groups.count_plan(self.text, query, scope, where)
        if query.groups or any(groups.is_aggregate(each.what) for each in query.items):
            return groups.Groups(self.context, query, scope).plan(where)
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
                if sobject.has(name) and (name == "IsDeleted" or sobject.name in ("Event", "Task"))
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
        order = order_by(query, lambda operand: sort_key(self.text, scope, operand))
        values = [each.value.sql for each in columns]
        node = _node(scope, columns, (), values, self.switches.polymorphic_parent_is_name)
        typed = tuple(
            compile_typeof(each.what, scope, values)
            for each in query.items
            if isinstance(each.what, tree.TypeOf)
        )
        node = replace(node, typed=typed)
        if parent is not None:
            values.append(f"{scope.base}.{quoted(parent.name)}")
        select = f"select {', '.join(values)} \n{scope.from_clause()}"
        limits = bounds(query) if parent is None else ""
        return Plan(
            "rows", scope.sobject, columns, select, where, order, scope.base, node, children, bounds=limits
        )

    def _columns(self, query: tree.Query, scope: Scope) -> tuple[Column, ...]:
        columns: dict[str, Column] = {}
        for item in query.items:
            if isinstance(item.what, tree.Query | tree.TypeOf):
                continue
            if isinstance(item.what, tree.Call):
                raise faults.malformed(
                    self.text, item.what.at, f"Invalid function in a query without GROUP BY: {item.what.name}"
                )
            if item.alias is not None:
                message = "only aggregate expressions use field aliasing"
                raise faults.malformed(self.text, item.what.at, message)
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
        if query.offset is not None:
            raise faults.malformed(self.text, query.source.at, "OFFSET is not supported in a sub-select")
        for child, reference in child_fields(parent.name):
            if (reference.child_relationship or "").lower() == wanted and self.access.may_read(child):
                scope = Scope(self.text, child, self.access, query.alias, prefix="c")
                plan = self._rows(query, scope, self._where(scope, query.where), reference)
                return Children(str(reference.child_relationship), plan, query.limit)
        raise faults.no_children(self.text, query.source.at, query.source.text)


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
