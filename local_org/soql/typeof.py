"""TYPEOF: the fields of a polymorphic parent by what it is (SOQL and SOSL Reference, "TYPEOF"; REST from v46 on)."""

from __future__ import annotations

from dataclasses import replace

from local_org.objects import Field
from local_org.soql import faults, tree
from local_org.soql.plan import Node, Typed
from local_org.soql.scope import NAME, Parent, Scope


def compile_typeof(item: tree.TypeOf, scope: Scope, values: list[str]) -> Typed:
    """Returns where the answer finds each possible parent, and adds their SQL to `values`; raises ApiError."""
    reference, column = scope.polymorphic(item.relationship)
    key = len(values)
    values.append(column)
    branches: dict[str, Node] = {}
    for sobject, fields in item.branches:
        if sobject.text.lower() not in (each.lower() for each in reference.reference_to):
            message = f"A relationship '{item.relationship.text}' does not point to '{sobject.text}'"
            raise faults.malformed(scope.text, sobject.at, message)
        parent = scope.typed_parent(reference, column, sobject)
        branches[parent.sobject.name] = _node(scope, parent, fields, key, values)
    shared = Parent(NAME, column, column, reference)
    otherwise = replace(_node(scope, shared, item.otherwise, key, values), shows_as_name=False)
    return Typed(str(reference.relationship), key, branches, otherwise)


def _node(scope: Scope, parent: Parent, paths: tuple[tree.Path, ...], key: int, values: list[str]) -> Node:
    fields: list[tuple[str, int, Field]] = []
    for path in paths:
        found = scope.field_of(parent, path)
        fields.append((found.field.name, len(values), found.field))
        values.append(found.sql)
    return Node(parent.sobject, key, tuple(fields), ())
