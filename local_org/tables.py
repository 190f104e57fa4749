"""The org's tables in one SQLite file: one writer at a time, a connection per thread, transactions, ids, rows as they lie there.

What a change entails (audit fields, derived fields, the recycle bin) is not known here: store.py puts that on top, with platform.py
and deletion.py, which stand on these tables too.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from local_org import ids, schema
from local_org.clock import Clock
from local_org.errors import RowLockedError
from local_org.objects import SOBJECTS
from local_org.values import from_stored


class Tables:
    """The tables of one org: survive restarts, safe to use from many threads."""

    def __init__(self, path: Path, clock: Clock) -> None:
        """Opens the file at `path`, made with its tables where missing. `clock` gives the stamps."""
        self.path = path
        self.clock = clock
        self.generation: Counter[str] = Counter()
        """Per object, how many transactions changed it since the start: what caches compare."""
        self._lock = threading.RLock()
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._depth = 0
        self._touched: set[str] = set()
        self._locked: dict[str, int] = {}
        schema.create(self._connection())

    # -- connections and transactions --------------------------------------------------------------------------------------------

    def _open(self) -> sqlite3.Connection:
        # Closing happens from another thread at the end, and a page may be read on by another thread than began it.
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=60)
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = normal")
        connection.execute("pragma cache_size = -32000")
        return connection

    def _connection(self) -> sqlite3.Connection:
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            found = self._local.connection = self._open()
            self._connections.append(found)
        return found

    def close(self) -> None:
        """Closes every connection."""
        while self._connections:
            self._connections.pop().close()
        self._local = threading.local()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Makes everything inside one commit, or none of it; nests (the outermost commits)."""
        with self._lock:
            connection = self._connection()
            if self._depth == 0:
                connection.execute("begin immediate")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._touched.clear()
                    connection.execute("rollback")
                raise
            self._depth -= 1
            if self._depth == 0:
                connection.execute("commit")
                self.generation.update(self._touched)
                self._touched.clear()

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undoes what is inside when it raises, without undoing the transaction around it."""
        with self.transaction():
            self.execute("savepoint part")
            try:
                yield
            except BaseException:
                self.execute("rollback to part")
                self.execute("release part")
                raise
            self.execute("release part")

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> int:
        """Runs one writing statement and returns the number of rows it changed. For private tables."""
        with self._lock:
            return self._connection().execute(sql, tuple(parameters)).rowcount

    def execute_many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Runs one writing statement for each of `rows`, in one transaction."""
        with self.transaction():
            self._connection().executemany(sql, rows)

    def select(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """Returns all rows of a query, raw values as stored."""
        return self._connection().execute(sql, tuple(parameters)).fetchall()

    def stream(self, sql: str, parameters: Sequence[object] = ()) -> Iterator[tuple[object, ...]]:
        """Yields the rows of a query from one snapshot, on a connection of its own; may be read on from another thread."""
        for block in self.blocks(sql, parameters):
            yield from block

    def blocks(
        self, sql: str, parameters: Sequence[object] = (), size: int = 1_000
    ) -> Iterator[list[tuple[object, ...]]]:
        """Yields the rows likewise, by the `size`."""
        with closing(self._open()) as connection:
            cursor = connection.execute(sql, tuple(parameters))
            while rows := cursor.fetchmany(size):
                yield rows

    # -- ids ---------------------------------------------------------------------------------------------------------------------

    def reserve_ids(self, sobject: str, count: int) -> list[str]:
        """Returns `count` new 18-character ids of an object, in ascending order."""
        prefix = SOBJECTS[sobject].key_prefix
        with self.transaction():
            self._connection().execute(
                "insert into _sequence values (?, ?) on conflict (prefix) do update set last = last + excluded.last",
                (prefix, count),
            )
            last = self.last_number(prefix)
        return [ids.make_id(prefix, number) for number in range(last - count + 1, last + 1)]

    def last_number(self, prefix: str) -> int:
        """Returns the running number of the newest id with this key prefix."""
        rows = self.select("select last from _sequence where prefix = ?", (prefix,))
        return int(str(rows[0][0])) if rows else 0

    # -- rows --------------------------------------------------------------------------------------------------------------------

    def get(self, sobject: str, record_id: str) -> dict[str, object] | None:
        """Returns a row as field → value (deleted rows too), or None."""
        definition = SOBJECTS[sobject]
        fields = schema.columns(definition)
        names = ", ".join(schema.quoted(each.name) for each in fields)
        rows = self.select(
            f"select {names} from {schema.quoted(sobject)} where Id = ?", (ids.to_18(record_id),)
        )
        if not rows:
            return None
        return {field.name: from_stored(field, value) for field, value in zip(fields, rows[0], strict=True)}

    def find_ids(self, sobject: str, **equal: object) -> list[str]:
        """Returns the ids of the rows whose fields equal the given values (text without regard to case), ascending."""
        terms = " and ".join(f"{schema.quoted(name)} is ?" for name in equal) or "1"
        sql = f"select Id from {schema.quoted(sobject)} where {terms} order by Id"
        return [str(row[0]) for row in self.select(sql, list(equal.values()))]

    def overwrite(self, sobject: str, record_id: str, values: Mapping[str, object]) -> None:
        """Sets columns of a row and nothing else: no stamp moves. For the org's own machinery, which waits for a lock like everybody.

        Raises RowLockedError when a transaction that has not ended writes this row.
        """
        self.refuse_locked(record_id)
        names = ", ".join(f"{schema.quoted(name)} = ?" for name in values)
        with self.transaction():
            self._touched.add(sobject)
            self.execute(
                f"update {schema.quoted(sobject)} set {names} where Id = ?", [*values.values(), record_id]
            )

    def touch(self, sobject: str) -> None:
        """Notes, inside a transaction, that an object's rows changed."""
        self._touched.add(sobject)

    # -- row locks of slow transactions (transactions.py) ------------------------------------------------------------------------

    def lock_rows(self, record_ids: Sequence[str], holder: int) -> None:
        """Lets nobody but `holder` write these rows. Raises RowLockedError, and locks none, when another holds one of them."""
        with self._lock:
            for record_id in record_ids:
                self.refuse_locked(record_id)
            self._locked.update(dict.fromkeys(record_ids, holder))

    def unlock_rows(self, holder: int) -> None:
        """Ends the locks of one holder."""
        with self._lock:
            self._locked = {record_id: by for record_id, by in self._locked.items() if by != holder}

    def refuse_locked(self, record_id: str) -> None:
        """Raises RowLockedError when a transaction that has not ended writes this row."""
        if record_id in self._locked:
            raise RowLockedError(record_id)
