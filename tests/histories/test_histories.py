"""Whatever happens, and wherever it is killed: after settling the workspace holds what a load from scratch would hold."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.histories.history import History
from tests.histories.machine import Histories

STEPS = 70


def _histories(history: History, number: int) -> type[Histories]:
    """Runs so many histories; what a failing one did is printed as a program of rules, cut down to the fewest."""

    class Drawn(Histories):
        pass

    Drawn.history = history
    run_state_machine_as_test(
        Drawn,
        settings=settings(
            max_examples=number,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            derandomize=os.environ.get("FLUINT_TEST_SEEDED", "") != "no",
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        ),
    )
    print(f"{Drawn.steps} steps, {Drawn.runs} runs of the sync in {number} histories")
    return Drawn


def test_any_short_history_ends_with_what_a_load_from_scratch_holds(history: History) -> None:
    """A path to a state that gives other tables than another path to the same state."""
    assert _histories(history, 12).steps


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_many_histories_end_with_what_a_load_from_scratch_holds(history: History) -> None:
    """The rare coincidences of two processes, a kill and a late row."""
    assert _histories(history, 200).steps
