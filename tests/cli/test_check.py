"""`fluint check` as a person, a ticket and a monitor meet it: the same report in three forms, with names that Dagster never gets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.cli.shell import Shell
from tests.sync.bench import Bench

Office = tuple[Shell, Bench]


@contextmanager
def mistakes(bench: Bench, *names: str) -> Iterator[None]:
    """The org with these mistakes in its set-up."""
    bench.org.admin("POST", "/mistakes", list(names))
    try:
        yield
    finally:
        bench.org.admin("DELETE", "/mistakes")


def items(shell: Shell) -> dict[str, Any]:
    """The answers for programs, by item."""
    said = shell("check", "--json")
    return {item["item"]: item for item in json.loads(said.text)["items"]} | {"exit": said.exit_code}


@pytest.mark.slow
def test_the_worst_answer_is_the_exit_code(office: Office) -> None:
    """A monitor knows one number, and a cron job that always ends with 0 is none."""
    shell, bench = office
    ambiguous = {m["fluint_email"] for m in bench.people if m["role"].startswith("ambiguous")}
    assert items(shell)["exit"] == 2  # licensed people whom nobody can tell apart
    for email in ambiguous:
        shell("users", "unlicense", email)
    try:
        found = items(shell)
        assert (found["exit"], found["user_list"]["outcome"]) == (0, "ok")
        with mistakes(bench, "view_setup_missing"):
            assert items(shell)["exit"] == 1
        with mistakes(bench, "api_disabled_for_user"):
            found = items(shell)
        assert (found["exit"], found["api_access"]["outcome"]) == (3, "stops the sync")
        assert found["api_access"]["findings"][0]["salesforce_code"] == "API_CURRENTLY_DISABLED"
    finally:
        for email in ambiguous:
            shell("users", "license", email)


def test_people_are_named_and_what_changed_comes_first(office: Office) -> None:
    """An id of 18 characters names nobody to whoever has to mend it."""
    shell, bench = office
    shell("check")
    with mistakes(bench, "opportunity_amount_hidden"):
        said = shell("check")
    assert said.exit_code == 2
    drift, amount = (
        said.line.index("Since the last check"),
        said.line.index("Opportunity.Amount cannot be read"),
    )
    assert drift < said.line.index("new: field hidden (Amount)") < amount
    integration = bench.client.identity().user_id
    assert f"({integration}: Fluint Integration, integration@acme.example)" in said.line
    person = next(m for m in bench.people if m["role"] == "ambiguous_a")
    assert person["fluint_email"].strip() in said.line
    assert "people notice: Deals have no amount." in said.line
    assert "who can mend it: a Salesforce admin" in said.line
    assert "where: Setup › Profiles › Fluint Integration › Object Settings › Opportunities" in said.line


def test_a_ticket_gets_the_same_as_markdown(office: Office) -> None:
    """What is pasted into a ticket is read by whoever may change Salesforce, and who is seldom in the room."""
    shell, bench = office
    with mistakes(bench, "files_list_missing"):
        said = shell("check", "--markdown")
    assert said.text.startswith("# Salesforce set-up check of ")
    assert "## Files related list on page layouts: missing feature" in said.text
    assert "- **where**: Setup › Object Manager › Opportunity › Page Layouts" in said.text
    assert "## Well" in said.text
    refused = shell("check", "--json", "--markdown")
    assert (refused.exit_code, "choose one" in refused.line) == (1, True)


@pytest.mark.slow
def test_what_one_missing_permission_hides_is_told_once(office: Office) -> None:
    """Ten times the same click path hides the two that differ."""
    shell, bench = office
    with mistakes(bench, "view_setup_missing"):
        said = shell("check")
    assert (
        said.line.count("tick 'View Setup and Configuration'") == 2
    )  # the fault itself, and all that it hides
    assert "10 could not be tested" in said.line
