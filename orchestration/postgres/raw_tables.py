"""The raw tables: their description as data and the additive DDL that brings them up. Which tables there are is the catalogue's business.

Raw DDL only ever adds (a table, a column, an index): analysts' views and the entitlement views hang on these tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ColumnType = Literal["text", "boolean", "numeric", "timestamptz", "date"]

SCHEMA = "raw_salesforce"


@dataclass(frozen=True)
class RawColumn:
    """One column, its Postgres type, and the path of its value in a REST record (joined with dots: the Bulk CSV header)."""

    name: str
    type: ColumnType
    path: tuple[str, ...]


@dataclass(frozen=True)
class RawTable:
    """One table of raw_salesforce; every table has the key `id` and, where the object has them, `system_modstamp` and `is_deleted`."""

    name: str
    columns: tuple[RawColumn, ...]
