"""The command `fluint preview`: what a setting of the filter would bring in, before it does. Counts only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli.charts import bars, pivot
from orchestration.cli.console import console, working
from orchestration.cli.filters import (
    Choice,
    CreatedSince,
    ExcludeOwner,
    ExcludeRecordType,
    ExcludeStage,
    MinimumAmount,
    filter_table,
    put_in_force,
)
from orchestration.cli.workspace import Workspace

if TYPE_CHECKING:
    from orchestration.entitlement.preview import Owner, Preview
    from orchestration.sync.estimate import Load, Speed

CLUTTERED = 100
"""Deals in one stage of one owner, from which on a board is called cluttered: a column of ten screens with ten cards each, in
which nobody finds a deal by looking. The integration guide asks to mind it and names no figure; this one is ours."""

_MOST_OWNERS = 25  # lines of a chart that fit a screen


def preview(
    created_since: CreatedSince = None,
    exclude_stage: ExcludeStage = None,
    exclude_record_type: ExcludeRecordType = None,
    exclude_owner: ExcludeOwner = None,
    minimum_amount: MinimumAmount = None,
    set_: Annotated[bool, typer.Option("--set", help="Put the filter in force afterwards.")] = False,
) -> None:
    """Show how many deals a filter would bring in, per owner, stage and year, before it does. What came in stays.

    Takes the options of `fluint filters set`; without any, looks at the filter in force. Salesforce is asked for counts only.
    Warns of owners with 100 deals or more in one stage, whose board nobody could read.
    """
    from orchestration.entitlement.filters import read_filter
    from orchestration.entitlement.preview import preview as count
    from orchestration.sync.estimate import measured_speed

    workspace = Workspace.here()
    choice = Choice(created_since, exclude_stage, exclude_record_type, exclude_owner, minimum_amount)
    with workspace.database.transaction() as connection:
        current = read_filter(connection)
        filters = choice.applied_to(connection, current)
        shown = filter_table(connection, "Filter to look at", filters)
        stages = [row[0] for row in connection.execute(_STAGES)]
    console.print(shown)
    with working("Asking Salesforce for counts"), workspace.asking("preview") as salesforce:
        counted = count(workspace.database, salesforce, filters)
    show(counted, stages)
    console.print(
        Cost(counted, lists_anew=filters.digest != current.digest).text(measured_speed(workspace.database))
    )
    if set_:
        put_in_force(workspace, choice)


_STAGES = "select api_name from raw_salesforce.opportunity_stage group by 1 order by min(sort_order), 1"


class Cost:
    """What the import would take."""

    def __init__(self, counted: Preview, *, lists_anew: bool) -> None:
        """Estimates the children of the new deals by the org's average.

        `lists_anew`: under another digest every deal is listed, those that are held, too; of children only the missing ones.
        """
        from orchestration.sync.estimate import Children, estimate

        listed = Counter({owner.owner_id: 0 for owner in counted.owners})
        for group in counted.groups:
            listed[group.owner_id] += group.deals if lists_anew else group.new
        self.new = sum(group.new for group in counted.groups)
        share = self.new / counted.totals.deals if counted.totals.deals else 0
        totals = (counted.totals.roles, counted.totals.mails, counted.totals.tasks, counted.totals.events)
        self.children = Children(*(round(count * share) for count in totals))
        self.load: Load = estimate(listed, self.new, self.children)

    def text(self, speed: Speed) -> str:
        """The estimate as a sentence, with where it comes from."""
        if not self.new:
            return "Nothing would come in: all deals of this filter are held."
        from orchestration.sync.estimate import SECONDS_PER_CALL

        minutes = speed.time_for(self.load).total_seconds() / 60
        lasts = f"{minutes:,.0f} minutes" if minutes >= 2 else f"{max(minutes * 60, 1):,.0f} seconds"
        source = (
            f"{speed.rows_per_second:,.0f} rows a second in this workspace's last {speed.runs} listings"
            if speed.runs
            else f"{speed.rows_per_second:,.0f} rows a second, measured with the local org, and {SECONDS_PER_CALL} s for each call"
        )
        return (
            f"{self.new:,} deals would come in, with about {self.children.roles:,} contact roles, {self.children.mails:,} mails"
            f" and {self.children.tasks + self.children.events:,} activities (the org's average):"
            f" about {self.load.calls:,} API calls and {lasts} ({source})."
        )


def show(counted: Preview, stages: Sequence[str]) -> None:
    """Prints what would come in as a table and as bars, and warns of boards that nobody could read."""
    import pandas as pd

    names = together(labels(counted.owners), counted)
    order = [*stages, *sorted({group.stage for group in counted.groups} - set(stages))]
    frame = pd.DataFrame(
        [(names[g.owner_id], g.stage, g.year, g.new, g.held) for g in counted.groups],
        columns=["owner", "stage", "year", "new", "held"],
    )
    frame["stage"] = pd.Categorical(frame["stage"], categories=order, ordered=True)
    if frame["new"].any():
        console.print(pivot("Deals that would come in", frame, ["owner", "year"], "stage", "new"))
    cluttered = list(crowded(counted))
    marks = {names[owner.owner_id] for owner, _, _ in cluttered}
    console.print(bars("Deals in Fluint by owner: held, and new", boards(counted, names), marks=marks))
    for what in ("year", "stage"):
        sums = frame.groupby(what, observed=True)[["held", "new"]].sum()
        console.print(
            bars(
                f"In this filter by {what}",
                [(str(key), int(row["held"]), int(row["new"])) for key, row in sums.iterrows()],
            )
        )
    for owner, stage, deals in cluttered:
        console.print(
            f"! The board of {owner.name} ({owner.email}) would be cluttered: {deals:,} deals in {stage} ({CLUTTERED} or more). A later"
            f" --created-since, --exclude-stage {stage!r} or --minimum-amount keeps some out.",
            markup=False,
        )


def boards(counted: Preview, names: dict[str, str]) -> list[tuple[str, int, int]]:
    """Name, deals that are held, deals that would come in; the fullest first."""
    held: Counter[str] = Counter()
    new: Counter[str] = Counter()
    for owner in counted.owners:
        held[names[owner.owner_id]] += owner.board
    for group in counted.groups:
        new[names[group.owner_id]] += group.new
    return sorted(
        ((name, held[name], new[name]) for name in held), key=lambda row: (-row[1] - row[2], row[0])
    )


def labels(owners: Iterable[Owner]) -> dict[str, str]:
    """Owner id → the name that tells the owner apart: the e-mail address or the id is added where two share a name."""
    known = list(owners)
    shared = Counter(owner.name for owner in known)
    both = Counter((owner.name, owner.email) for owner in known)
    made = {}
    for owner in known:
        aside = (
            ""
            if shared[owner.name] == 1
            else owner.email
            if both[owner.name, owner.email] == 1
            else owner.owner_id
        )
        made[owner.owner_id] = f"{owner.name} ({aside})" if aside else owner.name
    return made


def together(names: dict[str, str], counted: Preview) -> dict[str, str]:
    """The same names, with all but the owners of the most deals under one, so that a table stays readable."""
    deals = Counter({owner.owner_id: owner.board for owner in counted.owners})
    for group in counted.groups:
        deals[group.owner_id] += group.new
    rest = [owner_id for owner_id, _ in deals.most_common()[_MOST_OWNERS:]]
    return names | dict.fromkeys(rest, f"{len(rest)} others")


def crowded(counted: Preview) -> Iterable[tuple[Owner, str, int]]:
    """Owners whose board would hold too many deals in one stage, each with the fullest; only what would come in can be kept out."""
    per_stage: Counter[tuple[str, str]] = Counter()
    new: Counter[tuple[str, str]] = Counter()
    for group in counted.groups:
        per_stage[group.owner_id, group.stage] += group.held + group.new
        new[group.owner_id, group.stage] += group.new
    for owner in counted.owners:
        full = [
            (deals, stage)
            for (owner_id, stage), deals in per_stage.items()
            if owner_id == owner.owner_id and deals >= CLUTTERED and new[owner_id, stage]
        ]
        if full:
            deals, stage = max(full)
            yield owner, stage, deals
