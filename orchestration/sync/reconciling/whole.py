"""Users, stages and record types, which are read whole: all ids of Salesforce, the rows that are missing, and asking again for the rest.

They hang on no deal and have no recycle bin; what follows from an absence is judging.py's.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from orchestration.salesforce import soql
from orchestration.sync.asking import pages_of
from orchestration.sync.changes import store_whole
from orchestration.sync.fields import Readable
from orchestration.sync.options import Collaborators, Counts
from orchestration.sync.plan import DEALS_IN_A_QUERY, chunks
from orchestration.sync.reconciling.closing import Asked, Ids, keys_of
from orchestration.sync.reconciling.counting import month_of
from orchestration.sync.reconciling.holdings import Place
from orchestration.sync.windows import CreatedRange

# Where CreatedDate may not be seen.
_SOME_MONTH = date(1970, 1, 1)


def list_all(with_: Collaborators, what: Readable, now: datetime) -> dict[str, Place]:
    """Every id of the object, with the month in which it was created."""
    shown = [path for path in ("Id", "CreatedDate") if path in what.shown]
    every = [CreatedRange(None, None)]

    def query(part: CreatedRange) -> str:
        return soql.select(shown, what.sobject.name, part.conditions())

    found: dict[str, Place] = {}
    for _, pages in pages_of(with_, what.sobject.name, every, query, now):
        for page in pages:
            for row in page.records():
                created = row.get("CreatedDate")
                found[row["Id"]] = ("", month_of(created) if created else _SOME_MONTH)
    return found


def read(with_: Collaborators, what: Readable, ids: Sequence[str], now: datetime) -> Counts:
    """Reads these rows in full and stores them."""

    def query(part: Ids) -> str:
        return soql.select(what.paths, what.sobject.name, part.conditions())

    parts = [Ids(tuple(some)) for some in chunks(ids, DEALS_IN_A_QUERY)]
    found = pages_of(with_, what.sobject.name, parts, query, now)
    return sum((store_whole(with_, what, page) for _, pages in found for page in pages), Counts())


def ask_again(with_: Collaborators, what: Readable, ids: Sequence[str], now: datetime) -> Asked:
    """Asks for these ids once more, and takes those that came for there: they were made or shown in between."""
    asked = Asked()
    parts = [Ids(tuple(some)) for some in chunks(ids, DEALS_IN_A_QUERY)]
    for part, pages in pages_of(with_, what.sobject.name, parts, lambda some: keys_of(what, some), now):
        here = {row["Id"] for page in pages for row in page.records()}
        asked.there |= here
        asked.gone |= dict.fromkeys(set(part.ids) - here, min(page.read_at for page in pages))
    return asked
