"""The commands that say who and what comes in: users and filters, against a workspace whose deals were read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestration.entitlement.filters import BackfillFilter
from tests.cli.shell import Shell
from tests.sync.bench import Bench

FILTER = "select created_since, excluded_stages, excluded_record_types, minimum_amount, excluded_owners from fluint_app.backfill_filter"


@pytest.fixture
def shell(office: tuple[Shell, Bench]) -> Iterator[Shell]:
    """The workspace with an empty filter, before and after."""
    office[1].filter(BackfillFilter())
    yield office[0]
    office[1].filter(BackfillFilter())


@pytest.fixture
def bench(office: tuple[Shell, Bench]) -> Bench:
    """The same workspace as the sync sees it."""
    return office[1]


def test_a_filter_is_set_part_by_part_and_shown_by_name(shell: Shell, bench: Bench) -> None:
    """An amount that is set and silently takes the date away: everything since the beginning comes in, for good."""
    rep = next(m for m in bench.people if m["role"] == "rep")
    first = shell("filters", "set", "--created-since", "2025-01-01", "--exclude-stage", "closed lost")
    assert first.exit_code == 0, first.text
    assert "are to be listed" in first.line
    said = shell(
        "filters", "set", "--minimum-amount", "500.50", "--exclude-record-type", "Renewal",
        "--exclude-owner", rep["email"],
    )  # fmt: skip
    assert said.exit_code == 0, said.text
    ((since, stages, record_types, minimum, owners),) = shell.ask(FILTER)
    assert (since, stages, str(minimum)) == (datetime(2025, 1, 1, tzinfo=UTC), ["Closed Lost"], "500.50")
    assert (len(list(record_types or [])), owners) == (1, [rep["user_id"]])  # type: ignore[call-overload]
    shown = shell("filters", "show")
    for value in (
        "2025-01-01 00:00 UTC",
        "Closed Lost",
        "Renewal",
        rep["email"],
        "500.50, in each deal's own currency",
    ):
        assert value in shown.line
    taken = shell(
        "filters", "set", "--created-since", "beginning", "--exclude-stage", "none", "--exclude-record-type", "none",
        "--exclude-owner", "none", "--minimum-amount", "none",
    )  # fmt: skip
    assert taken.exit_code == 0, taken.text
    assert shell.ask(FILTER) == [(None, [], [], None, [])]
    assert "in force already" in shell("filters", "set", "--exclude-stage", "none").line


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--exclude-stage", "Closed Lots"], "Near it: Closed Lost"),
        (["--exclude-record-type", "Renewals"], "Near it: Renewal"),
        (["--exclude-owner", "nobody@nowhere.example"], "no user"),
        (["--created-since", "last-century"], "beginning, last-year, last-two-years"),
        (["--created-since", "2199-01-01"], "lies in the future"),
        (["--minimum-amount", "5.000,00"], "is no amount"),
        (["--minimum-amount", "NaN"], "is no amount"),
        (["--minimum-amount=-1"], "is no amount"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_and_no_other_is_written_with_it(
    shell: Shell, options: list[str], said: str
) -> None:
    """A filter with one misspelled part, half of which is in force now."""
    before = shell.ask(FILTER)
    told = shell("filters", "set", "--exclude-stage", "Closed Won", *options)
    assert (told.exit_code, said in told.line, "Nothing was changed" in told.line) == (1, True, True), (
        told.text
    )
    assert shell.ask(FILTER) == before


def test_a_wider_filter_lists_what_is_missing_and_a_narrower_one_removes_nothing(
    shell: Shell, bench: Bench
) -> None:
    """Live: no view or model has to be built for a filter to hold."""
    bench.follow()
    bench.load()
    held = bench.live("opportunity")
    assert (
        shell("filters", "set", "--exclude-stage", "Closed Lost", "--created-since", "last-year").exit_code
        == 0
    )
    bench.follow()
    bench.load()
    assert bench.live("opportunity") == held
    rep = next(m for m in bench.people if m["role"] == "rep")
    deal = {
        "Name": "Lost at once",
        "StageName": "Closed Lost",
        "CloseDate": "2027-01-31",
        "OwnerId": rep["user_id"],
    }
    made = bench.write("POST", "/sobjects/Opportunity", deal)["id"]
    bench.follow()
    bench.load()
    assert made not in bench.live("opportunity")
    assert shell("filters", "set", "--exclude-stage", "none").exit_code == 0
    assert bench.load()["opportunity"].counts.inserted == 1
    assert bench.live("opportunity") == held | {made}


def test_users_are_listed_with_what_salesforce_says_of_them(shell: Shell, bench: Bench) -> None:
    """`Where are my deals?` begins with: is this person licensed, and does Salesforce know the address?"""
    bench.follow()
    bench.load()
    said = shell("users", "list")
    assert said.exit_code == 0, said.text
    rows = {line.split()[0]: line for line in said.text.splitlines() if "@" in line}
    people = {m["role"]: m for m in bench.people}
    assert len(rows) == len({m["fluint_email"].strip().casefold() for m in bench.people})
    for role, match in (
        ("ambiguous_a", "two active users"),
        ("sandbox_invalid", ".invalid"),
        ("username_only", "username"),
    ):
        assert match in rows[people[role]["fluint_email"]]
    assert f" {len(bench.entitled([people['rep']['user_id']]))} " in rows[people["rep"]["fluint_email"]] + " "


def test_a_licence_that_is_given_or_taken_twice_says_so(shell: Shell, bench: Bench) -> None:
    """A second `license` that moves the date of the licence, and an address with a slip of the pen."""
    email = next(m for m in bench.people if m["role"] == "no_licence")["fluint_email"]
    times = f"select licensed_at, unlicensed_at from fluint_app.app_user where email = '{email}'"
    assert "held no licence" in shell("users", "unlicense", email).line
    assert "is licensed" in shell("users", "license", email.upper()).line
    before = shell.ask(times)
    assert "already" in shell("users", "license", email).line
    assert shell.ask(times) == before
    assert "not licensed any more" in shell("users", "unlicense", email).line
    wrong = shell("users", "license", email.replace("@", "x@"))
    assert (wrong.exit_code, f"Near it: {email}" in wrong.line) == (1, True), wrong.text


def test_a_list_is_imported_whole_or_not_at_all(shell: Shell, tmp_path: Path) -> None:
    """Half a list: the people of the other half have no deals and nobody knows why."""
    file = tmp_path / "people.csv"
    file.write_text("email;full_name;is_licensed\nnew@example.com;New;true\nother@example.com;Other;maybe\n")
    count = "select count(*) from fluint_app.app_user where email like '%@example.com'"
    said = shell("users", "import", str(file))
    assert (said.exit_code, "line 3, column is_licensed" in said.line) == (1, True), said.text
    assert shell.ask(count) == [(0,)]
    file.write_text(file.read_text().replace("maybe", "no"))
    assert "2 users were read, 1 of them licensed" in shell("users", "import", str(file)).line
    assert shell.ask(count) == [(2,)]
    with shell.database.transaction() as connection:
        connection.execute("delete from fluint_app.app_user where email like '%@example.com'")
