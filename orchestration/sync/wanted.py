"""What is wanted of an object, and what of it can be read: catalogue and fluint.yaml held against describe. Decisions only, no I/O.

Names are compared without regard to case, as Salesforce does, and asked for as describe writes them: a field that was renamed in
case answers under its new name. Types are Salesforce's; which column of ours holds one is decided here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestration.entitlement.known import nearest
from orchestration.errors import SetupError
from orchestration.postgres.raw_tables import ColumnType
from orchestration.salesforce.describe import Describe, DescribedField
from orchestration.sync.objects import BY_TABLE, Field, Need, SObject, field
from orchestration.sync.options import ExtraField

_TYPES: Mapping[str, ColumnType] = {
    "boolean": "boolean", "int": "numeric", "long": "numeric", "double": "numeric", "currency": "numeric", "percent": "numeric",
    "date": "date", "datetime": "timestamptz",
}  # fmt: skip
# Neither Bulk nor one column holds them (Bulk API 2.0 Guide, "SOQL Considerations"; object reference, "Compound Fields").
_IN_PARTS = frozenset({"address", "location"})
_NOT_TEXT = frozenset({"base64", "complexvalue", "json", "anyType"})


def column_type(described: str) -> ColumnType:
    """The Postgres type for a type of describe; what is no number, date or checkbox is text."""
    return _TYPES.get(described, "text")


@dataclass(frozen=True)
class Wanted:
    """A field that the catalogue or fluint.yaml names; without a `type` the org's own decides. `mart_column` exposes it in a mart."""

    path: str
    need: Need
    column: str
    type: ColumnType | None
    mart_column: str | None = None

    @property
    def key(self) -> str:
        """The path for comparison."""
        return self.path.lower()


@dataclass(frozen=True)
class Column:
    """A wanted field as it stands: the path to ask by, the column that takes its values, and why not if describe does not show it.

    `cause`: hidden, removed, not_shown (which of both could not be told), retyped. `is_unstamped`: it changes without a stamp (R11).
    """

    path: str
    name: str
    type: ColumnType
    need: Need
    is_unstamped: bool = False
    cause: str | None = None
    mart_column: str | None = None

    @property
    def field(self) -> Field:
        """The field as queries and raw tables take it."""
        return Field(self.path, self.type, self.need, self.name)


Shown = Mapping[str, DescribedField]
"""Path as describe writes it → the field that it leads to; of parents only what is wanted of them (`Account.Name`)."""


def wanted(sobject: SObject, extras: Sequence[ExtraField]) -> tuple[Wanted, ...]:
    """The fields of the catalogue, then those that fluint.yaml adds; one that is in both is exposed as fluint.yaml says."""
    exposed = {extra.path.lower(): extra.mart_column for extra in extras}
    ours = [
        Wanted(each.path, each.need, each.column, each.type, exposed.get(each.path.lower()))
        for each in sobject.fields
    ]
    known = {each.key for each in ours}
    added = [
        Wanted(extra.path, Need.EXTRA, field(extra.path).column, None, extra.mart_column)
        for extra in extras
        if extra.path.lower() not in known
    ]
    return (*ours, *added)


def parent_of(path: str, described: Describe) -> tuple[str, DescribedField] | None:
    """The object behind the relationship of a dotted path and the reference that leads there; None without one, or with several."""
    head = path.partition(".")[0].lower()
    for each in described.fields.values():
        if each.relationship.lower() == head and len(each.reference_to) == 1:
            return each.reference_to[0], each
    return None


def columns(
    fields: Iterable[Wanted], shown: Shown, held: Mapping[str, ColumnType], causes: Mapping[str, str]
) -> list[Column]:
    """The state of each wanted field; `held` are the columns of the raw table, `causes` why a path (in lower case) is not shown.

    A field whose type no longer fits its column gets another column beside it, because nothing is altered in place.
    """
    by_key = {path.lower(): (path, described) for path, described in shown.items()}
    return [column for each in fields for column in _columns(each, by_key.get(each.key), held, causes)]


def _columns(
    each: Wanted,
    found: tuple[str, DescribedField] | None,
    held: Mapping[str, ColumnType],
    causes: Mapping[str, str],
) -> Iterator[Column]:
    first = each.type or held.get(each.column)
    if found is None:
        cause = causes.get(each.key, "not_shown")
        yield Column(
            each.path, each.column, first or "text", each.need, cause=cause, mart_column=each.mart_column
        )
        return
    path, described = found
    type_ = column_type(described.type)
    is_unstamped = described.calculated or "." in path
    if first in (None, "text", type_):
        yield Column(
            path,
            each.column,
            first or type_,
            each.need,
            is_unstamped=is_unstamped,
            mart_column=each.mart_column,
        )
        return
    assert first is not None
    yield Column(path, each.column, first, Need.OURS, cause="retyped", mart_column=each.mart_column)
    beside = each.mart_column and f"{each.mart_column}_{type_}"
    yield Column(
        path, f"{each.column}_{type_}", type_, each.need, is_unstamped=is_unstamped, mart_column=beside
    )


def refusals(
    sobject: SObject, extras: Sequence[Wanted], shown: Shown, names: Sequence[str], hidden: Iterable[str]
) -> list[str]:
    """What is wrong with fields that fluint.yaml names: unknown to this org with the nearest names, or of a type that no column holds.

    The nearest are sought among `names`. `hidden` are fields that the object once showed or is known to hide; those are no mistakes.
    """
    there = {name.lower() for name in hidden}
    types = {path.lower(): described.type for path, described in shown.items()}
    found = []
    for each in extras:
        if each.key not in there | types.keys():
            found.append(_unknown(sobject, each.path, names))
        elif types.get(each.key) in _IN_PARTS:
            found.append(f"{each.path} is an address, which arrives in parts: name those, as MailingCity")
        elif types.get(each.key) in _NOT_TEXT:
            found.append(f"{each.path} is of the type {types[each.key]}, which no column can hold")
    return found


def _unknown(sobject: SObject, path: str, names: Sequence[str]) -> str:
    dotted = "." in path
    near = nearest(path, [name for name in names if ("." in name) == dotted])
    text = f"{sobject.name} has no field {path} that the integration user can see"
    return f"{text}; did you mean {' or '.join(near)}?" if near else text


def refuse_columns(
    extra_fields: Mapping[str, Sequence[ExtraField]], marts: Mapping[str, tuple[str, frozenset[str]]]
) -> None:
    """Raises SetupError for fields of fluint.yaml whose columns there cannot be; `marts`: table → its mart and the columns of that.

    What can be said before the org is asked. Whether it has the fields is said when it is described.
    """
    for table, extras in extra_fields.items():
        wrong = [*_same_column(table, extras), *_no_mart_column(table, extras, marts)]
        if wrong:
            raise SetupError(f"fluint.yaml, objects.{table}.fields: {'; '.join(wrong)}.")


def _same_column(table: str, extras: Sequence[ExtraField]) -> Iterator[str]:
    taken: dict[str, str] = {}
    for each in wanted(BY_TABLE[table], extras):
        other = taken.setdefault(each.column, each.path)
        if other != each.path:
            yield f"{each.path} and {other} would both be the column {each.column}; only one of them can be read"


def _no_mart_column(
    table: str, extras: Sequence[ExtraField], marts: Mapping[str, tuple[str, frozenset[str]]]
) -> Iterator[str]:
    mart, taken = marts.get(table, ("", frozenset[str]()))
    names = [each.mart_column for each in extras if each.mart_column]
    if names and not mart:
        yield f"{table} has no mart of its own that could show {', '.join(names)}; those that can are of {', '.join(sorted(marts))}"
    for name in dict.fromkeys(names):
        if name in taken:
            yield f"fluint.{mart} has a column {name} already; choose another mart_column"
        if names.count(name) > 1:
            yield f"two fields have the mart_column {name}"
