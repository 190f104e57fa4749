"""What a SOQL statement says, as data: the result of parsing, before any field or object is looked up."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Path:
    """A field, relationship path or object name; `at` is its offset in the statement."""

    text: str
    at: int = 0

    @property
    def parts(self) -> list[str]:
        """The names between the dots."""
        return self.text.split(".")


@dataclass(frozen=True)
class Call:
    """A function call such as `COUNT(Id)` or `CALENDAR_YEAR(CreatedDate)`; no argument in `COUNT()`."""

    name: str
    argument: Path | Call | None
    at: int = 0


Operand = Path | Call


@dataclass(frozen=True)
class Literal:
    """A value: `kind` is string, number, datetime, date or word (true, null, TODAY, LAST_N_DAYS:5); `text` is as written, unquoted."""

    kind: str
    text: str
    at: int = 0


@dataclass(frozen=True)
class Compare:
    """`field operator value`; the operators are those of SOQL and LIKE."""

    operand: Operand
    operator: str
    value: Literal


@dataclass(frozen=True)
class Member:
    """`field IN (values)` or NOT IN."""

    operand: Operand
    values: tuple[Literal, ...]
    negated: bool


@dataclass(frozen=True)
class Join:
    """`field IN (SELECT …)` or NOT IN: a semi-join or an anti-join."""

    operand: Operand
    selected: Path
    source: Path
    where: Condition | None
    negated: bool


@dataclass(frozen=True)
class Logic:
    """AND or OR of conditions."""

    operator: str
    terms: tuple[Condition, ...]


@dataclass(frozen=True)
class Negation:
    """NOT of a condition."""

    term: Condition


Condition = Compare | Member | Join | Logic | Negation


@dataclass(frozen=True)
class TypeOf:
    """`TYPEOF relationship WHEN object THEN fields … ELSE fields END`."""

    relationship: Path
    branches: tuple[tuple[Path, tuple[Path, ...]], ...]
    otherwise: tuple[Path, ...]

    @property
    def at(self) -> int:
        """Where it stands in the statement."""
        return self.relationship.at


@dataclass(frozen=True)
class Item:
    """One thing selected, with its alias."""

    what: Selected
    alias: str | None = None


@dataclass(frozen=True)
class Order:
    """One sort key."""

    operand: Operand
    descending: bool
    nulls_first: bool


@dataclass(frozen=True)
class Query:
    """A SELECT statement, or a sub-select in its list of fields."""

    items: tuple[Item, ...]
    source: Path
    alias: str | None = None
    where: Condition | None = None
    groups: tuple[Operand, ...] = ()
    having: Condition | None = None
    order: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int | None = None

    @property
    def at(self) -> int:
        """Where it stands in the statement: its object does."""
        return self.source.at


Selected = Path | Call | Query | TypeOf
