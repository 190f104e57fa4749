"""The page layouts that licensed owners see their deals with, and whether each shows the Files related list.

A describe tells a caller's own layouts only; which layout another profile has, the Tooling API tells (Tooling API Developer Guide,
ProfileLayout: takes View Setup and Configuration). Belongs here: these two questions. Does not: which owners count (held.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from orchestration.errors import FluintError
from orchestration.salesforce import soql
from orchestration.salesforce.client import Salesforce
from orchestration.salesforce.pages import Record
from orchestration.setup.questions import MOST_LAYOUTS
from orchestration.setup.seen import Asked, Layout

FILES = "RelatedFileList"
"""The Files related list in a layout's metadata (seen in many projects; the list of notes is RelatedNoteList)."""

_MASTER = "012000000000000AAA"
Pairs = Mapping[tuple[str, str | None], int]


def read_layouts(
    salesforce: Salesforce, profiles: Mapping[str, tuple[str, str]], pairs: Pairs
) -> tuple[Layout, ...]:
    """The layouts behind `pairs` ((owner, record type) → deals held), most deals first; `profiles`: owner → (id, name) of the profile.

    Raises what the first question is refused with; a layout that cannot be looked into has that refusal in place of its answer.
    """
    wanted = _by_profile(profiles, pairs)
    if not wanted:
        return ()
    rows = _assignments(salesforce, sorted({profile_id for profile_id, _ in wanted}))
    found = _used(rows, wanted, dict(profiles.values()))
    return tuple(
        replace(layout, shows_files=_shows_files(salesforce, layout.id)) for layout in found[:MOST_LAYOUTS]
    )


def _by_profile(profiles: Mapping[str, tuple[str, str]], pairs: Pairs) -> dict[tuple[str, str | None], int]:
    wanted: dict[tuple[str, str | None], int] = {}
    for (owner, record_type), deals in pairs.items():
        if owner in profiles:
            key = (profiles[owner][0], record_type)
            wanted[key] = wanted.get(key, 0) + deals
    return wanted


def _assignments(salesforce: Salesforce, profile_ids: Sequence[str]) -> Sequence[Record]:
    return salesforce.tooling_query(
        soql.select(
            ["ProfileId", "RecordTypeId", "LayoutId", "Layout.Name"],
            "ProfileLayout",
            [soql.equal("TableEnumOrId", "Opportunity"), soql.is_in("ProfileId", profile_ids)],
        )
    )


def _used(
    rows: Sequence[Record], wanted: Mapping[tuple[str, str | None], int], names: Mapping[str, str]
) -> list[Layout]:
    """The layouts that count, those of most deals first, with the profiles and record types (ids) that they are seen with."""
    deals: dict[str, int] = {}
    layouts: dict[str, Layout] = {}
    for row in rows:
        # Deals without a record type have the layout of the master one, which some answers name and others leave out.
        record_type = None if row["RecordTypeId"] in (None, _MASTER) else str(row["RecordTypeId"])
        profile_id, layout_id = str(row["ProfileId"]), str(row["LayoutId"])
        count = wanted.get((profile_id, record_type))
        if count is None:
            continue
        layout = layouts.get(layout_id) or Layout(
            layout_id, str((row["Layout"] or {}).get("Name", layout_id)), ()
        )
        used_for = (*layout.used_for, (names.get(profile_id, profile_id), record_type or ""))
        layouts[layout_id] = replace(layout, used_for=used_for)
        deals[layout_id] = deals.get(layout_id, 0) + count
    return sorted(layouts.values(), key=lambda each: (-deals[each.id], each.name))


def _shows_files(salesforce: Salesforce, layout_id: str) -> Asked[bool]:
    query = soql.select(["Id", "Metadata"], "Layout", [soql.equal("Id", layout_id)])
    try:
        (row,) = salesforce.tooling_query(query)
        lists = (row["Metadata"] or {}).get("relatedLists") or ()
        return any(each.get("relatedList") == FILES for each in lists)
    except FluintError as error:
        return error
