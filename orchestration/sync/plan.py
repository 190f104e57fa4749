"""How work is cut into requests: chunks of ids and packs of owners, decided from counts alone. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from orchestration.sync.objects import Field

# A composite request takes five queries at most and counts as one call (REST guide). Its subrequests' URLs stand in the body,
# but nothing says that they may be longer than the 16,384 bytes of a URI, so each statement stays below that.
QUERIES_IN_A_COMPOSITE = 5
# An id in a list takes 21 bytes: 500 deals and the field list of a mail fit.
DEALS_IN_A_QUERY = 500
# A query of pending ids names their owners too, so that both lists may be this long.
IDS_IN_A_QUERY = 300
OWNERS_IN_A_QUERY = 500
# Coverage is written per pack: a killed first load loses at most so many rows of work, and a pack fits one Bulk job.
ROWS_IN_A_PACK = 200_000

# Beside 500 ids, or 300 ids and as many parents, which take 12,600 characters, so much of field names fits a statement of that length.
CHARACTERS_OF_FIELDS = 3_000

T = TypeVar("T")


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Consecutive slices of at most `size` items."""
    return (items[i : i + size] for i in range(0, len(items), size))


def field_groups(fields: Sequence[Field]) -> list[tuple[Field, ...]]:
    """The fields, in order, in as many groups as they need queries: most objects need one."""
    groups: list[list[Field]] = [[]]
    length = 0
    for field in fields:
        length += len(field.path) + 2
        if groups[-1] and length > CHARACTERS_OF_FIELDS:
            groups.append([])
            length = len(field.path) + 2
        groups[-1].append(field)
    return [tuple(group) for group in groups if group]


@dataclass(frozen=True)
class Pack:
    """Owners that are listed together and about how many deals they have."""

    owner_ids: tuple[str, ...]
    rows: int


def pack_owners(counts: Mapping[str, int]) -> list[Pack]:
    """Packs owners greedily, small ones first, so that deals appear early and one huge owner stands alone."""
    packs: list[Pack] = []
    owners: list[str] = []
    rows = 0
    for owner, count in sorted(counts.items(), key=lambda item: (item[1], item[0])):
        if owners and (rows + count > ROWS_IN_A_PACK or len(owners) == OWNERS_IN_A_QUERY):
            packs.append(Pack(tuple(owners), rows))
            owners, rows = [], 0
        owners.append(owner)
        rows += count
    return [*packs, Pack(tuple(owners), rows)] if owners else packs
