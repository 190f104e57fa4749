"""The recycle bin: soft deletes and their cascades, undelete, purge, merges (SOAP API Developer Guide, delete, undelete, merge)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from local_org.clock import as_stamp
from local_org.objects import SOBJECTS, child_fields
from local_org.schema import quoted

if TYPE_CHECKING:
    from local_org.store import Store

BIN_DAYS = timedelta(days=15)


def _children(store: Store, sobject: str, record_id: str) -> Iterable[tuple[str, str]]:
    """Yields (object, id) of the live rows that a delete of this record takes along."""
    for child, field in child_fields(sobject):
        if not field.cascade_delete:
            continue
        live = " and IsDeleted = 0" if child.soft_deletes else ""
        for row in store.select(
            f"select Id from {quoted(child.name)} where {quoted(field.name)} = ?{live}", (record_id,)
        ):
            yield child.name, str(row[0])


def delete(store: Store, sobject: str, record_id: str, by: str) -> None:
    """Deletes a row with its cascade; raises KeyError when no live row has this id."""
    row = store.get(sobject, record_id)
    if row is None or row.get("IsDeleted"):
        raise KeyError(record_id)
    with store.transaction():
        _delete(store, sobject, str(row["Id"]), by, cause=str(row["Id"]))


def _delete(store: Store, sobject: str, record_id: str, by: str, cause: str) -> None:
    store.refuse_locked(record_id)
    for child, child_id in list(_children(store, sobject, record_id)):
        _delete(store, child, child_id, by, cause)
    definition = SOBJECTS[sobject]
    now = store.clock.stamp()
    store.execute(
        "insert or replace into _deletion values (?, ?, ?, ?, ?)",
        (record_id, sobject, now, cause, int(not definition.soft_deletes)),
    )
    if definition.soft_deletes:
        store.overwrite(sobject, record_id, _moved(sobject, by, now) | {"IsDeleted": 1})
    else:
        store.touch(sobject)
        store.execute(f"delete from {quoted(sobject)} where Id = ?", (record_id,))


def _moved(sobject: str, by: str, now: str) -> dict[str, object]:
    values: dict[str, object] = {"LastModifiedDate": now, "LastModifiedById": by, "SystemModstamp": now}
    return {name: value for name, value in values.items() if SOBJECTS[sobject].has(name)}


def undelete(store: Store, sobject: str, record_id: str, by: str) -> None:
    """Restores a row and what its own delete took along; raises KeyError when it is not in the recycle bin."""
    with store.transaction():
        found = store.select("select id, sobject from _deletion where cause = ? and purged = 0", (record_id,))
        if (record_id, sobject) not in found:
            raise KeyError(record_id)
        now = store.clock.stamp()
        for each_id, each_sobject in found:
            store.refuse_locked(str(each_id))
            store.overwrite(
                str(each_sobject), str(each_id), _moved(str(each_sobject), by, now) | {"IsDeleted": 0}
            )
            store.execute("delete from _deletion where id = ?", (each_id,))


def purge(store: Store, sobject: str, record_id: str) -> None:
    """Removes a soft-deleted row for good, with what went along; raises KeyError when it is not in the recycle bin."""
    with store.transaction():
        found = store.select(
            "select id, sobject from _deletion where (cause = ?1 or id = ?1) and purged = 0", (record_id,)
        )
        if (record_id, sobject) not in found:
            raise KeyError(record_id)
        _purge(store, found)


def _purge(store: Store, found: Iterable[tuple[object, ...]]) -> None:
    for each_id, each_sobject in found:
        store.touch(str(each_sobject))
        store.execute(f"delete from {quoted(str(each_sobject))} where Id = ?", (each_id,))
        store.execute("update _deletion set purged = 1 where id = ?", (each_id,))


def expire(store: Store) -> int:
    """Purges what has lain in the recycle bin for 15 days and returns the number of rows."""
    limit = as_stamp(store.clock.now() - BIN_DAYS)
    found = store.select("select id, sobject from _deletion where purged = 0 and deleted_at < ?", (limit,))
    if found:
        with store.transaction():
            _purge(store, found)
    return len(found)


def merge(store: Store, sobject: str, winner: str, losers: Sequence[str], by: str) -> None:
    """Deletes the losers with MasterRecordId = winner and gives the winner their children; all stamps concerned move."""
    with store.transaction():
        now = store.clock.stamp()
        for merged in (winner, *losers):
            store.refuse_locked(merged)
        for loser in losers:
            for child, field in child_fields(sobject):
                if field.child_relationship and field.name != "MasterRecordId":
                    for child_id in store.find_ids(child.name, **{field.name: loser}):
                        store.update(child.name, child_id, {field.name: winner}, by=by)
            store.execute(
                "insert or replace into _deletion values (?, ?, ?, ?, 0)", (loser, sobject, now, winner)
            )
            store.overwrite(
                sobject, loser, _moved(sobject, by, now) | {"IsDeleted": 1, "MasterRecordId": winner}
            )
        store.overwrite(sobject, winner, _moved(sobject, by, now))
