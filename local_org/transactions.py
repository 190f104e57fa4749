"""Slow transactions: changes that take their stamps and ids now and become visible when they commit, seconds or minutes later.

Salesforce stamps a row inside the transaction that writes it; nobody else sees it before the commit, when readers have often gone
past its stamp. SQLite has one writer, so a transaction that is held open would stop the org. Here it is set aside instead: its ids
and its stamp are taken, its rows and those that move with them are locked, so that no later stamp is written over, and everything is
written at the commit, in one go. One that is open when the org stops is rolled back. Not here: what a change does to a row (store.py).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import TYPE_CHECKING, Any

from local_org import deletion, platform
from local_org.ids import to_18
from local_org.objects import SOBJECTS

if TYPE_CHECKING:  # org.py makes these.
    from local_org.store import Store

ACTS = ("insert", "update", "delete", "undelete")


@dataclass(frozen=True)
class Change:
    """One act on rows of one object: `ids` are those of the rows, for an insert the ids that the new rows will have."""

    act: str
    sobject: str
    ids: tuple[str, ...]
    values: Mapping[str, object]


@dataclass(frozen=True)
class Transaction:
    """A transaction that has begun and not ended; `began_at` (aware, UTC) is the stamp of all that it writes."""

    number: int
    by: str
    began_at: datetime
    changes: tuple[Change, ...]

    @property
    def ids(self) -> list[str]:
        """The ids of the rows that it writes, in the order of its changes."""
        return [each for change in self.changes for each in change.ids]


class SlowTransactions:
    """The open transactions of one org."""

    def __init__(self, store: Store) -> None:
        """Begins with none."""
        self._store = store
        self._numbers = count(1)
        self._open: dict[int, Transaction] = {}
        self._lock = threading.Lock()

    def begin(self, changes: Sequence[Mapping[str, Any]], by: str) -> Transaction:
        """Takes stamp, ids and row locks for changes such as `{"update": "Opportunity", "id": "006…", "values": {…}}`.

        An act is insert, update, delete or undelete; `id` may be a list of ids. Raises ValueError for a change that cannot be meant,
        RowLockedError where another open transaction writes the same row.
        """
        with self._store.transaction():
            made = Transaction(
                next(self._numbers), by, self._store.clock.now(), tuple(map(self._read, changes))
            )
            self._store.lock_rows(self._written_by(made), made.number)
        with self._lock:
            self._open[made.number] = made
        return made

    def commit(self, number: int) -> Transaction:
        """Writes everything with the stamp of the beginning, and only now lets others see it. Raises ValueError if it is not open."""
        transaction = self._take(number)
        with self._store.transaction(), self._store.clock.stamping(transaction.began_at):
            self._store.unlock_rows(number)
            for change in transaction.changes:
                self._apply(change, transaction.by)
        return transaction

    def roll_back(self, number: int) -> None:
        """Lets go of the rows; nothing was written. Raises ValueError if it is not open."""
        self._store.unlock_rows(self._take(number).number)

    def roll_back_all(self) -> None:
        """Lets go of everything that is open."""
        for transaction in self.listing():
            self.roll_back(transaction.number)

    def listing(self) -> list[Transaction]:
        """Gives the open transactions, oldest first."""
        with self._lock:
            return sorted(self._open.values(), key=lambda each: (each.began_at, each.number))

    def covered(self, end: datetime) -> datetime:
        """Gives up to when everything stamped is visible: `end`, or the beginning of an older transaction that is still open."""
        return min([end, *(each.began_at for each in self.listing())])

    def _take(self, number: int) -> Transaction:
        with self._lock:
            found = self._open.pop(number, None)
        if found is None:
            raise ValueError(f"No transaction {number} is open.")
        return found

    def _written_by(self, transaction: Transaction) -> list[str]:
        """The ids of all rows that its commit will write: those of its changes, what goes or comes back with them, what follows them."""
        written = []
        for change in transaction.changes:
            for record_id in change.ids:
                before = self._store.get(change.sobject, record_id) or {}
                written += [record_id, *platform.follow(self._store, change.sobject, before)]
                written += platform.follow(self._store, change.sobject, {**before, **change.values})
                if change.act == "delete":
                    written += deletion.cascade(self._store, change.sobject, record_id)
                elif change.act == "undelete":
                    written += [each for _, each in deletion.in_bin_with(self._store, record_id)]
        return written

    def _read(self, given: Mapping[str, Any]) -> Change:
        act = next((each for each in ACTS if each in given), None)
        if act is None or given[act] not in SOBJECTS or set(given) - {act, "id", "values"}:
            raise ValueError(
                f"A change is {{ACT: OBJECT, id: …, values: …}} with an ACT of {', '.join(ACTS)}: {dict(given)}"
            )
        sobject, values = str(given[act]), dict(given.get("values") or {})
        unknown = [name for name in values if not SOBJECTS[sobject].has(name)]
        if unknown:
            raise ValueError(f"{sobject} has no field {unknown[0]}.")
        if act == "insert":
            return Change(act, sobject, tuple(self._store.reserve_ids(sobject, 1)), values)
        listed = given.get("id")
        ids = [to_18(str(each)) for each in (listed if isinstance(listed, list) else [listed])]
        missing = [each for each in ids if each is None or self._store.get(sobject, each) is None]
        if missing or not ids:
            raise ValueError(f"There is no {sobject} {listed}.")
        return Change(act, sobject, tuple(str(each) for each in ids), values)

    def _apply(self, change: Change, by: str) -> None:
        for record_id in change.ids:
            if change.act == "insert":
                self._store.insert(change.sobject, {**change.values, "Id": record_id}, by=by)
            elif change.act == "update":
                self._store.update(change.sobject, record_id, change.values, by=by)
            elif change.act == "delete":
                self._store.delete(change.sobject, record_id, by=by)
            else:
                self._store.undelete(change.sobject, record_id, by=by)
