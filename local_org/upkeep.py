"""What can happen to a record that no REST resource does: undelete, purge, merge, archive, a change by the system itself.

Belongs here: these acts by name, for the admin endpoints: tests of a client reach the org over HTTP alone. Does not: how (store.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from local_org.ids import to_18
from local_org.objects import SObject, find
from local_org.org import Org

Body = Mapping[str, object]
Act = Callable[[Org, SObject, str, Body], None]


def act_on(org: Org, act: str, sobject_name: str, record_id: str, body: Body) -> None:
    """Does a named act to a record as the system user. Raises ValueError for an unknown name or record, saying which."""
    sobject, full = find(sobject_name), to_18(record_id)
    if act not in ACTS:
        raise ValueError(f"there is no act {act!r}; there are {', '.join(ACTS)}")
    if sobject is None or full is None or org.store.get(sobject.name, full) is None:
        raise ValueError(f"there is no {sobject_name} {record_id}")
    try:
        ACTS[act](org, sobject, full, body)
    except KeyError as missing:
        raise ValueError(f"{act} of {sobject_name} {record_id}: {missing} is not there for it") from None


def _undelete(org: Org, sobject: SObject, record_id: str, body: Body) -> None:
    org.store.undelete(sobject.name, record_id, by=org.system_user_id)


def _purge(org: Org, sobject: SObject, record_id: str, body: Body) -> None:
    org.store.purge(sobject.name, record_id)


def _merge(org: Org, sobject: SObject, record_id: str, body: Body) -> None:
    losers = body["losers"]
    if not sobject.mergeable or not isinstance(losers, list):
        raise ValueError("merge takes a Contact or an Account, the winner, and a list of losers")
    org.store.merge(sobject.name, record_id, [str(each) for each in losers], by=org.system_user_id)


def _archive(org: Org, sobject: SObject, record_id: str, body: Body) -> None:
    org.store.change_by_system(sobject.name, record_id, {"IsArchived": True})


def _change(org: Org, sobject: SObject, record_id: str, body: Body) -> None:
    org.store.change_by_system(sobject.name, record_id, body)


ACTS: dict[str, Act] = {
    "undelete": _undelete,
    "purge": _purge,
    "merge": _merge,
    "archive": _archive,
    "change-by-system": _change,
}
