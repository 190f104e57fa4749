"""Contacts come and go with the roles that name them: histories written by hand, with people who may change contacts and roles."""

from __future__ import annotations

from tests.histories.history import History


def _state(history: History) -> list[tuple[str, str | None]]:
    return history.workspace.ask("select last_name, _deleted_reason from raw_salesforce.contact order by id")


def _follow(history: History) -> None:
    history.workspace.wait(70)
    history.workspace.run("changes")


def test_a_contact_leaves_with_its_last_role_and_comes_back_with_a_new_one(history: History) -> None:
    """People whom no deal names any more, whose new names and addresses are read for as long as they live."""
    history.begin()
    history.license(0, True)
    people = history.people
    people.new_deal(0, 0, 0, 0, 0)
    people.new_contact()
    people.new_role(0, 0)
    history.note()
    history.workspace.run("list")
    (first,) = _state(history)
    assert first[1] is None
    people.delete("OpportunityContactRole", 0)
    _follow(history)
    people.edit("Contact", 0)
    _follow(history)
    assert _state(history) == [(first[0], "moved_out_of_scope")]
    people.new_role(0, 0)
    _follow(history)
    (back,) = _state(history)
    assert back[0] != first[0]
    assert back[1] is None
    history.expect_the_truth()


def test_a_contact_that_a_role_no_longer_names_leaves(history: History) -> None:
    """A role that names somebody else now: the former contact would be followed although nobody works with it."""
    history.begin()
    history.license(0, True)
    people = history.people
    people.new_deal(0, 0, 0, 0, 0)
    people.new_contact()
    people.new_contact()
    people.new_role(0, 0)
    history.note()
    history.workspace.run("list")
    people.renumber(0, 1)
    _follow(history)
    assert sorted(reason or "" for _, reason in _state(history)) == ["", "moved_out_of_scope"]
    history.expect_the_truth()
