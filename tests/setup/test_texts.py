"""The texts as data: each names who can act and where, and none is a shrug."""

from __future__ import annotations

import re
import string

import pytest

from orchestration.setup.items import ITEMS
from orchestration.setup.outcome import Outcome
from orchestration.setup.texts import TEXTS
from orchestration.setup.texts.form import ADMIN

_PATHS = ("Setup › ", "{holder} › ", "{step}", "Run `fluint connect`", "Do what", "Mend what")


@pytest.mark.parametrize("code", sorted(TEXTS))
def test_a_text_says_who_can_act_and_where(code: str) -> None:
    """`Check your permissions` sends an admin to a search engine."""
    text = TEXTS[code]
    parts = (text.seen, text.symptom, text.works, text.who, text.step)
    assert all(part.strip() for part in parts)
    assert not re.search(
        r"check (your|the) (permissions|settings|configuration)", " ".join(parts), re.IGNORECASE
    )
    assert not text.step.endswith(".")
    if text.who == ADMIN:
        assert text.step.startswith(_PATHS)
    assert all(part.endswith((".", "}", ".)")) for part in (text.seen, text.symptom, text.works))


def test_no_text_names_a_placeholder_that_no_judge_gives() -> None:
    """A KeyError in a text hides the fault that it was to tell."""
    named = {name for text in TEXTS.values() for part in (text.seen, text.symptom, text.works, text.step)
             for _, name, _, _ in string.Formatter().parse(part) if name}  # fmt: skip
    assert {"user", "holder"} <= named
    assert all(re.fullmatch(r"[a-z_]+", name) for name in named)


def test_every_outcome_of_the_issue_has_texts_and_every_item_its_own_name() -> None:
    """An item without a key of its own cannot be an asset check."""
    assert {text.outcome for text in TEXTS.values()} == set(Outcome) - {Outcome.OK}
    keys = [item.key for item in ITEMS]
    assert len(set(keys)) == len(keys)
    assert all(re.fullmatch(r"[a-z_]+", key) for key in keys)
