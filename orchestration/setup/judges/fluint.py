"""Judges of Fluint's own side: who is licensed, what the filter says, what was read, whether deals arrive."""

from __future__ import annotations

from datetime import timedelta

from orchestration.errors import FluintError
from orchestration.setup.judges.common import listed, unseen
from orchestration.setup.judges.reading import are_users_hidden, were_users_hidden
from orchestration.setup.outcome import Fault, Judgement, fine, wrong
from orchestration.setup.seen import Seen
from orchestration.sync.objects import CATALOGUE, OPPORTUNITY, SObject

MOST_NAMED = 20
"""People that a text names at most."""

_OLD = timedelta(hours=6)
# The guide's order of installation: a deal needs its owner, stage and record type; what hangs on it needs the deal.
_OF_DEALS = ("user", "opportunity_stage", "record_type")


def _needs(sobject: SObject) -> tuple[str, ...]:
    """The tables that say which rows of an object come in."""
    if sobject.parent:
        return (OPPORTUNITY.table_name,)
    if sobject.named_by:
        return (sobject.named_by.sobject.table_name,)
    return _OF_DEALS if sobject is OPPORTUNITY else ()


def user_list(seen: Seen) -> Judgement:
    """Is somebody licensed, and does Salesforce have each of them, once?"""
    fluint = seen.fluint
    if not fluint.licensed:
        return wrong(Fault("nobody_licensed"))
    if all(each.data_as_of is None for each in fluint.objects if each.table == "user"):
        return fine(
            f"{fluint.licensed:,} users are licensed; whom Salesforce has is known after the first sync."
        )
    # Nobody can tell whether somebody who is hidden, or was when users were read, has another address.
    unmatched = "users_not_read" if were_users_hidden(seen) else "users_unmatched"
    unmatched = "users_not_seen" if are_users_hidden(seen) else unmatched
    values = {"user": seen.user, "holder": seen.salesforce.holder, "held": fluint.active_users}
    faults = [
        Fault(code, values=values | {"count": len(people), "people": _people(people)})
        for code, people in ((unmatched, fluint.unmatched), ("users_ambiguous", fluint.ambiguous))
        if people
    ]
    return (
        wrong(*faults)
        if faults
        else fine(f"{fluint.licensed:,} users are licensed, and each has a Salesforce user.")
    )


def _people(ids: tuple[str, ...]) -> str:
    more = f" and {len(ids) - MOST_NAMED:,} more" if len(ids) > MOST_NAMED else ""
    return ", ".join(ids[:MOST_NAMED]) + more


def backfill_filter(seen: Seen) -> Judgement:
    """Was it decided what comes in, and does the org still have what the filter names?"""
    filters, fluint = seen.fluint.filters, seen.fluint
    if filters.created_since is not None and filters.created_since > fluint.now:
        return wrong(Fault("filter_lies_ahead", values={"since": filters.created_since}))
    gone = [stage for stage in filters.excluded_stages if fluint.stages and stage not in fluint.stages]
    gone += [
        each
        for each in filters.excluded_record_types
        if fluint.record_types and each not in fluint.record_types
    ]
    if gone:
        return wrong(Fault("filter_names_unknown", ", ".join(gone), {"names": listed(gone)}))
    if filters.created_since is None and not filters.rules() and not filters.excluded_owners:
        return wrong(Fault("no_filter"))
    since = (
        f"deals created since {filters.created_since:%Y-%m-%d}"
        if filters.created_since
        else "deals of all years"
    )
    return fine(f"The filter takes {since}; every stage, record type and owner that it names is there.")


def objects_are_read(seen: Seen) -> Judgement:
    """Is every object switched on with what it depends on, read, and right up to a time that is not long ago?"""
    objects = {each.table: each for each in seen.fluint.objects}
    faults = []
    off = [table for table, each in objects.items() if not each.is_enabled]
    if off:
        faults.append(Fault("object_switched_off", ", ".join(off), {"objects": listed(off)}))
    for sobject in CATALOGUE:
        table = sobject.table_name
        missing = [name for name in _needs(sobject) if not objects[name].is_enabled]
        if objects[table].is_enabled and missing:
            values = {"sobject": table, "missing": listed(missing)}
            faults.append(Fault("object_needs_other", table, values))
    on = [each for each in objects.values() if each.is_enabled]
    never = [each.table for each in on if each.data_as_of is None]
    if never:
        faults.append(Fault("never_read", ", ".join(never), {"objects": listed(never)}))
    old = {
        each.table: each.data_as_of
        for each in on
        if each.data_as_of and seen.fluint.now - each.data_as_of > _OLD
    }
    if old:
        faults.append(Fault("stale", ", ".join(old), {"objects": listed(old), "as_of": min(old.values())}))
    return wrong(*faults) if faults else fine(f"{len(on)} objects are read and up to date.")


def deals_arrive(seen: Seen) -> Judgement:
    """Are there as many deals here as Salesforce says there should be?"""
    fluint, theirs = seen.fluint, seen.salesforce.deals_in_scope
    if fluint.owners_not_listed or fluint.deals_not_listed:
        waiting = {"owners": fluint.owners_not_listed, "deals": fluint.deals_not_listed}
        return wrong(Fault("owners_not_listed", values=waiting))
    if not fluint.owners or fluint.settled_before is None:
        return fine("No owner is in scope yet; deals are compared then.")
    if isinstance(theirs, FluintError):
        return unseen(seen, "how many deals there should be", theirs)
    # A deal that changed since is left out there and may still be counted here, and one that was erased here is there: only fewer
    # than theirs without the erased are too few.
    if theirs > fluint.deals_held + fluint.deals_erased:
        since = fluint.filters.created_since
        values: dict[str, object] = {
            "theirs": theirs,
            "ours": fluint.deals_held,
            "month": f"{since:%Y-%m}" if since else "2015-01",
            "this_month": f"{fluint.now:%Y-%m}",
        }
        return wrong(Fault("deals_missing", values=values))
    erased = f" ({fluint.deals_erased:,} were erased here)" if fluint.deals_erased else ""
    return fine(f"{theirs:,} deals of {len(fluint.owners):,} owners, here as in Salesforce{erased}.")


def stages(seen: Seen) -> Judgement:
    """Is every deal in a stage that the org lists?"""
    unknown = seen.fluint.unknown_stages
    if unknown:
        names = listed(f"'{name}'" for name in unknown)
        return wrong(
            Fault(
                "stages_unknown",
                ", ".join(map(str, unknown)),
                {"deals": sum(unknown.values()), "stages": names},
            )
        )
    if not seen.fluint.stages:
        return fine("No stage has been read yet; deals are compared then.")
    return fine(f"The org lists {len(seen.fluint.stages):,} stages, and every deal is in one of them.")
