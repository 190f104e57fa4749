"""Counts as tables and bars in a terminal, and which boards are too full: values in, text out."""

from __future__ import annotations

import pandas as pd
import pytest
from rich.console import Console

from orchestration.cli.charts import bars, pivot
from orchestration.cli.preview import CLUTTERED, crowded, labels, together
from orchestration.entitlement.preview import Group, OrgTotals, Owner, Preview


def drawn(what: object) -> list[str]:
    """The lines that a terminal would show."""
    console = Console(width=140)
    with console.capture() as captured:
        console.print(what)
    return [line.rstrip() for line in captured.get().splitlines()]


def test_a_bar_is_as_long_as_its_number_and_names_what_is_new() -> None:
    """A chart whose bars do not compare, or that says `0 new` everywhere."""
    lines = drawn(bars("Deals", [("Ada", 25, 25), ("Ben", 0, 10), ("Cy", 0, 0)], marks=["Ada"]))
    assert [line.count("█") for line in lines] == [0, 50, 10, 0]
    assert lines[1].endswith(" 50 (25 new) !")
    assert lines[2].endswith(" 10")


def test_a_table_has_sums_and_leaves_out_what_has_no_number() -> None:
    """Twenty stages without a deal, and no total to compare with."""
    frame = pd.DataFrame(
        [
            ("Ada", 2025, "Won", 3),
            ("Ada", 2026, "Lost", 4),
            ("Ben", 2026, "Won", 1000),
            ("Cy", 2026, "None", 0),
        ],
        columns=["owner", "year", "stage", "new"],
    )
    frame["stage"] = pd.Categorical(frame["stage"], categories=["Won", "None", "Lost"], ordered=True)
    table = drawn(pivot("New", frame, ["owner", "year"], "stage", "new"))
    cells = [line.split() for line in table if line.strip()]
    assert cells[1] == ["owner", "year", "Won", "Lost", "all"]
    assert cells[3:6] == [["Ada", "2025", "3", "3"], ["2026", "4", "4"], ["Ben", "2026", "1,000", "1,000"]]
    assert cells[-1] == ["all", "1,003", "4", "1,007"]


ADA, TWIN, BEN = (
    Owner("005A", "Ada", "a@x", 0),
    Owner("005B", "Ada", "a@x", 0),
    Owner("005C", "Ben", "b@x", 9),
)


def a_preview(*groups: Group) -> Preview:
    """A preview of three owners."""
    return Preview((ADA, TWIN, BEN), groups, OrgTotals(0, 0, 0, 0, 0))


@pytest.mark.parametrize(
    ("held", "deals", "warned"),
    [
        (0, CLUTTERED, True),
        (0, CLUTTERED - 1, False),
        (CLUTTERED - 1, CLUTTERED, True),  # the deal too many would come in
        (CLUTTERED, CLUTTERED, False),  # it is full already, and no setting takes anything out
    ],
)
def test_a_board_is_cluttered_by_a_full_stage_that_would_grow(held: int, deals: int, warned: bool) -> None:
    """A rep who opens Fluint for the first time and sees a thousand cards."""
    found = list(
        crowded(a_preview(Group("005C", "Won", 2025, deals, held), Group("005C", "Lost", 2025, 7, 0)))
    )
    assert found == ([(BEN, "Won", deals)] if warned else [])


def test_years_of_one_stage_stand_in_one_column_of_the_board() -> None:
    """Two years of sixty deals each are a column of a hundred and twenty."""
    groups = [Group("005C", "Won", year, 60, 0) for year in (2024, 2025)]
    assert [deals for _, _, deals in crowded(a_preview(*groups))] == [120]


def test_owners_with_one_name_are_told_apart() -> None:
    """Two users of one person: their deals in one row, or two rows that look alike."""
    assert labels([ADA, TWIN, BEN]) == {"005A": "Ada (005A)", "005B": "Ada (005B)", "005C": "Ben"}
    assert labels([ADA, Owner("005D", "Ada", "d@x", 0)]) == {"005A": "Ada (a@x)", "005D": "Ada (d@x)"}


def test_owners_beyond_a_screen_are_taken_together() -> None:
    """A chart of five hundred lines for an org of five hundred reps."""
    owners = tuple(Owner(f"{i:03}", f"Rep {i:03}", f"{i}@x", i) for i in range(40))
    names = together(
        labels(owners), Preview(owners, (Group("000", "Won", 2025, 99, 0),), OrgTotals(0, 0, 0, 0, 0))
    )
    assert len(set(names.values())) == 26
    assert (names["000"], names["001"], names["039"]) == ("Rep 000", "15 others", "Rep 039")
