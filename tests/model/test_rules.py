"""The rules keep every history of the model right, and without any one of them some history goes wrong."""

from __future__ import annotations

import pytest

from tests.model.driver import STEPS, History, first_failure
from tests.model.rules import Rule

HISTORIES = 3_000
# Where the first history that needs the rule lies, found once by trying seeds in order; a change of the model moves them.
NEAR: dict[Rule, int] = {}
_TRIED = 2_000


def test_every_history_of_the_model_ends_with_a_load_from_scratch() -> None:
    """A rule that is missing, or two that contradict each other."""
    assert HISTORIES * STEPS > 200_000
    assert first_failure(frozenset(), range(HISTORIES)) is None


@pytest.mark.parametrize("rule", Rule, ids=lambda rule: rule.name.lower())
def test_without_any_one_rule_some_history_goes_wrong(rule: Rule) -> None:
    """A rule that nothing needs: it would be kept, and paid for, for ever."""
    start = NEAR.get(rule, 0)
    assert first_failure(frozenset({rule}), range(start, start + _TRIED)) is not None


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_millions_of_steps_of_the_model_end_with_a_load_from_scratch() -> None:
    """What happens once in a hundred thousand histories happens to somebody every week."""
    seeds = range(10**6, 10**6 + 150_000)
    found = first_failure(frozenset(), seeds)
    assert found is None, f"History({found[0]}): {found[1]}"
    assert History(seeds[0]).run() == ""
