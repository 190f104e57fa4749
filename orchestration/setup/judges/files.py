"""Judges of documents: may files be made and put on deals, do people see them, is there room, and what became of those that were sent."""

from __future__ import annotations

from collections.abc import Iterator

from orchestration.errors import FluintError, ObjectUnavailableError
from orchestration.setup.judges.common import listed, unseen, unseen_fault
from orchestration.setup.judges.reading import PLURALS
from orchestration.setup.outcome import Fault, Judgement, fine, wrong
from orchestration.setup.seen import Layout, Limit, Seen
from orchestration.setup.texts import uploads as texts

_LOW_STORAGE = 0.02
_WHO_SENDS = (
    ("upload_refused", texts.OF_AN_ADMIN),
    ("upload_not_sent", texts.OF_THE_OPERATOR),
    ("upload_given_up", texts.OF_THE_WORKSPACE),
)
_NO_RECORD_TYPE = "no record type"


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
        return wrong(
            Fault("deal_not_editable" if rights is None else "deal_not_shared_to_edit", values=values)
        )
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
    closed: dict[str, FluintError] = {}
    for layout in layouts:
        if not isinstance(layout.shows_files, FluintError):
            if not layout.shows_files:
                values = {"layout": layout.name, "used_for": _used_for(seen, layout)}
                yield Fault("files_list_missing", layout.name, values)
        elif (layout.shows_files.code or "").startswith("INSUFFICIENT_ACCESS"):
            closed[layout.name] = layout.shows_files
        else:
            yield unseen_fault(seen, f"What the page layout '{layout.name}' shows", layout.shows_files)
    if closed:
        yield _closed(seen, list(closed), next(iter(closed.values())))


def _closed(seen: Seen, names: list[str], error: FluintError) -> Fault:
    what = f"What the page layouts show ({listed(names)})"
    reason = f"the org shows that to users with 'Customize Application' only, which {seen.user} lacks"
    step = (
        "Setup › Object Manager › Opportunity › Page Layouts: see that 'Files' is among the related lists of each; or, to have it"
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
    faults = [
        Fault(code, reason, {"reason": reason.replace("_", " "), "versions": versions, "step": steps[reason]})
        for reason, versions in seen.fluint.uploads.items()
        for code, steps in _WHO_SENDS
        if reason in steps
    ]
    return wrong(*faults) if faults else fine("Every document is in Salesforce, or on its way.")
