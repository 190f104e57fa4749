"""Which of an object's fields can be asked for now: describe compared with catalogue and fluint.yaml, remembered for an hour.

What is compared is wanted.py's, what is kept described.py's and raw_columns.py's; asking Salesforce, and the order, is here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestration.errors import (
    FluintError,
    IncompleteReadError,
    MissingFieldError,
    ObjectUnavailableError,
    SetupError,
)
from orchestration.postgres.connection import Connection
from orchestration.postgres.raw_tables import columns_held, grow
from orchestration.salesforce.governed import reading_step
from orchestration.sync import described, drift, ledger, raw_columns
from orchestration.sync.describing import Description, describe
from orchestration.sync.objects import Field, Need, SObject
from orchestration.sync.options import Collaborators
from orchestration.sync.plan import field_groups
from orchestration.sync.wanted import Column, Wanted, columns, refusals, wanted


@dataclass(frozen=True)
class Readable:
    """One object as the integration user can read it now; `notes` say which wanted fields are hidden, `missing` which required ones."""

    sobject: SObject
    fields: tuple[Field, ...]
    shown: tuple[str, ...]
    notes: tuple[str, ...]
    missing: tuple[str, ...] = ()

    @property
    def groups(self) -> list[tuple[Field, ...]]:
        """The fields in as many groups as a query can select; those of the catalogue are in the first."""
        return field_groups(self.fields)

    @property
    def paths(self) -> list[str]:
        """What a query of full rows selects; wide.py asks for the rest of an object that has more."""
        return [field.path for field in self.groups[0]]

    @property
    def all_paths(self) -> list[str]:
        """What a Bulk job selects, whose statement stands in no URI."""
        return [field.path for field in self.fields]

    @property
    def key_paths(self) -> list[str]:
        """What a query of keys selects."""
        return [field.path for field in self.sobject.keys(self.shown)]

    @property
    def columns(self) -> list[str]:
        """The columns that full rows fill."""
        return [field.column for field in self.fields]


def readable(with_: Collaborators, sobject: SObject) -> Readable:
    """Describes the object if that was not done within the hour, and compares it with what is wanted of it.

    Raises ObjectUnavailableError; MissingFieldError when a field that the guide requires is hidden; SetupError for a field of
    fluint.yaml that the org does not have.
    """
    table = sobject.table_name
    fields = wanted(sobject, with_.options.extra_fields.get(table, ()))
    asked = [f"{each.path}={each.mart_column or ''}" for each in fields]
    what: Readable | None = None
    with with_.database.transaction() as connection:
        if described.was_unavailable(connection, table):
            raise unavailable(sobject)
        if described.is_known(connection, table, asked):
            what = _read(connection, sobject, fields)
    if what is None:
        _describe_anew(with_, sobject, fields, asked)
        with with_.database.transaction() as connection:
            what = _read(connection, sobject, fields)
    try:
        _refuse_missing(sobject, what.missing)
    except SetupError as error:
        # Forgotten, so that the next run sees what an admin has granted meanwhile.
        forget_if_refused(with_, sobject, error)
        raise
    return what


def unavailable(sobject: SObject) -> ObjectUnavailableError:
    """The error for an object that describe does not show."""
    text = (
        f"{sobject.name} is not there for the integration user, so it is not read; everything else goes on. A Salesforce admin"
        f" {reading_step(sobject.name)}."
    )
    if sobject.may_be_absent:
        text += f" Who does without it sets objects.{sobject.table_name}.enabled to false in fluint.yaml."
    return ObjectUnavailableError(text)


def _describe_anew(
    with_: Collaborators, sobject: SObject, fields: Sequence[Wanted], asked: Sequence[str]
) -> None:
    """Asks for the description, adds the columns that fluint.yaml wants, and keeps what was seen with what follows from it."""
    table = sobject.table_name
    with with_.database.transaction() as connection:
        before = described.fields_before(connection, table)
    try:
        with with_.salesforce.purpose("describe"):
            seen = describe(with_.salesforce, sobject, fields, before)
    except ObjectUnavailableError as error:
        with with_.database.transaction() as connection:
            described.note_unavailable(connection, table)
        raise ObjectUnavailableError(
            str(unavailable(sobject)), code=error.code, request_id=error.request_id
        ) from None
    _refuse_unknown(sobject, fields, seen, before)
    with with_.database.transaction() as connection:
        held = columns_held(connection, table)
    settled = columns(fields, seen.shown, held, _causes(fields, seen))
    # By itself, because it waits for whoever reads the table: no other lock is to wait with it.
    with with_.database.transaction() as connection:
        grow(connection, sobject.raw_table([each.field for each in settled if each.cause is None]))
    with with_.database.transaction() as connection:
        _keep(connection, sobject, seen, before, settled, asked)


def _keep(
    connection: Connection,
    sobject: SObject,
    seen: Description,
    before: dict[str, drift.Remembered],
    settled: Sequence[Column],
    asked: Sequence[str],
) -> None:
    table = sobject.table_name
    changes = drift.compare(before, seen.shown, seen.granted)
    described.note_available(connection, table)
    described.remember(connection, table, seen.shown, changes, asked)
    raw_columns.keep(connection, table, settled)
    raw_columns.cover_if_empty(connection, sobject.raw_table())
    hidden = {each.path: each.need.value for each in settled if each.cause not in (None, "retyped")}
    ledger.remember_hidden(connection, table, hidden)


def _causes(fields: Sequence[Wanted], seen: Description) -> dict[str, str]:
    return {each.key: drift.why_absent(each.path, seen.granted) for each in fields}


def _refuse_unknown(
    sobject: SObject, fields: Sequence[Wanted], seen: Description, before: dict[str, drift.Remembered]
) -> None:
    """Raises SetupError for what fluint.yaml names and the org does not have; what it had before was no mistake."""
    extras = [each for each in fields if each.need is Need.EXTRA]
    wrong = refusals(sobject, extras, seen.shown, seen.names, [*before, *(seen.granted or ())])
    if wrong:
        raise SetupError(
            f"fluint.yaml, objects.{sobject.table_name}.fields: {'; '.join(wrong)}. {sobject.name} is not read until whoever runs this"
            " pipeline corrects the file and restarts it, or, where the name is right, a Salesforce admin grants Read on the field"
            " (field-level security) to the integration user's permission set. Everything else goes on."
        )


def _read(connection: Connection, sobject: SObject, fields: Sequence[Wanted]) -> Readable:
    by_column = raw_columns.readable_fields(connection, sobject.table_name)
    order = {each.key: place for place, each in enumerate(fields)}
    chosen = sorted(
        by_column.values(), key=lambda field: (order.get(field.path.lower(), len(order)), field.column)
    )
    absent = raw_columns.not_read(connection, sobject.table_name)
    notes = tuple(
        f"{sobject.name}.{path} is hidden from the integration user, or not in this org; its column gets no values."
        for path, _ in absent
    )
    missing = tuple(path for path, need in absent if need is Need.REQUIRED)
    return Readable(sobject, tuple(chosen), tuple(field.path for field in chosen), notes, missing)


def forget_if_refused(with_: Collaborators, sobject: SObject, error: FluintError) -> None:
    """Describes the object again at the next read when Salesforce no longer knows a field or the object, or gives other values."""
    if isinstance(error, MissingFieldError | ObjectUnavailableError | IncompleteReadError):
        with with_.database.transaction() as connection:
            described.forget(connection, sobject.table_name)


def _refuse_missing(sobject: SObject, missing: Sequence[str]) -> None:
    if not missing:
        return
    names = ", ".join(f"{sobject.name}.{path}" for path in missing)
    # Without any of them there is nothing to be read, which an org may do without.
    required = [field for field in sobject.fields if field.need is Need.REQUIRED]
    kind = ObjectUnavailableError if len(missing) == len(required) else MissingFieldError
    raise kind(
        f"{names} cannot be read by the integration user, so {sobject.name} was not synced; the other objects go on. "
        f"A Salesforce admin grants Read: Setup › Object Manager › {sobject.name} › Fields & Relationships › the field › "
        "Set Field-Level Security › Visible for the integration user's profile, or in its permission set."
    )
