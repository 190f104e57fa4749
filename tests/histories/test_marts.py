"""The marts at the end of a history: built now and then on the way, within transactions too, they equal ones built from nothing."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.dbt.workspace import Workspace
from tests.histories.history import History
from tests.histories.machine import POINTS, Histories
from tests.histories.points import Plan
from tests.histories.test_histories import run_histories


class HistoriesWithMarts(Histories):
    """The same histories, in which dbt builds at any moment."""

    builds = 0

    def __init__(self) -> None:
        super().__init__()
        self.models = Workspace(self.workspace.database)
        self.models.empty_marts()
        with self.models.writing() as rows:
            rows.connected()

    def _build(self) -> None:
        type(self).builds += 1
        self.models.dbt.build()

    @rule()
    def the_marts_are_built(self) -> None:
        self._build()

    @rule(kind=st.sampled_from(["changes", "list", "reread"]), point=POINTS, kill=st.none() | POINTS)
    def a_run_while_the_marts_are_built(
        self, kind: str, point: tuple[str, int], kill: tuple[str, int] | None
    ) -> None:
        self._run(kind, Plan(kill, {point: [self._build]}))

    def teardown(self) -> None:
        """After the truth of the rows that of the marts: what was built step by step is what one build makes of the same rows."""
        super().teardown()
        self._build()
        built = self.models.marts()
        self.models.empty_marts()
        self._build()
        anew = self.models.marts()
        assert [name for name in built if built[name] != anew[name]] == []


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_marts_built_along_a_history_equal_marts_built_from_nothing(history: History) -> None:
    """A change of a licence, a tombstone or a transaction left open that an incremental build does not see."""
    found = run_histories(history, 2, HistoriesWithMarts)
    assert found.builds > 2 * 2  # type: ignore[attr-defined]


@pytest.mark.long
@pytest.mark.timeout(2 * 3600)
def test_a_thousand_steps_with_marts_end_with_marts_built_from_nothing(history: History) -> None:
    """What the issue asks for once."""
    # A history has some sixty steps.
    assert run_histories(history, 20, HistoriesWithMarts, drawn_anew=True).steps > 1_000
