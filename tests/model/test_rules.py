"""The rules keep every history of the model right, and without any one of them some history goes wrong.

For a rule that matters often a drawn history is found; for the others one is told (stories.py), because a coincidence of a hundred
thousand histories cannot be waited for. Every rule is one or the other.
"""

from __future__ import annotations

import pytest

from tests.model.driver import STEPS, History, first_failure
from tests.model.rules import Rule
from tests.model.stories import STORIES
from tests.model.story import Story

HISTORIES = 6_000
_TRIED = 3_000
DRAWN = [rule for rule in Rule if rule not in STORIES]


def _name(rule: Rule) -> str:
    return rule.name.lower()


def test_every_history_of_the_model_ends_with_a_load_from_scratch() -> None:
    """A rule that is missing, or two that contradict each other."""
    assert HISTORIES * STEPS > 400_000
    assert first_failure(frozenset(), range(HISTORIES)) is None


@pytest.mark.parametrize("rule", DRAWN, ids=_name)
def test_without_any_one_rule_some_history_goes_wrong(rule: Rule) -> None:
    """A rule that nothing needs: it would be kept, and paid for, for ever."""
    assert first_failure(frozenset({rule}), range(_TRIED)) is not None


@pytest.mark.parametrize("rule", STORIES, ids=_name)
def test_a_story_ends_well_and_without_its_rule_it_does_not(rule: Rule) -> None:
    """The same for rules that rarely matter; with all rules the same steps must end well, or the story proves nothing."""
    assert Story().hear(STORIES[rule]) == ""
    assert Story(frozenset({rule})).hear(STORIES[rule]) != ""


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_millions_of_steps_of_the_model_end_with_a_load_from_scratch() -> None:
    """What happens once in a hundred thousand histories happens to somebody every week."""
    seeds = range(10**6, 10**6 + 300_000)
    found = first_failure(frozenset(), seeds)
    assert found is None, f"History({found[0]}): {found[1]}"
    assert History(seeds[0]).run() == ""
