"""A compiled statement: its SQL, and where in a row each value of the answer is. Made by compiler.py, run by the package itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from local_org.objects import Field, SObject
from local_org.soql.conditions import Sql
from local_org.soql.scope import Resolved


@dataclass(frozen=True)
class Column:
    """A selected value: `name` is its dotted path, or the alias or exprN of a function."""

    name: str
    value: Resolved


@dataclass(frozen=True)
class Node:
    """A record of the answer, with where its values are in the row: the main one, or a parent inside it."""

    sobject: SObject
    key: int
    fields: tuple[tuple[str, int, Field], ...]
    parents: tuple[tuple[str, Node], ...]
    shows_as_name: bool = True
    """Whether a parent of several possible objects calls itself `Name`, or what it is."""
    typed: tuple[Typed, ...] = ()


@dataclass(frozen=True)
class Typed:
    """A polymorphic parent under TYPEOF: the position of its id, the record by object name, and the one of all other objects."""

    name: str
    key: int
    branches: Mapping[str, Node]
    otherwise: Node


@dataclass(frozen=True)
class Children:
    """A sub-select: the relationship's name and the child's plan, whose rows end with the parent's id."""

    name: str
    plan: Plan
    limit: int | None


@dataclass(frozen=True)
class Plan:
    """A statement ready to run. Rows carry the columns first and the ids of records after them."""

    kind: str
    sobject: SObject
    columns: tuple[Column, ...]
    select: str
    where: Sql
    order: str
    base: str
    node: Node | None = None
    children: tuple[Children, ...] = ()
    group: Sql = field(default_factory=lambda: Sql(""))
    bounds: str = ""

    def sql(self) -> Sql:
        """Returns the whole statement."""
        text = f"{self.select} where {self.where.text}{self.group.text}{self.order}{self.bounds}"
        return Sql(text, (*self.where.parameters, *self.group.parameters))

    def ids(self) -> Sql:
        """Returns the statement that yields only the ids of the main records, in order."""
        source = self.select[self.select.index("\nfrom ") :]
        return Sql(
            f"select {self.base}.Id {source} where {self.where.text}{self.order}{self.bounds}",
            self.where.parameters,
        )

    def some(self, ids: tuple[str, ...]) -> Sql:
        """Returns the statement that yields the rows of the given ids, in no order."""
        return Sql(f"{self.select} where {self.base}.Id in ({', '.join('?' * len(ids))})", ids)
