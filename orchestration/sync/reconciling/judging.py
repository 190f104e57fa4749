"""What becomes of rows that are held and that Salesforce did not return when they were asked for by their ids (R8). Pure.

An absence proves a deletion only if nothing else explains it: a permission that was taken away looks the same.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

HARD_DELETED = "hard_deleted"
NOT_VISIBLE = "not_visible"
# So few may be gone in a night without a question; more than this share and this number together is first taken for lost access.
MOST_SHARE = 0.01
MOST_ROWS = 20


class Withheld(StrEnum):
    """Why nothing was concluded from absence."""

    PERMISSIONS_CHANGED = "permissions_changed"
    TOO_MANY = "too_many"


@dataclass(frozen=True)
class Judgement:
    """Id → reason of its tombstone, and the ids that were left as they are with why."""

    tombstones: Mapping[str, str] = field(default_factory=dict)
    left: tuple[str, ...] = ()
    withheld: Withheld | None = None


def too_many(gone: int, live: int) -> bool:
    """Whether so many of the `live` rows of an object cannot have gone unnoticed."""
    return gone > MOST_ROWS and gone > live * MOST_SHARE


def judge(
    gone: Sequence[str],
    *,
    listed_as_deleted: Collection[str],
    live: int,
    views_all: bool,
    permissions_changed: bool,
    accepted: bool = False,
) -> Judgement:
    """Decides about ids that were asked for and not returned, of `live` rows held.

    What Salesforce's own list of deletions names is gone whatever the permissions are. Of the rest nothing is concluded when the
    permissions changed or too many are gone, unless a person `accepted` that; `views_all`: no sharing hides rows of the object.
    """
    tombstones = {record_id: HARD_DELETED for record_id in gone if record_id in listed_as_deleted}
    rest = tuple(record_id for record_id in gone if record_id not in tombstones)
    if rest and not accepted:
        if permissions_changed:
            return Judgement(tombstones, rest, Withheld.PERMISSIONS_CHANGED)
        if too_many(len(rest), live):
            return Judgement(tombstones, rest, Withheld.TOO_MANY)
    return Judgement(tombstones | dict.fromkeys(rest, HARD_DELETED if views_all else NOT_VISIBLE))
