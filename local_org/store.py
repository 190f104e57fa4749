"""The org's rows in one SQLite file: inserts, updates, deletes and what each does to the audit fields.

Here: one writer at a time, a connection per thread, transactions, ids, stamps. What a change entails beyond its own row is in
platform.py (derived fields) and deletion.py (recycle bin, cascades, merges). Who may do it is not asked here (security.py), nor
whether the values are allowed (rest/writes.py).
"""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path

from local_org import deletion, ids, platform, schema
from local_org.clock import Clock
from local_org.errors import RowLockedError
from local_org.objects import SOBJECTS, Field, SObject
from local_org.values import from_stored, to_stored

_BATCH = 5_000


class Store:
    """Keeps the rows of every object; survives restarts; safe to use from many threads."""

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
        with closing(self._open()) as connection:
            cursor = connection.execute(sql, tuple(parameters))
            while rows := cursor.fetchmany(1_000):
                yield from rows

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

    # -- ids ---------------------------------------------------------------------------------------------------------------------

    def reserve_ids(self, sobject: str, count: int) -> list[str]:
        """Returns `count` new 18-character ids of an object, in ascending order."""
        prefix = SOBJECTS[sobject].key_prefix
        with self.transaction():
            self._connection().execute(
                "insert into _sequence values (?, ?) on conflict (prefix) do update set last = last + excluded.last",
                (prefix, count),
            )
            last = self._last(prefix)
        return [ids.make_id(prefix, number) for number in range(last - count + 1, last + 1)]

    def _last(self, prefix: str) -> int:
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

    def insert(self, sobject: str, values: Mapping[str, object], *, by: str) -> str:
        """Adds a row as the user `by` would and returns its id; sets audit fields, defaults and what the platform derives.

        Audit fields in `values` are kept (the permission "Set Audit Fields upon Record Creation"). Raises KeyError for a field
        that the object lacks.
        """
        definition = SOBJECTS[sobject]
        with self.transaction():
            now = self.clock.stamp()
            row = _defaults(definition) | _audit(definition, by, now) | _stored(definition, values)
            row["Id"] = row.get("Id") or self.reserve_ids(sobject, 1)[0]
            platform.derive(self, definition, None, row)
            self._write(f"insert into {schema.quoted(sobject)} ({{names}}) values ({{marks}})", sobject, row)
            platform.after_insert(self, definition, row, by)
        return str(row["Id"])

    def update(self, sobject: str, record_id: str, values: Mapping[str, object], *, by: str) -> None:
        """Changes a row as the user `by` would: LastModified*, SystemModstamp and what the platform derives move with it.

        Raises KeyError for an unknown row or field.
        """
        definition = SOBJECTS[sobject]
        with self.transaction():
            before = self.get(sobject, record_id)
            if before is None:
                raise KeyError(record_id)
            self.refuse_locked(str(before["Id"]))
            now = self.clock.stamp()
            changed = _stored(definition, values)
            given = {"LastModifiedDate": now, "LastModifiedById": by, "SystemModstamp": now}
            changed = {name: value for name, value in given.items() if definition.has(name)} | changed
            platform.derive(self, definition, before, changed)
            self.overwrite(sobject, str(before["Id"]), changed)
            platform.after_update(self, definition, before, changed)

    def overwrite(self, sobject: str, record_id: str, values: Mapping[str, object]) -> None:
        """Sets columns of a row and nothing else: no stamp moves. For the org's own machinery."""
        names = ", ".join(f"{schema.quoted(name)} = ?" for name in values)
        with self.transaction():
            self._touched.add(sobject)
            self.execute(
                f"update {schema.quoted(sobject)} set {names} where Id = ?", [*values.values(), record_id]
            )

    def _write(self, template: str, sobject: str, row: Mapping[str, object]) -> None:
        self._touched.add(sobject)
        sql = template.format(names=", ".join(map(schema.quoted, row)), marks=", ".join("?" * len(row)))
        self.execute(sql, list(row.values()))

    def load(self, sobject: str, rows: Iterable[Mapping[str, object]]) -> int:
        """Adds complete rows fast (Id and audit fields given), in one transaction, and returns their number.

        Nothing is derived; a missing checkbox is false, a missing SystemModstamp is the row's last date. The id sequence goes on
        above the highest id loaded.
        """
        definition = SOBJECTS[sobject]
        fields = schema.columns(definition)
        sql = f"insert into {schema.quoted(sobject)} values ({', '.join('?' * len(fields))})"
        # Columns that a later version added stand last in the table, so the order is the table's own.
        order = [str(row[1]) for row in self.select(f"pragma table_info({schema.quoted(sobject)})")]
        by_name = {field.name: field for field in fields}
        slots = {name: (place, by_name[name]) for place, name in enumerate(order)}
        defaults = _defaults(definition)
        source = iter(rows)
        total = 0
        with self.transaction():
            self._touched.add(sobject)
            highest = self._last(definition.key_prefix)
            while batch := list(islice(source, _BATCH)):
                complete = [_complete(definition, defaults, row) for row in batch]
                self.execute_many(sql, (_placed(slots, row) for row in complete))
                # Ids of one object sort like their running numbers: base 62 here is in the order of ASCII.
                highest = max(highest, ids.number_of(max(str(row["Id"]) for row in complete)))
                total += len(batch)
            self.execute("insert or replace into _sequence values (?, ?)", (definition.key_prefix, highest))
        if total > _BATCH:
            self.execute("analyze")
        return total

    # -- deletion ----------------------------------------------------------------------------------------------------------------

    def delete(self, sobject: str, record_id: str, *, by: str) -> None:
        """Moves a row and what hangs on it to the recycle bin; objects without IsDeleted lose the row at once."""
        deletion.delete(self, sobject, record_id, by)

    def undelete(self, sobject: str, record_id: str, *, by: str) -> None:
        """Brings a row back from the recycle bin with what went with it."""
        deletion.undelete(self, sobject, record_id, by)

    def purge(self, sobject: str, record_id: str) -> None:
        """Takes a deleted row out of the recycle bin for good: queryAll no longer returns it, getDeleted does."""
        deletion.purge(self, sobject, record_id)

    def merge_contacts(self, winner: str, losers: Sequence[str], *, by: str) -> None:
        """Merges contacts: losers are deleted with MasterRecordId set, their children go to the winner."""
        deletion.merge(self, "Contact", winner, losers, by)

    def touch(self, sobject: str) -> None:
        """Notes, inside a transaction, that an object's rows changed."""
        self._touched.add(sobject)


def _defaults(definition: SObject) -> dict[str, object]:
    booleans: dict[str, object] = {each.name: 0 for each in definition.fields if each.type == "boolean"}
    given = {
        each.name: to_stored(each, each.default) for each in definition.fields if each.default is not None
    }
    return booleans | given


def _audit(definition: SObject, by: str, now: str) -> dict[str, object]:
    values = {
        "CreatedDate": now,
        "CreatedById": by,
        "LastModifiedDate": now,
        "LastModifiedById": by,
        "SystemModstamp": now,
        "OwnerId": by,
    }
    return {name: value for name, value in values.items() if definition.has(name)}


def _stored(definition: SObject, values: Mapping[str, object]) -> dict[str, object]:
    row = {}
    for name, value in values.items():
        field = definition.field(name)
        if field is None or not schema.stored(field):
            raise KeyError(f"{definition.name} has no column {name}")
        row[field.name] = to_stored(field, value)
    return row


def _placed(slots: Mapping[str, tuple[int, Field]], row: Mapping[str, object]) -> list[object]:
    """Puts the values of a row where its table has them; most of a wide row is null and costs nothing."""
    values: list[object] = [None] * len(slots)
    for name, value in row.items():
        if value is not None and name in slots:
            place, field = slots[name]
            values[place] = to_stored(field, value)
    return values


def _complete(
    definition: SObject, defaults: Mapping[str, object], row: Mapping[str, object]
) -> Mapping[str, object]:
    full = {**defaults, **row}
    if definition.has("LastModifiedDate") and full.get("LastModifiedDate") is None:
        full["LastModifiedDate"] = full.get("CreatedDate")
        full["LastModifiedById"] = full.get("LastModifiedById") or full.get("CreatedById")
    if definition.has("SystemModstamp") and full.get("SystemModstamp") is None:
        full["SystemModstamp"] = full.get("LastModifiedDate") or full.get("CreatedDate")
    return full
