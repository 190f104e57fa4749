"""A compiled statement: its SQL, and where in a row each value of the answer is. Made by compiler.py, run by the package itself."""

from __future__ import annotations

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


@dataclass(frozen=True)
class Children:
    """A sub-select: the relationship's name, the child's plan, and the position of the parent's id in its rows."""

    name: str
    plan: Plan
    parent_index: int
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
        return self.each(f"{self.base}.Id")

    def each(self, value: str) -> Sql:
        """Returns the statement that yields one value of each record, in order; `value` is SQL made of the columns' own."""
        source = self.select[self.select.index("\nfrom ") :]
        return Sql(
            f"select {value} {source} where {self.where.text}{self.order}{self.bounds}",
            self.where.parameters,
        )

    def some(self, ids: tuple[str, ...]) -> Sql:
        """Returns the statement that yields the rows of the given ids, in no order."""
        return Sql(f"{self.select} where {self.base}.Id in ({', '.join('?' * len(ids))})", ids)
