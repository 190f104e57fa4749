"""The demo's small parts as values: ids by the run, mailboxes of names."""

from __future__ import annotations

import pytest

from local_org.demo.pools import mailbox
from local_org.demo.world import Ids
from local_org.ids import make_id


@pytest.mark.parametrize("used", [0, 1, 60, 61, 62, 3_842, 3_843, 3_844, 916_132_830])
def test_ids_by_the_run_equal_ids_one_by_one(used: int) -> None:
    """Fault: the shortcut of the demo's ids gives another check character than an id has."""
    ids = Ids({"006": used})
    assert [ids.next("006") for _ in range(200)] == [make_id("006", used + place) for place in range(1, 201)]


def test_names_without_latin_letters_have_no_mailbox() -> None:
    """Fault: an address that begins with a dot or is empty before the @."""
    assert [mailbox("Łukasz", "Müßig"), mailbox("孔", "丘"), mailbox(None, "O’Brien")] == [
        "lukasz.mussig",
        "",
        "obrien",
    ]
