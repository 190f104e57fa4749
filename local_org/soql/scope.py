"""What the names in a query mean: from a path such as `Account.Owner.Email` to a field and an SQL expression, adding the joins."""

from __future__ import annotations

from dataclasses import dataclass, replace

from local_org.objects import SOBJECTS, Field, SObject
from local_org.objects import make as m
from local_org.schema import quoted, stored
from local_org.security import Access
from local_org.soql import faults, tree

MAX_LEVELS = 5
MAX_RELATIONSHIPS = 55
_PART_KEYS = {"Street": "street", "City": "city", "State": "state", "PostalCode": "postalCode", "Country": "country",
              "Latitude": "latitude", "Longitude": "longitude", "GeocodeAccuracy": "geocodeAccuracy"}  # fmt: skip

# A polymorphic parent is seen as the object Name, with the fields that its possible objects share (Object Reference, Name).
NAME = SObject(
    "Name", "Name", "Names", "",
    (
        m.record_id(), m.name_field(255, "N"), m.picklist("Type", 40, (), "N"), m.text("FirstName", 40, "N"), m.text("LastName", 80, "N"),
        m.make("Email", "email", "N", length=128), m.make("Phone", "phone", "N", length=40), m.text("Title", 128, "N"),
        m.text("Username", 80, "N"), m.text("Alias", 8, "N"), m.flag("IsActive"),
    ),
)  # fmt: skip

_INTEGER = m.integer("expr", groupable=True)
_DAY = m.day("expr")
DATE_FUNCTIONS: dict[str, tuple[str, Field]] = {
    "CALENDAR_YEAR": ("cast(substr({0}, 1, 4) as integer)", _INTEGER),
    "CALENDAR_MONTH": ("cast(substr({0}, 6, 2) as integer)", _INTEGER),
    "CALENDAR_QUARTER": ("(cast(substr({0}, 6, 2) as integer) + 2) / 3", _INTEGER),
    "FISCAL_YEAR": ("cast(substr({0}, 1, 4) as integer)", _INTEGER),
    "FISCAL_MONTH": ("cast(substr({0}, 6, 2) as integer)", _INTEGER),
    "FISCAL_QUARTER": ("(cast(substr({0}, 6, 2) as integer) + 2) / 3", _INTEGER),
    "DAY_IN_MONTH": ("cast(substr({0}, 9, 2) as integer)", _INTEGER),
    "DAY_IN_WEEK": ("cast(strftime('%w', {0}) as integer) + 1", _INTEGER),
    "DAY_IN_YEAR": ("cast(strftime('%j', {0}) as integer)", _INTEGER),
    "WEEK_IN_YEAR": ("(cast(strftime('%j', {0}) as integer) + 6) / 7", _INTEGER),
    "HOUR_IN_DAY": ("cast(substr({0}, 12, 2) as integer)", _INTEGER),
    "DAY_ONLY": ("substr({0}, 1, 10)", _DAY),
}
"""Date functions work on the UTC value unless convertTimezone is used (SOQL and SOSL Reference, "Date Functions")."""


@dataclass(frozen=True)
class Resolved:
    """What an operand is: its field, its SQL, and the relationships on the way (canonical names, none for the object itself)."""

    field: Field
    sql: str
    relationships: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The canonical dotted path."""
        return ".".join((*self.relationships, self.field.name))


@dataclass(frozen=True)
class Parent:
    """An object in the query: the main one (no relationships) or one reached by lookups. `key` is the SQL of its id."""

    sobject: SObject
    alias: str
    key: str
    reference: Field | None = None


class Scope:
    """The objects and joins of one SELECT, as one user may see them."""

    def __init__(
        self, text: str, sobject: SObject, access: Access, name: str | None = None, prefix: str = "t"
    ) -> None:
        """Starts with the object of the FROM clause; `text` is the statement, for excerpts; `name` its alias there."""
        self.text = text
        self.sobject = sobject
        self.access = access
        self._own_names = {sobject.name.lower(), (name or sobject.name).lower()}
        self._prefix = prefix
        self.base = f"{prefix}0"
        self.parents: dict[tuple[str, ...], Parent] = {(): Parent(sobject, self.base, f"{self.base}.Id")}
        self._joins: list[str] = []

    def from_clause(self) -> str:
        """Returns the FROM clause with every join that the resolved paths need."""
        return " ".join([f"from {quoted(self.sobject.name)} {self.base}", *self._joins])

    def resolve(self, operand: tree.Operand) -> Resolved:
        """Returns what an operand means; raises ApiError INVALID_FIELD for what does not exist or is hidden."""
        if isinstance(operand, tree.Call):
            return self._resolve_call(operand)
        *steps, last = self._without_alias(operand)
        if len(steps) > MAX_LEVELS:
            raise faults.malformed(
                self.text, operand.at, f"Cannot have more than {MAX_LEVELS} levels of parent relationships"
            )
        parent = self.parents[()]
        path: tuple[str, ...] = ()
        for step in steps:
            parent, path = self._step(parent, path, step, operand.at)
        return replace(self._field(parent, last, operand.at), relationships=path)

    def _without_alias(self, path: tree.Path) -> list[str]:
        parts = path.parts
        if (
            len(parts) > 1
            and parts[0].lower() in self._own_names
            and self.sobject.relationship(parts[0]) is None
        ):
            return parts[1:]
        return parts

    def _resolve_call(self, call: tree.Call) -> Resolved:
        known = DATE_FUNCTIONS.get(call.name)
        if known is None or call.argument is None:
            raise faults.malformed(self.text, call.at, f"Invalid function: {call.name}")
        argument = self.resolve(call.argument)
        if argument.field.type not in ("date", "datetime"):
            raise faults.malformed(
                self.text, call.at, f"{call.name} only takes a date or dateTime: {argument.name}"
            )
        template, field = known
        return Resolved(field, template.format(argument.sql), argument.relationships)

    def _step(
        self, parent: Parent, path: tuple[str, ...], step: str, at: int
    ) -> tuple[Parent, tuple[str, ...]]:
        field = parent.sobject.relationship(step)
        if field is None or field.name.lower() not in self._fields_of(parent.sobject):
            raise faults.no_relationship(self.text, at, step)
        path = (*path, str(field.relationship))
        found = self.parents.get(path)
        if found is None:
            found = self.parents[path] = self._join(parent, field, at)
            if len(self.parents) > MAX_RELATIONSHIPS + 1:
                raise faults.malformed(
                    self.text, at, f"Cannot have more than {MAX_RELATIONSHIPS} parent relationships"
                )
        return found, path

    def _join(self, parent: Parent, field: Field, at: int) -> Parent:
        column = f"{parent.alias}.{quoted(field.name)}"
        if field.polymorphic:
            return Parent(NAME, column, column, field)
        target = SOBJECTS.get(field.reference_to[0])
        if target is None or not self.access.may_read(target):
            raise faults.no_relationship(self.text, at, str(field.relationship))
        alias = f"{self._prefix}{len(self._joins) + 1}"
        self._joins.append(f"left join {quoted(target.name)} {alias} on {alias}.Id = {column}")
        return Parent(target, alias, f"{alias}.Id", field)

    def polymorphic(self, relationship: tree.Path) -> tuple[Field, str]:
        """Returns the reference behind a relationship of the main object that can point to several, and its column."""
        field = self.sobject.relationship(relationship.text)
        if field is None or field.name.lower() not in self._fields_of(self.sobject):
            raise faults.no_relationship(self.text, relationship.at, relationship.text)
        if not field.polymorphic:
            message = f"TYPEOF is not allowed on '{relationship.text}', which points to one object"
            raise faults.malformed(self.text, relationship.at, message)
        return field, f"{self.base}.{quoted(field.name)}"

    def typed_parent(self, reference: Field, column: str, sobject: tree.Path) -> Parent:
        """Returns the parent as one of its possible objects, joined; raises ApiError where the user may not read that."""
        target = SOBJECTS.get(
            next(each for each in reference.reference_to if each.lower() == sobject.text.lower())
        )
        if target is None or not self.access.may_read(target):
            raise faults.no_object(self.text, sobject.at, sobject.text)
        alias = f"{self._prefix}{len(self._joins) + 1}"
        self._joins.append(f"left join {quoted(target.name)} {alias} on {alias}.Id = {column}")
        return Parent(target, alias, f"{alias}.Id", reference)

    def field_of(self, parent: Parent, path: tree.Path) -> Resolved:
        """Returns a field of a parent by its plain name."""
        return self._field(parent, path.text, path.at)

    def _fields_of(self, sobject: SObject) -> dict[str, Field]:
        if sobject is NAME:
            return {each.name.lower(): each for each in NAME.fields}
        return self.access.readable(sobject)

    def _field(self, parent: Parent, name: str, at: int) -> Resolved:
        field = self._fields_of(parent.sobject).get(name.lower())
        if field is None:
            raise faults.no_field(self.text, at, name, parent.sobject.name)
        if parent.sobject is NAME:
            assert parent.reference is not None
            return Resolved(field, self._shared(parent.reference, parent.key, field))
        if field.formula is not None:
            return Resolved(field, _formula(parent, field.formula))
        if not stored(field):
            return Resolved(field, _address(parent, field))
        return Resolved(field, f"{parent.alias}.{quoted(field.name)}")

    def _shared(self, reference: Field, key: str, field: Field) -> str:
        """Returns the value of a field of the object Name: that of the object to which the id belongs."""
        if field.name == "Id":
            return key
        cases = []
        for target in (SOBJECTS[name] for name in reference.reference_to if name in SOBJECTS):
            wanted = _name_of(target) if field.name == "Name" else field.name
            value = f"'{target.name}'" if field.name == "Type" else None
            if (
                value is None
                and wanted.lower() in self.access.readable(target)
                and self.access.may_read(target)
            ):
                value = f"(select n_.{quoted(wanted)} from {quoted(target.name)} n_ where n_.Id = {key})"
            if value is not None:
                cases.append(f"when '{target.key_prefix}' then {value}")
        return f"(case substr({key}, 1, 3) {' '.join(cases)} end) collate nocase" if cases else "null"


def _name_of(sobject: SObject) -> str:
    return next((each.name for each in sobject.fields if each.name_field), "Id")


def _formula(parent: Parent, formula: tuple[str, str]) -> str:
    """Returns the value of a cross-object formula, whatever the user may see of the other record."""
    lookup, name = formula
    reference = parent.sobject.field(lookup)
    assert reference is not None
    column = f"{parent.alias}.{quoted(lookup)}"
    target = quoted(reference.reference_to[0])
    return f"(select f_.{quoted(name)} from {target} f_ where f_.Id = {column}) collate nocase"


def _address(parent: Parent, field: Field) -> str:
    """Returns a compound address as JSON text, or null where every part is null."""
    parts = {
        each.name.removeprefix(field.name.removesuffix("Address")): each
        for each in parent.sobject.fields
        if each.compound == field.name
    }
    columns = {
        key: f"{parent.alias}.{quoted(parts[name].name)}" for name, key in _PART_KEYS.items() if name in parts
    }
    pairs = ", ".join(f"'{key}', {column}" for key, column in columns.items())
    return f"case when coalesce({', '.join(columns.values())}) is not null then json_object({pairs}) end"
