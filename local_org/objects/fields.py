"""What a field and an sObject are, as data. The objects themselves are in the sibling modules."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

LONG_TEXT = 256
"""Text areas from this length on can be neither filtered, sorted nor grouped by (SOQL and SOSL Reference, WHERE)."""


@dataclass(frozen=True)
class Value:
    """One value of a picklist."""

    value: str
    label: str
    is_default: bool = False
    is_active: bool = True


@dataclass(frozen=True)
class Field:
    """A field as describe shows it (REST API Developer Guide, sObject Describe)."""

    name: str
    type: str
    label: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    digits: int = 0
    nillable: bool = True
    createable: bool = False
    updateable: bool = False
    filterable: bool = True
    sortable: bool = True
    groupable: bool = True
    calculated: bool = False
    permissionable: bool = True
    defaulted_on_create: bool = False
    default: object = None
    custom: bool = False
    external_id: bool = False
    unique: bool = False
    name_field: bool = False
    extra_type: str | None = None
    compound: str | None = None
    reference_to: tuple[str, ...] = ()
    relationship: str | None = None
    child_relationship: str | None = None
    cascade_delete: bool = False
    restricted: bool = False
    values: tuple[Value, ...] = ()
    formula: tuple[str, str] | None = None
    """A cross-object formula: the lookup and the field of the record behind it. Worked out when it is read, so it moves no stamp."""

    @property
    def polymorphic(self) -> bool:
        """Tells whether the reference may point to more than one object."""
        return len(self.reference_to) > 1

    @property
    def required(self) -> bool:
        """Tells whether a create must give a value."""
        return (
            self.createable and not self.nillable and not self.defaulted_on_create and self.type != "boolean"
        )

    def but(self, **changes: object) -> Field:
        """Returns the same field with other attributes."""
        return replace(self, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True)
class SObject:
    """An sObject: its fields and what the global describe says of it (REST API Developer Guide, Describe Global)."""

    name: str
    label: str
    label_plural: str
    key_prefix: str
    fields: tuple[Field, ...]
    createable: bool = False
    updateable: bool = False
    deletable: bool = False
    undeletable: bool = False
    mergeable: bool = False
    queryable: bool = True
    retrieveable: bool = True
    replicateable: bool = False
    layoutable: bool = False
    searchable: bool = False
    triggerable: bool = False
    custom: bool = False
    access: str = "everyone"
    """Who may read it: `object` (its own ObjectPermissions), `like:X` (those of X), `system:P` (the user permission P), `everyone`."""
    sharing: str = "public"
    """Which rows are seen without View All: `public`, `owner` (OwnerId), `parent:F,G` (whoever sees the record in F or in G),
    `user:F` (the user in F and who has Manage Users), `mail` or `file`."""
    _by_name: dict[str, Field] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Indexes the fields by lower-case name: names are case-insensitive in the API."""
        self._by_name.update({each.name.lower(): each for each in self.fields})

    def field(self, name: str) -> Field | None:
        """Returns the field of that name in any case, or None."""
        return self._by_name.get(name.lower())

    def has(self, name: str) -> bool:
        """Tells whether the object has that field."""
        return name.lower() in self._by_name

    def relationship(self, name: str) -> Field | None:
        """Returns the reference field behind a relationship name such as `Account` or `Owner`, or None."""
        wanted = name.lower()
        return next((each for each in self.fields if (each.relationship or "").lower() == wanted), None)

    @property
    def soft_deletes(self) -> bool:
        """Tells whether deleted rows stay behind with IsDeleted set."""
        return self.has("IsDeleted")
