"""Answers of the REST API that carry records: their body as it came, and the few facts that paging and the cursor need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Record = dict[str, Any]


@dataclass(frozen=True)
class Page:
    """One page. `body` is UTF-8 JSON as received, for loading; pages of one composite share it and differ in `records_path`.

    `count` is the number of records in it (nulls not counted), `total_size` that of the whole answer, `seen` that of this
    page and those before it. `answered_at` (aware, UTC, whole seconds) is the response's Date. `read_at` is not later than the
    moment at which Salesforce read the records (see `Transport.read_at`).
    """

    body: bytes = field(repr=False)
    records_path: tuple[str | int, ...]
    count: int
    total_size: int
    next_url: str | None
    answered_at: datetime
    read_at: datetime
    sobject: str
    seen: int
    parsed: Sequence[Record | None] = field(repr=False, compare=False)
    options: Mapping[str, str] = field(
        default_factory=dict, repr=False
    )  # headers that the next pages are asked for with

    def records(self) -> list[Record]:
        """Returns the records as parsed, without nulls: for keys and aggregates only; content is loaded from `body`."""
        return [record for record in self.parsed if record is not None]
