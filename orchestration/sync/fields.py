"""Which of an object's fields can be asked for now: describe compared with the catalogue, remembered for an hour."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from orchestration.errors import FluintError, MissingFieldError, ObjectUnavailableError, SetupError
from orchestration.sync import ledger
from orchestration.sync.objects import Field, Need, SObject
from orchestration.sync.options import Collaborators


@dataclass(frozen=True)
class Readable:
    """One object as the integration user can read it now; `notes` say which optional fields are hidden."""

    sobject: SObject
    fields: tuple[Field, ...]
    shown: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def paths(self) -> list[str]:
        """What a query of full rows selects."""
        return [field.path for field in self.fields]

    @property
    def key_paths(self) -> list[str]:
        """What a query of keys selects."""
        return [field.path for field in self.sobject.keys(self.shown)]


def readable(with_: Collaborators, sobject: SObject) -> Readable:
    """Describes the object if that was not done within the hour, and compares it with the catalogue.

    Raises ObjectUnavailableError, or MissingFieldError when a field that the guide requires is hidden.
    """
    with with_.database.transaction() as connection:
        shown = ledger.fields_shown(connection, sobject.table_name)
    if shown is None:
        with with_.salesforce.purpose("describe"):
            shown = sorted(_described(with_, sobject))
        with with_.database.transaction() as connection:
            hidden = {field.path: field.need.value for field in _hidden(sobject, shown)}
            ledger.remember_fields(connection, sobject.table_name, shown, hidden)
    try:
        _refuse_missing(sobject, shown)
    except SetupError as error:
        forget_if_refused(
            with_, sobject, error
        )  # so that the next run sees what an admin has granted meanwhile
        raise
    notes = tuple(
        f"{sobject.name}.{field.path} is hidden from the integration user; its column stays empty."
        for field in _hidden(sobject, shown)
    )
    return Readable(sobject, sobject.fields_shown(shown), tuple(shown), notes)


def _described(with_: Collaborators, sobject: SObject) -> set[str]:
    """The fields that describes show, on the object and on its parents; a parent that cannot be read shows none."""
    shown = set(with_.salesforce.describe(sobject.name).fields)
    for parent, names in sobject.parent_fields().items():
        try:
            visible = names & set(with_.salesforce.describe(parent).fields)
        except ObjectUnavailableError:
            continue
        shown |= {f"{parent}.{name}" for name in visible}
    return shown


def forget_if_refused(with_: Collaborators, sobject: SObject, error: FluintError) -> None:
    """Describes the object again at the next read when Salesforce no longer knows a field or the object."""
    if isinstance(error, MissingFieldError | ObjectUnavailableError):
        with with_.database.transaction() as connection:
            ledger.forget_fields(connection, sobject.table_name)


def _hidden(sobject: SObject, shown: Iterable[str]) -> list[Field]:
    readable_fields = sobject.fields_shown(shown)
    return [field for field in sobject.fields if field not in readable_fields]


def _refuse_missing(sobject: SObject, shown: Iterable[str]) -> None:
    missing = [field.path for field in _hidden(sobject, shown) if field.need is Need.REQUIRED]
    if not missing:
        return
    if len(missing) == len([f for f in sobject.fields if f.need is Need.REQUIRED]):
        raise ObjectUnavailableError(
            f"{sobject.name} shows none of its required fields to the integration user."
        )
    names = ", ".join(f"{sobject.name}.{path}" for path in missing)
    raise MissingFieldError(
        f"{names} cannot be read by the integration user, so {sobject.name} was not synced; the other objects go on. "
        f"A Salesforce admin grants Read: Setup › Object Manager › {sobject.name} › Fields & Relationships › the field › "
        "Set Field-Level Security › Visible for the integration user's profile, or in its permission set."
    )
