"""What differs between two descriptions of an object. Pure; keeping them is described.py's, what follows for a column is wanted.py's."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from orchestration.salesforce.describe import DescribedField

Kind = Literal[
    "added",
    "visible_again",
    "hidden",
    "removed",
    "not_shown",
    "renamed",
    "type_changed",
    "length_grown",
    "length_shrunk",
]


@dataclass(frozen=True)
class Remembered:
    """A field as it was last described; `is_gone` when the describe after that did not show it."""

    name: str
    type: str
    length: int
    is_gone: bool = False


@dataclass(frozen=True)
class Change:
    """One difference of one field, with what it was and what it is now where that says something."""

    field: str
    kind: Kind
    was: str | None = None
    is_now: str | None = None


def why_absent(path: str, granted: Collection[str] | None) -> Literal["hidden", "removed", "not_shown"]:
    """Why describe does not show a field: `granted` are those that some permission set or profile may read, None if nobody could tell.

    Field-level security names a field as long as it exists; one that nobody may read looks like one that was removed.
    """
    if granted is None:
        return "not_shown"
    return "hidden" if path.lower() in granted else "removed"


def compare(
    before: Mapping[str, Remembered], now: Mapping[str, DescribedField], granted: Collection[str] | None
) -> list[Change]:
    """What changed, by field; `before` is by path in lower case. Nothing was added to an object that was never described before."""
    if not before:
        return []
    shown = {path.lower(): (path, field) for path, field in now.items()}
    changes = [
        change for key, (path, field) in shown.items() for change in _one(before.get(key), path, field)
    ]
    gone = [held for key, held in before.items() if not held.is_gone and key not in shown]
    return sorted(
        [*changes, *(Change(held.name, why_absent(held.name, granted), held.type) for held in gone)],
        key=lambda change: (change.field, change.kind),
    )


def _one(before: Remembered | None, path: str, now: DescribedField) -> Iterator[Change]:
    if before is None:
        yield Change(path, "added", None, now.type)
        return
    if before.is_gone:
        yield Change(path, "visible_again", None, now.type)
    if before.name != path:
        yield Change(path, "renamed", before.name, path)
    if before.type != now.type:
        yield Change(path, "type_changed", before.type, now.type)
    elif before.length != now.length:
        kind: Kind = "length_grown" if now.length > before.length else "length_shrunk"
        yield Change(path, kind, str(before.length), str(now.length))
