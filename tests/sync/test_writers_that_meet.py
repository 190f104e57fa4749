"""Processes that make the same ids pending wait for each other before the first one, by the lock of the rows' own table.

Whoever takes a row of `pending` first and that lock afterwards deadlocks with one who holds the lock and comes to the row.
"""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from orchestration.postgres.connection import Database
from orchestration.postgres.copy import staged
from orchestration.postgres.merge import lock_for_writing
from orchestration.sync import run
from orchestration.sync.keys import pend_incomplete
from orchestration.sync.objects import CONTACT, OPPORTUNITY
from orchestration.sync.windows import CreatedRange
from tests.sync.bench import Bench


def _pend_what_is_incomplete(bench: Bench) -> None:
    with (
        bench.database.transaction() as connection,
        staged(connection, CONTACT.raw_table()) as rows,
        staged(connection, CONTACT.raw_table()) as whole,
    ):
        pend_incomplete(connection, CONTACT, rows, whole)


def _read_months_again(bench: Bench) -> None:
    run._deals_of(bench.with_(), CreatedRange(None, None))


@pytest.mark.parametrize(
    ("pend", "first"),
    [
        (_pend_what_is_incomplete, "opportunity_contact_role"),
        (_pend_what_is_incomplete, "contact"),
        (_read_months_again, "opportunity"),
    ],
)
def test_ids_become_pending_only_under_the_lock_of_their_table(
    bench: Bench, pend: Callable[[Bench], None], first: str
) -> None:
    """A deadlock between a run that reads wide rows or months again and the keys that the sensor follows meanwhile."""
    tables = {each.table_name: each.raw_table() for each in (OPPORTUNITY, CONTACT)}
    tables["opportunity_contact_role"] = CONTACT.named_by.sobject.raw_table()  # type: ignore[union-attr]
    database = bench.database
    separator = "&" if "?" in database.url else "?"
    bench.database = Database(f"{database.url}{separator}options=-c%20lock_timeout%3D300")
    with database.transaction() as other:
        lock_for_writing(other, tables[first])
        with pytest.raises(psycopg.errors.LockNotAvailable):
            pend(bench)
    pend(bench)
    assert bench.ask("select count(*) from fluint_sync.pending") == [(0,)]
