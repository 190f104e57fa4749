"""Which findings of the set-up check are left to the status. Pure; what is seen of them in the ledger is test_watch.py's."""

from __future__ import annotations

from orchestration.alerts.checked import DRIFT, JUDGED_LIVE, told
from orchestration.setup.texts import TEXTS
from orchestration.sync.objects import CATALOGUE


def test_every_finding_that_is_left_to_the_status_is_one_that_the_check_would_tell_and_has_its_reason() -> (
    None
):
    """A code that was renamed is told again beside the status; one that nobody tells at all needs no line."""
    codes = {key.partition(": ")[0] for key in JUDGED_LIVE}
    assert codes - TEXTS.keys() == set()
    assert {code for code in codes if TEXTS[code].outcome not in DRIFT} == set()
    assert all(": " in reason for reason in JUDGED_LIVE.values())


def test_an_object_that_may_be_absent_is_not_left_to_the_status() -> None:
    """The status calls it well where it was never read: that a permission is missing is told by nobody."""
    absent = {each.name for each in CATALOGUE if each.may_be_absent}
    named = {key.partition(": ")[2] for key in JUDGED_LIVE} - {""}
    assert named
    assert named & absent == set()
    assert told(["object_not_readable: Contact", "object_not_readable: Account"]) == ("object_not_readable",)


def test_advice_beside_a_finding_that_is_left_out_is_no_incident() -> None:
    """A day on which the data was old, with an object that is switched off on purpose, is alerted a day later."""
    assert told(["stale: contact", "object_switched_off: task"]) == ()
    assert told(["stale: contact", "object_needs_other: contact"]) == ("object_needs_other",)
