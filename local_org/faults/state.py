"""Faults of the org itself: what is so from a request on, and is taken back when the faults are cleared.

Each changes the org before the request is served, so that the refusal is the org's own. Faults of one answer are content.py's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from starlette.datastructures import Headers
from starlette.types import Scope

from local_org import standard
from local_org.bulk_jobs import Jobs
from local_org.faults.plan import Fault, Faults
from local_org.objects import SOBJECTS
from local_org.org import Org
from local_org.rest.query import forget_cursors
from local_org.tokens import Tokens


@dataclass(frozen=True)
class Surroundings:
    """What a fault can change: the org, its tokens, its jobs; `faults` keeps what takes it back."""

    org: Org
    tokens: Tokens
    jobs: Jobs
    faults: Faults


def expire_token(of: Surroundings, fault: Fault, scope: Scope) -> None:
    """Ends the access token that this request presents; the grant lives on."""
    of.tokens.revoke(Headers(scope=scope).get("authorization", "").partition(" ")[2].strip())


def use_up_quota(of: Surroundings, fault: Fault, scope: Scope) -> None:
    """Lets other applications use up the day's calls."""
    switches = of.org.switches
    before = switches.api_calls_used_by_others
    of.faults.undo.append(lambda: switches.set({"api_calls_used_by_others": before}))
    switches.set({"api_calls_used_by_others": switches.daily_api_limit})


def kill_locator(of: Surroundings, fault: Fault, scope: Scope) -> None:
    """Forgets every open query, or the Bulk job whose results this request wants."""
    parts = scope["path"].split("/")
    if "jobs" in parts:
        of.jobs.delete(of.jobs.get(parts[parts.index("query") + 1]))
    else:
        forget_cursors(of.org.store)


def doom_job(of: Surroundings, fault: Fault, scope: Scope) -> None:
    """Lets the job that this request creates hang, or fail after some work."""
    of.jobs.doom(fault.kind, fault.body)


def hide_field(of: Surroundings, fault: Fault, scope: Scope) -> None:
    """Takes field-level security's Read of one field from every permission set and profile; View All Fields gives way to single fields.

    Who holds the system permission to view all fields of all objects goes on seeing it.
    """
    store, name = of.org.store, f"{fault.sobject}.{fault.field}"
    with store.transaction():
        for row_id in store.find_ids(
            "ObjectPermissions", SobjectType=fault.sobject, PermissionsViewAllFields=1
        ):
            parent = str((store.get("ObjectPermissions", row_id) or {})["ParentId"])
            named = [
                each
                for each in standard.governed_fields(SOBJECTS[fault.sobject])
                if not store.find_ids("FieldPermissions", ParentId=parent, Field=f"{fault.sobject}.{each}")
            ]
            standard.grant_fields(store, parent, fault.sobject, named, edit=False, by=of.org.system_user_id)
            _set_for_now(of, "ObjectPermissions", row_id, "PermissionsViewAllFields")
        for row_id in store.find_ids("FieldPermissions", Field=name, PermissionsRead=1):
            _set_for_now(of, "FieldPermissions", row_id, "PermissionsRead", "PermissionsEdit")


def _set_for_now(of: Surroundings, sobject: str, row_id: str, *rights: str) -> None:
    """Takes rights away until the faults are cleared."""
    update, by = of.org.store.update, of.org.system_user_id
    before = of.org.store.get(sobject, row_id) or {}
    of.faults.undo.append(partial(update, sobject, row_id, {right: before[right] for right in rights}, by=by))
    update(sobject, row_id, dict.fromkeys(rights, False), by=by)


STATE: Mapping[str, Callable[[Surroundings, Fault, Scope], None]] = {
    "expired_token": expire_token,
    "quota_used_up": use_up_quota,
    "dead_locator": kill_locator,
    "stuck_job": doom_job,
    "failed_job": doom_job,
    "hidden_field": hide_field,
}
