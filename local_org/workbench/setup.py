"""What an administrator sets: object permissions, field-level security and user permissions of a profile or permission set, and layouts.

Belongs here: the forms, and which object permissions bring others along. Does not: what a permission lets one do (security.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from starlette.responses import Response

from local_org import standard
from local_org.errors import not_found
from local_org.objects import SOBJECTS
from local_org.objects.people import OBJECT_FLAGS, SYSTEM_PERMISSIONS
from local_org.rest import layouts
from local_org.rest.describe import MASTER
from local_org.workbench.person import Row
from local_org.workbench.site import Site, Visit

# What each object permission cannot be without (Salesforce Help, Object Permissions).
NEEDS = {
    "PermissionsCreate": {"PermissionsRead"},
    "PermissionsEdit": {"PermissionsRead"},
    "PermissionsDelete": {"PermissionsRead", "PermissionsEdit"},
    "PermissionsViewAllRecords": {"PermissionsRead"},
    "PermissionsModifyAllRecords": {
        "PermissionsRead", "PermissionsEdit", "PermissionsDelete", "PermissionsViewAllRecords",
    },
    "PermissionsViewAllFields": {"PermissionsRead"},
}  # fmt: skip
RELATED = {
    "OpportunityContactRoles": "Contact roles",
    "Emails": "Emails",
    layouts.FILES: "Files",
}
GOVERNED = [each.name for each in SOBJECTS.values() if each.access == "object"]
FIELDS = [
    name
    for name in ("Opportunity", "Account", "Contact", "EmailMessage", "ContentVersion", "ContentDocument", "Case", "User")
    if name in SOBJECTS and standard.governed_fields(SOBJECTS[name])
]  # fmt: skip


def coherent(before: Iterable[str], asked: Iterable[str]) -> set[str]:
    """Returns the object permissions that a form leads to: what was taken away takes along what needs it, the rest brings what it needs."""
    wanted = set(asked)
    taken = set(before) - wanted
    wanted = {each for each in wanted if not (NEEDS.get(each, set()) & taken)}
    return wanted.union(*(NEEDS.get(each, set()) for each in wanted))


def show(site: Site, visit: Visit) -> Response:
    """Lists profiles and permission sets."""
    return site.page(visit, "permissions.html", holders=_holders(site))


def holder(site: Site, visit: Visit) -> Response:
    """Shows what one profile or permission set grants; `object` says whose fields are listed. Raises ApiError 404."""
    found = _holder(site, visit)
    chosen = visit.asked.get("object", "Opportunity")
    chosen = chosen if chosen in FIELDS else "Opportunity"
    row = site.org.store.get("PermissionSet", str(found["id"])) or {}
    return site.page(
        visit,
        "permission.html",
        holder=found,
        flags=OBJECT_FLAGS,
        objects={name: _object_flags(site, str(found["id"]), name) for name in GOVERNED},
        chosen=chosen,
        choices=FIELDS,
        fields=[(_label(chosen, name), name, *_field_flags(site, str(found["id"]), f"{chosen}.{name}"))
                for name in standard.governed_fields(SOBJECTS[chosen])],
        system={name: bool(row.get(f"Permissions{name}")) for name in SYSTEM_PERMISSIONS},
    )  # fmt: skip


def set_objects(site: Site, visit: Visit) -> Response:
    """Saves object permissions."""

    def save(set_id: str, by: str) -> int:
        changed = 0
        for name in GOVERNED:
            before = _object_flags(site, set_id, name)
            wanted = coherent(before, (flag for flag in OBJECT_FLAGS if f"{name}.{flag}" in visit.form))
            if wanted != before:
                standard.grant_object(site.org.store, set_id, name, wanted, by=by)
                changed += 1
        return changed

    return _saved(site, visit, save)


def set_fields(site: Site, visit: Visit) -> Response:
    """Saves field-level security of one object; what may be edited may be read."""
    chosen = visit.form.get("object", "")
    if chosen not in FIELDS:
        raise not_found()

    def save(set_id: str, by: str) -> int:
        changed = 0
        for name in standard.governed_fields(SOBJECTS[chosen]):
            before = _field_flags(site, set_id, f"{chosen}.{name}")
            read, edit = f"{name}.read" in visit.form, f"{name}.edit" in visit.form
            # Taking Read away takes Edit along; granting Edit grants Read.
            read = read or (edit and not before[0])
            if (read, edit and read) != before:
                standard.grant_fields(site.org.store, set_id, chosen, [name], read=read, edit=edit, by=by)
                changed += 1
        return changed

    return _saved(site, visit, save, object=chosen)


def set_system(site: Site, visit: Visit) -> Response:
    """Saves user permissions."""

    def save(set_id: str, by: str) -> int:
        row = site.org.store.get("PermissionSet", set_id) or {}
        asked = {f"Permissions{name}": f"system.{name}" in visit.form for name in SYSTEM_PERMISSIONS}
        changed = {name: value for name, value in asked.items() if bool(row.get(name)) != value}
        if changed:
            site.org.store.update("PermissionSet", set_id, changed, by=by)
        return len(changed)

    return _saved(site, visit, save)


def _saved(site: Site, visit: Visit, save: Callable[[str, str], int], **query: str) -> Response:
    found = _holder(site, visit)
    with site.org.store.transaction():
        changed = save(str(found["id"]), site.administrator())
    visit.say(f"Saved; {changed or 'nothing'} changed. It holds from the next request on.")
    return site.go(f"/permissions/{found['id']}", **query)


def _holders(site: Site) -> list[Row]:
    """Returns profiles and permission sets: id of the permission set, name, kind, number of active users."""
    rows = site.org.store.select(
        "select s.Id, coalesce(p.Name, s.Label), s.IsOwnedByProfile,"
        " case when s.IsOwnedByProfile = 1 then (select count(*) from User u where u.ProfileId = s.ProfileId and u.IsActive = 1)"
        " else (select count(*) from PermissionSetAssignment a where a.PermissionSetId = s.Id and a.IsActive = 1) end"
        " from PermissionSet s left join Profile p on p.Id = s.ProfileId order by s.IsOwnedByProfile desc, 2"
    )
    return [
        {"id": key, "name": name, "kind": "Profile" if owned else "Permission set", "users": users}
        for key, name, owned, users in rows
    ]


def _holder(site: Site, visit: Visit) -> Row:
    found = [each for each in _holders(site) if each["id"] == visit.part("set_id")]
    if not found:
        raise not_found("There is no such profile or permission set.")
    return found[0]


def _object_flags(site: Site, set_id: str, name: str) -> set[str]:
    ids = site.org.store.find_ids("ObjectPermissions", ParentId=set_id, SobjectType=name)
    row = (site.org.store.get("ObjectPermissions", ids[0]) or {}) if ids else {}
    return {flag for flag in OBJECT_FLAGS if row.get(flag)}


def _field_flags(site: Site, set_id: str, name: str) -> tuple[bool, bool]:
    ids = site.org.store.find_ids("FieldPermissions", ParentId=set_id, Field=name)
    row = (site.org.store.get("FieldPermissions", ids[0]) or {}) if ids else {}
    return bool(row.get("PermissionsRead")), bool(row.get("PermissionsEdit"))


def _label(sobject: str, name: str) -> str:
    field = SOBJECTS[sobject].field(name)
    return field.label if field else name


def show_layouts(site: Site, visit: Visit) -> Response:
    """Shows which related lists each layout of the opportunity has, for everybody or for one profile."""
    profile = visit.asked.get("profile", "")
    return site.page(
        visit,
        "layouts.html",
        layouts=_layouts(site, profile),
        related=RELATED,
        profiles=_profiles(site),
        profile=profile,
    )


def set_layouts(site: Site, visit: Visit) -> Response:
    """Saves the related lists of every layout of the opportunity; lists that this page does not show stay.

    A profile gets a layout of its own where the form differs from that of everybody.
    """
    profile = visit.form.get("profile", "")
    for each in _layouts(site, profile):
        kept = [name for name in each["lists"] if name not in RELATED]
        lists = [name for name in RELATED if f"{each['id']}.{name}" in visit.form] + kept
        if set(lists) != set(each["lists"]):
            layouts.set_related_lists(site.org.store, "Opportunity", lists, each["id"], profile or None)
    visit.say("Saved. Open pages show it once they are loaded again.")
    return site.go("/layouts", **({"profile": profile} if profile else {}))


def _profiles(site: Site) -> list[tuple[str, str]]:
    rows = site.org.store.select("select Id, Name from Profile where UserType = 'Standard' order by Name")
    return [(str(key), str(name)) for key, name in rows]


def _layouts(site: Site, profile: str) -> list[Row]:
    """Returns the layouts by record type. Raises ApiError 404 for a profile that does not exist."""
    if profile and profile not in dict(_profiles(site)):
        raise not_found("There is no such profile.")
    store = site.org.store
    types = store.select(
        "select Id, Name from RecordType where SobjectType = 'Opportunity' order by IsActive desc, Name"
    )
    named = [(str(key), str(name)) for key, name in types] + [(MASTER, "Without a record type")]
    return [
        {
            "id": key,
            "name": name,
            "lists": layouts.related_lists(store, "Opportunity", key, profile or None),
        }
        for key, name in named
    ]


PAGES = (
    ("GET", "/permissions", show),
    ("GET", "/permissions/{set_id}", holder),
    ("POST", "/permissions/{set_id}/objects", set_objects),
    ("POST", "/permissions/{set_id}/fields", set_fields),
    ("POST", "/permissions/{set_id}/system", set_system),
    ("GET", "/layouts", show_layouts),
    ("POST", "/layouts", set_layouts),
)
