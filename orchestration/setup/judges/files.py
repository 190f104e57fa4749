"""Judges of documents: may files be made and put on deals, do people see them, is there room, and what became of those that were sent."""

from __future__ import annotations

from collections.abc import Iterator

from orchestration.errors import FluintError, ObjectUnavailableError
from orchestration.setup.judges.common import listed, unseen, unseen_fault
from orchestration.setup.judges.reading import PLURALS
from orchestration.setup.outcome import Fault, Judgement, fine, wrong
from orchestration.setup.seen import Layout, Limit, Seen

_LOW_STORAGE = 0.02
_NO_RECORD_TYPE = "no record type"

# What an org's own rules answer to a save (REST API Developer Guide, Status Codes), and where an admin finds the rule.
_OF_SALESFORCE = {
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": "Setup › Object Manager › Content Version › Validation Rules: let the integration user pass",
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": "Setup › Apex Triggers and Setup › Flows on Content Version or Content Document Link: see"
    " which fails for the integration user",
    "CANNOT_EXECUTE_FLOW_TRIGGER": "Setup › Flows on Content Version or Content Document Link: see the one that fails",
    "DUPLICATES_DETECTED": "Setup › Duplicate Rules: let the integration user pass",
    "REQUIRED_FIELD_MISSING": "Setup › Object Manager › Content Version › Fields & Relationships: let no custom field be required",
    "STORAGE_LIMIT_EXCEEDED": "Setup › Storage Usage: delete files that nobody needs, or buy storage",
    "INSUFFICIENT_ACCESS_OR_READONLY": "Setup › Sharing Settings: share opportunities with the integration user for Read/Write, or grant it"
    " 'Modify All' on them",
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": "Setup › Sharing Settings: share opportunities with the integration user for"
    " Read/Write, or grant it 'Modify All' on them",
}
_OF_FLUINT = {
    "empty_file": "Generate the documents again: they have no content",
    "content_unreadable": "See that the machine that Fluint runs on can read the addresses in fluint_app.document_version.content_uri",
    "answer_lost": "Run `fluint documents list` later: they are looked for, and sent again if they are not there",
}
_SEE = "Run `fluint documents list`, which names each version with its reason"


def files_can_be_created(seen: Seen) -> Judgement:
    """May the user create a file?"""
    described = seen.salesforce.describes["ContentVersion"]
    if isinstance(described, FluintError) and not isinstance(described, ObjectUnavailableError):
        return unseen(seen, "the description of ContentVersion", described)
    if isinstance(described, FluintError) or not described.createable:
        error = described if isinstance(described, FluintError) else None
        return wrong(Fault("files_missing", values={"user": seen.user}, error=error))
    return fine("ContentVersion can be created.")


def deals_take_files(seen: Seen) -> Judgement:
    """May the user put a file on a deal?"""
    values = {
        "user": seen.user,
        "holder": seen.salesforce.holder,
        "sobject": "Opportunity",
        "plural": PLURALS["Opportunity"],
        "deal": seen.fluint.sample_deal or "that was looked at",
    }
    rights, editable = seen.salesforce.rights("Opportunity"), seen.salesforce.may_edit_a_deal
    if rights is not None and not rights.edit and not seen.salesforce.has("ModifyAllData"):
        return wrong(Fault("deals_not_editable", values=values))
    if isinstance(editable, FluintError):
        return unseen(seen, "whether a deal may be edited", editable)
    if editable is False:
        return wrong(Fault("deal_not_shared_to_edit", values=values))
    if editable is None:
        return fine("There is no deal yet to try.")
    return fine("A deal that was looked at may be edited, and so take a file.")


def files_list_on_layouts(seen: Seen) -> Judgement:
    """Do the layouts with which licensed owners see their deals show Files?"""
    layouts = seen.salesforce.layouts
    if isinstance(layouts, FluintError):
        return unseen(seen, "the page layouts of the licensed owners", layouts)
    if not layouts:
        return fine("No deal of a licensed owner is held yet; their layouts are looked at then.")
    faults = list(_layout_faults(seen, layouts))
    return wrong(*faults) if faults else fine(f"{listed(each.name for each in layouts)} show Files.")


def _layout_faults(seen: Seen, layouts: tuple[Layout, ...]) -> Iterator[Fault]:
    for layout in layouts:
        if isinstance(layout.shows_files, FluintError):
            yield _closed(seen, layout.name, layout.shows_files)
        elif not layout.shows_files:
            yield Fault(
                "files_list_missing", layout.id, {"layout": layout.name, "used_for": _used_for(seen, layout)}
            )


def _closed(seen: Seen, name: str, error: FluintError) -> Fault:
    what = f"What the page layout '{name}' shows"
    if not (error.code or "").startswith("INSUFFICIENT_ACCESS"):
        return unseen_fault(seen, what, error)
    reason = f"the org shows it to users with 'Customize Application' only, which {seen.user} lacks"
    step = (
        f"Setup › Object Manager › Opportunity › Page Layouts › {name}: see that 'Files' is among the related lists; or, to have it"
        f" tested, {seen.salesforce.holder} › System Permissions › Edit › tick 'Customize Application' › Save"
    )
    return Fault("not_visible", what, {"what": what, "reason": reason, "step": step}, error)


def _used_for(seen: Seen, layout: Layout) -> str:
    by_profile: dict[str, list[str]] = {}
    for profile, record_type in layout.used_for:
        name = seen.fluint.record_types.get(record_type, record_type) or _NO_RECORD_TYPE
        by_profile.setdefault(profile, []).append(name)
    return listed(
        f"the profile {profile} ({listed(sorted(names))})" for profile, names in sorted(by_profile.items())
    )


def file_limits(seen: Seen) -> Judgement:
    """Is there room for files?"""
    limits = seen.salesforce.limits
    if isinstance(limits, FluintError):
        return unseen(seen, "the limits of files", limits)
    nothing = Limit(0, 0)
    versions, storage = limits.get("ContentPublicationLimit", nothing), limits.get("FileStorageMB", nothing)
    faults = []
    if versions is not nothing and versions.left <= 0:
        faults.append(Fault("publications_used", values={"most": versions.most}))
    if storage is not nothing and storage.left <= storage.most * _LOW_STORAGE:
        faults.append(Fault("storage_full", values={"left": storage.left, "most": storage.most}))
    if faults:
        return wrong(*faults)
    return fine(f"{versions.left:,} versions a day and {storage.left:,} MB are left.")


def uploads(seen: Seen) -> Judgement:
    """What became of the documents that were to be sent? The org's own rules show only in what they refuse."""
    faults = [_upload(reason, versions) for reason, versions in seen.fluint.uploads.items()]
    return wrong(*faults) if faults else fine("Salesforce refused no document.")


def _upload(reason: str, versions: int) -> Fault:
    values: dict[str, object] = {"reason": reason, "versions": versions}
    if reason.isupper():
        return Fault("upload_refused", reason, values | {"step": _OF_SALESFORCE.get(reason, _SEE)})
    return Fault("upload_not_sent", reason, values | {"step": _OF_FLUINT.get(reason, _SEE)})
