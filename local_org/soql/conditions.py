"""WHERE and HAVING as SQL, with SOQL's idea of null: a comparison is true or false, and `!=` and NOT IN are true for null.

SQL's comparisons with null are null; they stay so inside AND and OR, where null counts as false, and are made false before a NOT.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from local_org.errors import ApiError
from local_org.ids import to_18
from local_org.objects import Field
from local_org.soql import dates, faults, tree
from local_org.soql.scope import Resolved

MAX_STRING = 4_000
IDS = frozenset({"id", "reference"})
TEXTS = frozenset({"string", "picklist", "textarea", "email", "phone", "url", "combobox", "id", "reference"})
_KINDS = {"boolean": "boolean", "int": "int", "date": "date", "datetime": "dateTime"}


@dataclass(frozen=True)
class Sql:
    """A piece of SQL with its parameters."""

    text: str
    parameters: tuple[object, ...] = ()


@dataclass(frozen=True)
class Context:
    """What literals depend on: the statement (for excerpts), the user's day and time zone."""

    text: str
    today: date
    zone: ZoneInfo


@dataclass(frozen=True)
class Conditions:
    """Compiles the conditions of one SELECT. `resolve` knows its fields, `join` compiles a semi-join."""

    context: Context
    resolve: Callable[[tree.Operand], Resolved]
    join: Callable[[tree.Join], Sql]

    def compile(self, condition: tree.Condition) -> Sql:
        """Returns the SQL of a condition; raises ApiError."""
        match condition:
            case tree.Logic(operator, terms):
                parts = [self.compile(each) for each in terms]
                return Sql("(" + f" {operator} ".join(each.text for each in parts) + ")", _joined(parts))
            case tree.Negation(term):
                inner = self.compile(term)
                return Sql(f"not coalesce({inner.text}, 0)", inner.parameters)
            case tree.Join():
                return self.join(condition)
            case tree.Member():
                return self._member(condition)
            case tree.Compare():
                return self._compare(condition)

    def filterable(self, operand: tree.Operand) -> Resolved:
        """Returns what an operand means; raises ApiError for a field that no filter may use."""
        found = self.resolve(operand)
        if not found.field.filterable:
            raise faults.bad_field(
                self.context.text,
                operand.at,
                f"field '{found.field.name}' can not be filtered in a query call",
            )
        return found

    def _compare(self, condition: tree.Compare) -> Sql:
        found = self.filterable(condition.operand)
        operator, literal = condition.operator, condition.value
        if literal.kind == "word" and found.field.type in ("date", "datetime"):
            days = dates.relative(literal.text, self.context.today)
            if days is not None:
                return _within(found.sql, operator, *(self._edge(found.field, day) for day in days))
        if operator == "LIKE":
            return self._like(found, literal)
        value = self.value(found.field, literal)
        if value is None or value == "":
            return self._null(found, operator, literal)
        column = _value_of(found)
        if operator == "!=":
            return Sql(f"{column} is not ?", (value,))
        return Sql(f"{column} {operator} ?", (value,))

    def _like(self, found: Resolved, literal: tree.Literal) -> Sql:
        if found.field.type in IDS:
            raise ApiError(
                400,
                "INVALID_QUERY_FILTER_OPERATOR",
                faults.at(self.context.text, literal.at, "invalid operator on id field"),
            )
        if found.field.type not in TEXTS:
            raise faults.bad_field(
                self.context.text, literal.at, f"invalid operator LIKE on field '{found.field.name}'"
            )
        return Sql(f"{found.sql} like ? escape '\\'", (self.value(found.field, literal),))

    def _null(self, found: Resolved, operator: str, literal: tree.Literal) -> Sql:
        if found.field.type == "boolean":
            return Sql(f"{_value_of(found)} {'<>' if operator == '!=' else '='} 0")
        if operator not in ("=", "!="):
            raise faults.malformed(self.context.text, literal.at, f"unexpected token: '{literal.text}'")
        return Sql(f"{found.sql} is {'not ' if operator == '!=' else ''}null")

    def _edge(self, field: Field, day: date) -> str:
        return day.isoformat() if field.type == "date" else dates.midnight(day, self.context.zone)

    def _member(self, condition: tree.Member) -> Sql:
        found = self.filterable(condition.operand)
        if found.field.type in ("date", "datetime") and any(
            dates.relative(each.text, self.context.today) for each in condition.values
        ):
            return self._member_of_ranges(condition)
        values = [self.value(found.field, each) for each in condition.values]
        given = [each for each in values if each is not None and each != ""]
        has_null = len(given) < len(values)
        text = f"{_value_of(found)} in ({', '.join('?' * len(given))})"
        if condition.negated:
            text = (
                f"{found.sql} is not null and not {text}"
                if has_null
                else f"({found.sql} is null or not {text})"
            )
        elif has_null:
            text = f"({found.sql} is null or {text})"
        return Sql(text, tuple(given))

    def _member_of_ranges(self, condition: tree.Member) -> Sql:
        each_equal = tuple(tree.Compare(condition.operand, "=", value) for value in condition.values)
        either = tree.Logic("OR", each_equal)
        return self.compile(tree.Negation(either) if condition.negated else either)

    def value(self, field: Field, literal: tree.Literal) -> object:
        """Returns a literal as the value that is stored for the field; raises ApiError when it is of another type."""
        if literal.kind == "word" and literal.text.lower() == "null":
            return None
        if field.type in TEXTS:
            return self._text(field, literal)
        convert = _CONVERT.get((field.type, literal.kind))
        converted = None if convert is None else convert(literal.text)
        if converted is None:
            raise self._mismatch(field, literal)
        return converted

    def _text(self, field: Field, literal: tree.Literal) -> str:
        if literal.kind != "string":
            raise self._mismatch(field, literal)
        if len(literal.text) > MAX_STRING:
            raise faults.malformed(
                self.context.text, literal.at, f"Filter values cannot be longer than {MAX_STRING} characters"
            )
        if field.type not in IDS or not literal.text:
            return literal.text
        record_id = to_18(literal.text)
        if record_id is None:
            raise ApiError(
                400,
                "INVALID_QUERY_FILTER_OPERATOR",
                faults.at(self.context.text, literal.at, f"invalid ID field: {literal.text}"),
            )
        return record_id

    def _mismatch(self, field: Field, literal: tree.Literal) -> ApiError:
        if (
            literal.kind == "word"
            and literal.text.lower() not in ("true", "false")
            and field.type not in TEXTS
        ):
            return faults.malformed(self.context.text, literal.at, f"unexpected token: '{literal.text}'")
        kind = "string" if field.type in TEXTS else _KINDS.get(field.type, "double")
        quotes = "should be" if kind == "string" else "should not be"
        text = f"value of filter criterion for field '{field.name}' must be of type {kind} and {quotes} enclosed in quotes"
        return faults.bad_field(self.context.text, literal.at, text)


def _joined(parts: Sequence[Sql]) -> tuple[object, ...]:
    return tuple(value for each in parts for value in each.parameters)


def _value_of(found: Resolved) -> str:
    """Returns the column to compare: a checkbox of a parent that is not there counts as false."""
    if found.field.type == "boolean" and found.relationships:
        return f"coalesce({found.sql}, 0)"
    return found.sql


def _within(column: str, operator: str, start: str, end: str) -> Sql:
    """Returns a comparison with a range of days (half-open) as SOQL means it."""
    match operator:
        case "=":
            return Sql(f"({column} >= ? and {column} < ?)", (start, end))
        case "!=":
            return Sql(f"({column} is null or {column} < ? or {column} >= ?)", (start, end))
        case "<" | ">=":
            return Sql(f"{column} {operator} ?", (start,))
        case _:
            return Sql(f"{column} {'<' if operator == '<=' else '>='} ?", (end,))


def _boolean(text: str) -> int | None:
    return {"true": 1, "false": 0}.get(text.lower())


def _instant(text: str) -> str | None:
    try:
        return dates.instant(text)
    except ValueError:
        return None


def _day(text: str) -> str | None:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return None


_CONVERT: dict[tuple[str, str], Callable[[str], object]] = {
    ("boolean", "word"): _boolean,
    ("datetime", "datetime"): _instant,
    ("date", "date"): _day,
    **{(kind, "number"): float for kind in ("int", "double", "currency", "percent")},
}
