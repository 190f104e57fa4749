"""What saving, deleting and restoring a record does: audit fields, defaults, what the platform derives, the recycle bin.

The tables themselves are in tables.py, what follows from a change in platform.py (derived fields, records that come along) and
deletion.py (recycle bin, cascades, merges). Who may do it is not asked here (security.py), nor whether the values are allowed (writes.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path

from local_org import deletion, ids, platform, schema
from local_org.clock import Clock
from local_org.objects import SOBJECTS, Field, SObject
from local_org.switches import Switches
from local_org.tables import Tables
from local_org.values import to_stored

_BATCH = 5_000


class Store(Tables):
    """Keeps the records of every object, as Salesforce does."""

    def __init__(self, path: Path, clock: Clock, switches: Switches | None = None) -> None:
        """Opens the file at `path`; `clock` gives the stamps, `switches` the readings of what is uncertain about them."""
        super().__init__(path, clock)
        self.switches = switches or Switches()

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
            self.accompany(
                sobject, str(row["Id"]), platform.companions(self, definition, None, row, by), by=by
            )
            platform.after_save(self, definition, None, row)
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
            made = platform.companions(self, definition, before, changed, by)
            self.accompany(sobject, str(before["Id"]), made, by=by)
            platform.after_save(self, definition, before, changed)

    def accompany(self, sobject: str, record_id: str, made: Iterable[platform.Companion], *, by: str) -> None:
        """Adds the records that belong to a record, in place of those that they replace."""
        for each in made:
            for replaced in each.replaces:
                self.delete(each.sobject, replaced, by=by)
            made_id = self.insert(each.sobject, each.values, by=by)
            if each.named_in is not None:
                self.overwrite(sobject, record_id, {each.named_in: made_id})

    def change_by_system(self, sobject: str, record_id: str, values: Mapping[str, object]) -> None:
        """Changes a row as Salesforce itself does in the background: SystemModstamp moves, LastModifiedDate does not.

        So it archives activities, flags bounced addresses and renames picklist values (API sheet 6, help 000387261).
        """
        definition = SOBJECTS[sobject]
        self.overwrite(
            sobject, record_id, _stored(definition, values) | {"SystemModstamp": self.clock.stamp()}
        )

    def _write(self, template: str, sobject: str, row: Mapping[str, object]) -> None:
        self.touch(sobject)
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
            self.touch(sobject)
            highest = self.last_number(definition.key_prefix)
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

    def settle(self) -> None:
        """After much was added: brings the log of it into the file, and counts rows so that queries find their indexes."""
        self.execute("pragma analysis_limit = 1000")
        self.execute("analyze")
        self.execute("pragma wal_checkpoint(truncate)")

    # -- deletion ----------------------------------------------------------------------------------------------------------------

    def delete(self, sobject: str, record_id: str, *, by: str) -> None:
        """Moves a row and what hangs on it to the recycle bin; objects without IsDeleted lose the row at once."""
        with self.transaction():
            for gone in deletion.delete(self, sobject, record_id, by):
                platform.after_deletion(self, *gone)

    def undelete(self, sobject: str, record_id: str, *, by: str) -> None:
        """Brings a row back from the recycle bin with what went with it."""
        moves_stamp = self.switches.undelete_moves_stamp
        with self.transaction():
            for restored in deletion.undelete(self, sobject, record_id, by, moves_stamp=moves_stamp):
                platform.after_deletion(self, *restored)

    def purge(self, sobject: str, record_id: str) -> None:
        """Takes a deleted row out of the recycle bin for good: queryAll no longer returns it, getDeleted does."""
        deletion.purge(self, sobject, record_id)

    def merge(self, sobject: str, winner: str, losers: Sequence[str], *, by: str) -> None:
        """Merges contacts or accounts: losers are deleted with MasterRecordId set, their children go to the winner."""
        moving = deletion.MergeStamps(
            self.switches.merge_moves_winner_stamp, self.switches.merge_moves_loser_stamps
        )
        deletion.merge(self, sobject, winner, losers, by, moving)

    def expire_bin(self) -> int:
        """Purges what the recycle bin no longer keeps (15 days; 5,000 rows a licence) and returns the number of rows."""
        licences = self.select("select coalesce(sum(TotalLicenses), 0) from UserLicense")[0][0]
        return deletion.expire(self, int(str(licences)) * self.switches.recycle_bin_rows_per_licence)


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
