"""The recycle bin: soft deletes and their cascades, undelete, purge, merges (SOAP API Developer Guide, delete, undelete, merge)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from local_org.clock import as_stamp
from local_org.objects import SOBJECTS, child_fields
from local_org.schema import quoted
from local_org.tables import Tables

BIN_DAYS = timedelta(days=15)
KEPT_WHEN_FULL = timedelta(hours=2)
"""A full bin loses its oldest rows, but none that has lain there for less (SOAP API Developer Guide, emptyRecycleBin)."""


@dataclass(frozen=True)
class MergeStamps:
    """Whose stamps a merge moves; the documentation does not say."""

    winner: bool
    losers: bool


def _children(tables: Tables, sobject: str, record_id: str) -> Iterable[tuple[str, str]]:
    """Yields (object, id) of the live rows that a delete of this record takes along."""
    for child, field in child_fields(sobject):
        if not field.cascade_delete:
            continue
        live = " and IsDeleted = 0" if child.soft_deletes else ""
        for row in tables.select(
            f"select Id from {quoted(child.name)} where {quoted(field.name)} = ?{live}", (record_id,)
        ):
            yield child.name, str(row[0])


def cascade(tables: Tables, sobject: str, record_id: str) -> list[str]:
    """Gives the ids of the live rows that a delete of this record takes along, however deep."""
    return [
        each
        for child, child_id in _children(tables, sobject, record_id)
        for each in (child_id, *cascade(tables, child, child_id))
    ]


def in_bin_with(tables: Tables, record_id: str) -> list[tuple[str, str]]:
    """Gives (object, id) of the rows that come back with this record from the recycle bin, itself included."""
    rows = tables.select("select sobject, id from _deletion where cause = ? and purged = 0", (record_id,))
    return [(str(name), str(each_id)) for name, each_id in rows]


def delete(tables: Tables, sobject: str, record_id: str, by: str) -> list[tuple[str, str]]:
    """Deletes a row with its cascade and returns (object, id) of all; raises KeyError when no live row has this id."""
    row = tables.get(sobject, record_id)
    if row is None or row.get("IsDeleted"):
        raise KeyError(record_id)
    with tables.transaction():
        return _delete(tables, sobject, str(row["Id"]), by, cause=str(row["Id"]))


def _delete(tables: Tables, sobject: str, record_id: str, by: str, cause: str) -> list[tuple[str, str]]:
    tables.refuse_locked(record_id)
    gone = []
    for child, child_id in list(_children(tables, sobject, record_id)):
        gone += _delete(tables, child, child_id, by, cause)
    definition = SOBJECTS[sobject]
    now = tables.clock.stamp()
    tables.execute(
        "insert or replace into _deletion values (?, ?, ?, ?, ?)",
        (record_id, sobject, now, cause, int(not definition.soft_deletes)),
    )
    if definition.soft_deletes:
        tables.overwrite(sobject, record_id, _moved(sobject, by, now) | {"IsDeleted": 1})
    else:
        tables.touch(sobject)
        tables.execute(f"delete from {quoted(sobject)} where Id = ?", (record_id,))
    return [*gone, (sobject, record_id)]


def _moved(sobject: str, by: str, now: str) -> dict[str, object]:
    values: dict[str, object] = {"LastModifiedDate": now, "LastModifiedById": by, "SystemModstamp": now}
    return {name: value for name, value in values.items() if SOBJECTS[sobject].has(name)}


def undelete(
    tables: Tables, sobject: str, record_id: str, by: str, *, moves_stamp: bool
) -> list[tuple[str, str]]:
    """Restores a row and what its own delete took along, and returns (object, id) of all.

    Raises KeyError when it is not in the recycle bin, ValueError for an object that cannot be undeleted by itself. A contact that
    lost a merge comes back without the children that the winner took over.
    """
    if not SOBJECTS[sobject].undeletable:
        raise ValueError(f"{sobject} is not undeletable: its rows come back with their parent alone.")
    with tables.transaction():
        found = in_bin_with(tables, record_id)
        if (sobject, record_id) not in found:
            raise KeyError(record_id)
        now = tables.clock.stamp()
        for name, each_id in found:
            merged = {"MasterRecordId": None} if SOBJECTS[name].has("MasterRecordId") else {}
            moved = _moved(name, by, now) if moves_stamp else {}
            tables.overwrite(name, each_id, merged | moved | {"IsDeleted": 0})
            tables.execute("delete from _deletion where id = ?", (each_id,))
    return found


def purge(tables: Tables, sobject: str, record_id: str) -> None:
    """Removes a soft-deleted row for good, with what went along; raises KeyError when it is not in the recycle bin."""
    with tables.transaction():
        found = tables.select(
            "select id, sobject from _deletion where (cause = ?1 or id = ?1) and purged = 0", (record_id,)
        )
        if (record_id, sobject) not in found:
            raise KeyError(record_id)
        _purge(tables, found)


def _purge(tables: Tables, found: Iterable[tuple[object, ...]]) -> None:
    for each_id, each_sobject in found:
        tables.touch(str(each_sobject))
        tables.execute(f"delete from {quoted(str(each_sobject))} where Id = ?", (each_id,))
        tables.execute("update _deletion set purged = 1 where id = ?", (each_id,))


def expire(tables: Tables, capacity: int) -> int:
    """Purges what has lain in the recycle bin for 15 days, and the oldest of what exceeds its capacity; returns the number of rows."""
    now = tables.clock.now()
    found = tables.select(
        "select id, sobject from _deletion where purged = 0 and deleted_at < ?", (as_stamp(now - BIN_DAYS),)
    )
    held = int(str(tables.select("select count(*) from _deletion where purged = 0")[0][0])) - len(found)
    if held > capacity:
        found += tables.select(
            "select id, sobject from _deletion where purged = 0 and deleted_at >= ? and deleted_at <= ?"
            " order by deleted_at, id limit ?",
            (as_stamp(now - BIN_DAYS), as_stamp(now - KEPT_WHEN_FULL), held - capacity),
        )
    if found:
        with tables.transaction():
            _purge(tables, found)
    return len(found)


def merge(
    tables: Tables, sobject: str, winner: str, losers: Sequence[str], by: str, moving: MergeStamps
) -> None:
    """Deletes the losers with MasterRecordId = winner and gives the winner their children, whose stamps move."""
    with tables.transaction():
        now = tables.clock.stamp()
        moved = _moved(sobject, by, now)
        for merged in (winner, *losers):
            tables.refuse_locked(merged)
        for loser in losers:
            for child, field in child_fields(sobject):
                if not field.child_relationship or field.name == "MasterRecordId":
                    continue
                for child_id in tables.find_ids(child.name, **{field.name: loser}):
                    tables.overwrite(child.name, child_id, _moved(child.name, by, now) | {field.name: winner})
            tables.execute(
                "insert or replace into _deletion values (?, ?, ?, ?, 0)", (loser, sobject, now, loser)
            )
            lost = {"IsDeleted": 1, "MasterRecordId": winner}
            tables.overwrite(sobject, loser, lost | (moved if moving.losers else {}))
        if moving.winner:
            tables.overwrite(sobject, winner, moved)
