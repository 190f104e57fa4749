"""SOQL: from the text of a statement to rows and REST records (SOQL and SOSL Reference)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local_org.org import Org


class QueryResult:
    """Thin for the moment: the interface that bulk.py and rest/ use."""

    columns: list[str]
    total: int

    def rows(self) -> Iterator[tuple[object, ...]]:
        """Yields the rows in SELECT order."""
        raise NotImplementedError

    def to_record(self, row: Sequence[object], version: str) -> dict[str, object]:
        """Returns a row as the REST API shows it."""
        raise NotImplementedError


def run(org: Org, text: str, *, user_id: str, include_deleted: bool) -> QueryResult:
    """Compiles and runs a statement; raises ApiError."""
    raise NotImplementedError
