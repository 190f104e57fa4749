"""UserRecordAccess: what a user may do with records, worked out when somebody asks (Object Reference, UserRecordAccess).

Belongs here: reading which user and records a query names, and their rows. Does not: the rules of sharing (security.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from local_org.errors import ApiError
from local_org.ids import make_id, to_18
from local_org.objects import of_id
from local_org.schema import quoted
from local_org.security import Security
from local_org.soql import tree
from local_org.soql.parser import parse
from local_org.store import Store

MOST_RECORDS = 200
_RULE = (
    "UserRecordAccess needs a filter by a single UserId and by RecordId, with the equals operator or with"
    f" up to {MOST_RECORDS} ids and the IN operator, joined by AND"
)


def compute(store: Store, security: Security, text: str) -> None:
    """Works out the rows that a query asks for, anew each time. Raises ApiError MALFORMED_QUERY for any other filter."""
    user_ids, record_ids = _named(parse(text))
    with store.transaction():
        for record_id in dict.fromkeys(record_ids):
            row = _row(store, security, user_ids[0], record_id)
            # Only this row: another caller may be reading those that it asked for.
            store.execute("delete from UserRecordAccess where Id = ?", (row["Id"],))
            store.insert("UserRecordAccess", row, by=store.find_ids("User", UserType="AutomatedProcess")[0])


def _named(query: tree.Query) -> tuple[Sequence[str], Sequence[str]]:
    named: dict[str, list[str]] = {"userid": [], "recordid": []}
    for operand, values in _equalities(query.where):
        named.setdefault(operand.lower().rpartition(".")[2], []).extend(values)
    ids = {
        name: [to_18(each) for each in values]
        for name, values in named.items()
        if name in ("userid", "recordid")
    }
    users = [each for each in ids["userid"] if each]
    records = [each for each in ids["recordid"] if each]
    if len(users) != 1 or not records or len(records) > MOST_RECORDS:
        raise ApiError(400, "MALFORMED_QUERY", _RULE)
    return users, records


def _equalities(where: tree.Condition | None) -> Iterator[tuple[str, list[str]]]:
    """Yields each field that all rows must equal, with its values."""
    match where:
        case tree.Logic("AND", terms):
            for term in terms:
                yield from _equalities(term)
        case tree.Compare(tree.Path(name), "=", tree.Literal(kind="string", text=value)):
            yield name, [value]
        case tree.Member(tree.Path(name), values, False):
            yield name, [each.text for each in values]


def _row(store: Store, security: Security, user_id: str, record_id: str) -> dict[str, object]:
    sobject, access = of_id(record_id), security.of(user_id)
    row = store.get(sobject.name, record_id) if sobject else None
    read = edit = delete = transfer = False
    if sobject is not None and row is not None and not row.get("IsDeleted") and access.may_read(sobject):
        condition = access.visible(sobject, "t", by_id=True) or "1"
        read = bool(
            store.select(
                f"select 1 from {quoted(sobject.name)} t where t.Id = ? and {condition}", (record_id,)
            )
        )
        own = read and access.may_change(sobject, row)
        edit, delete = (own and access.may(action, sobject) for action in ("Edit", "Delete"))
        transfer = edit and sobject.has("OwnerId")
    everything = read and edit and delete and transfer
    held = {"Read": read, "Edit": edit, "Delete": delete, "Transfer": transfer, "All": everything}
    highest = next((level for level in reversed(held) if held[level]), "None")
    number = int.from_bytes(hashlib.sha256(f"{user_id}{record_id}".encode()).digest()[:6])
    return {
        "Id": make_id("0Ua", number), "UserId": user_id, "RecordId": record_id, "MaxAccessLevel": highest,
        **{f"Has{level}Access": value for level, value in held.items()},
    }  # fmt: skip
