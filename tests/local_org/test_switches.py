"""The switches themselves: their types, and that what is uncertain is marked as such in code, not only in words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import local_org.switches
from local_org.switches import Switches

SOURCE = Path(local_org.switches.__file__).read_text(encoding="utf-8")


def test_every_switch_called_unconfirmed_is_marked_with_its_readings() -> None:
    """A comment alone runs nothing: the client would be tested against the one reading that somebody guessed."""
    named, is_named, was_comment = [], False, False
    for line in SOURCE[SOURCE.index("class Switches") :].splitlines():
        comment, switch = re.match(r"    # ", line), re.match(r"    (\w+): ", line)
        if comment:  # it holds for every switch below it, up to the next comment
            is_named = "Unconfirmed:" in line or (is_named and was_comment)
        if switch and is_named:
            named.append(switch[1])
        was_comment = comment is not None
    assert named
    assert set(named) == set(Switches.readings())


def test_every_unconfirmed_switch_takes_each_of_its_readings() -> None:
    """A reading of another type or one that equals the default would test nothing."""
    readings = Switches.readings()
    assert readings
    for name, values in readings.items():
        assert len(set(values)) > 1, name
        assert getattr(Switches(), name) == values[0]
        for value in values:
            Switches().set({name: value})


@pytest.mark.parametrize("wrong", [{"no_such": 1}, {"daily_api_limit": "many"}, {"require_pkce": 1}])
def test_a_switch_that_does_not_exist_or_another_type_sets_nothing(wrong: dict[str, object]) -> None:
    """Half of a change that is refused must not stay."""
    switches = Switches()
    with pytest.raises(ValueError, match="switch"):
        switches.set({"uri_limit_bytes": 1, **wrong})
    assert switches == Switches()
