"""Record ids: the 15- and 18-character forms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_org import ids

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def test_the_checksum_says_which_characters_are_capitals() -> None:
    """API sheet 6; Help, "How to convert 15 character IDs to 18": a wrong checksum would make ids that no other client accepts."""
    assert ids.to_18("001A0000006Vm9r") == "001A0000006Vm9rIAC"
    assert ids.to_18("00Dx0000000ALIZ") == "00Dx0000000ALIZEA4"[:15] + ids.checksum("00Dx0000000ALIZ")


@given(st.text(ALPHABET, min_size=15, max_size=15))
def test_an_18_character_id_in_another_case_is_the_same_id(short: str) -> None:
    """API sheet 6; The long form is case-insensitive by its checksum: spreadsheets that fold case must not break a lookup."""
    full = ids.to_18(short)
    assert full is not None
    assert ids.to_18(full.lower()) == full
    assert ids.to_18(full.upper()) == full
    assert ids.to_18(full) == full


@given(st.integers(0, 62**9 - 1))
def test_a_running_number_survives_the_way_into_an_id_and_back(number: int) -> None:
    """The sequence goes on from the highest id loaded; a wrong number would hand out an id twice."""
    assert ids.number_of(ids.make_id("006", number)) == number


@pytest.mark.parametrize("text", ["", "006", "006Qy000000000-", "006Qy0000000001IA", "006Qy0000000001IA!"])
def test_what_is_no_id_is_not_taken_for_one(text: str) -> None:
    """A text that merely looks like an id must reach the caller as a refusal, not as an empty answer."""
    assert ids.to_18(text) is None
