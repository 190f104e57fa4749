"""From bytes to rows: a temporary typed table filled with COPY or one JSON parameter, then one merge into the raw table (R3, R7).

No Python code touches a row. Which rows are wanted, and what they prove, is decided by the sync, in the same transaction.
"""

from __future__ import annotations

import csv
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from orchestration.errors import BugError, IncompleteReadError
from orchestration.postgres.clean import ByteFilter, Cleaned, clean_json
from orchestration.postgres.connection import Connection
from orchestration.postgres.merge import Merged, merge
from orchestration.postgres.raw_tables import RawColumn, RawTable

__all__ = ["Merged", "Staged", "staged"]


@contextmanager
def staged(conn: Connection, table: RawTable) -> Iterator[Staged]:
    """A temporary table with the columns of `table`, for the rows of one read; gone at exit, or when the transaction ends."""
    staging = Staged(conn, table)
    staging.create()
    yield staging
    if conn.info.transaction_status == TransactionStatus.INTRANS:
        staging.drop()


class Staged:
    """The rows of one read on their way into a raw table.

    `name` may be used in the caller's own SQL (columns as in `table.columns`); `cleaned` counts what Postgres cannot hold and was left out.
    """

    def __init__(self, conn: Connection, table: RawTable) -> None:
        self.table = table
        self.name = sql.Identifier(f"staged_{table.name}_{secrets.token_hex(4)}")
        self.cleaned = Cleaned()
        self._conn = conn

    def add_json(self, body: bytes, records_path: Sequence[str | int]) -> int:
        """Adds the records of the JSON array at `records_path` of `body`, nulls skipped; returns how many.

        Raises IncompleteReadError when there is no such array, or a record does not fit the columns.
        """
        raise NotImplementedError

    def copy_csv(self, chunks: Iterable[bytes]) -> int:
        """Streams one page of a Bulk result (header line and rows, cut anywhere) into the table; returns the number of rows.

        Raises IncompleteReadError when the header is not the expected one, or the page ends inside a row.
        """
        raise NotImplementedError

    def merge(self, *, read_at: datetime, run_id: str) -> Merged:
        """Merges what was staged into the raw table, as of `read_at` (aware; the time of the read by Salesforce's clock)."""
        raise NotImplementedError
