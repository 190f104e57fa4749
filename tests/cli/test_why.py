"""`fluint why` against an org: each answer for a deal or person that really is so there, at two calls at most, by keys alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from orchestration.entitlement.filters import BackfillFilter
from orchestration.entitlement.known import known_record_types
from orchestration.salesforce.ids import to_18
from orchestration.sync.changes import read_keys
from orchestration.sync.deleted import recently_deleted
from tests.cli.shell import Shell
from tests.sync.bench import Bench


@dataclass
class Office:
    """The workspace, and its questions."""

    shell: Shell
    bench: Bench

    def why(self, what: str) -> dict[str, Any]:
        """The answer as a program gets it."""
        said = self.shell("why", what, "--json")
        assert said.exit_code == 0, said.text
        answer: dict[str, Any] = json.loads(said.text)
        return answer

    def codes(self, *what: str) -> list[str]:
        """The answers' codes."""
        return [self.why(each)["code"] for each in what]

    def person(self, role: str) -> dict[str, Any]:
        """A member of the org's cast, those whom Fluint does not know included."""
        found: dict[str, Any] = next(m for m in self.bench.org.admin("GET", "/cast") if m["role"] == role)
        return found

    def deal_of(self, role: str) -> str:
        """A live deal of this person."""
        return sorted(self.bench.entitled([self.person(role)["user_id"]]))[0]

    def new_deal(self, **values: Any) -> str:
        """A deal that the first rep makes now."""
        given = {
            "Name": "New",
            "StageName": "Qualification",
            "CloseDate": "2027-01-31",
            "OwnerId": self.person("rep")["user_id"],
        }
        return str(self.bench.write("POST", "/sobjects/Opportunity", given | values)["id"])


@pytest.fixture
def here(office: tuple[Shell, Bench]) -> Iterator[Office]:
    """The workspace with an empty filter, before and after."""
    office[1].filter(BackfillFilter())
    yield Office(*office)
    office[1].filter(BackfillFilter())


def test_the_owner_of_a_deal_is_the_reason_that_is_named(here: Office) -> None:
    """The most frequent question, and three administrators who could be asked."""
    roles = ["unmatched", "no_licence", "ambiguous_a"]
    assert here.codes(*map(here.deal_of, roles)) == [
        "owner_not_in_fluint",
        "owner_not_licensed",
        "owner_ambiguous",
    ]
    answer = here.why(here.deal_of("no_licence"))
    assert here.person("no_licence")["fluint_email"] in answer["who"]
    rep = here.person("rep")["user_id"]
    here.bench.filter(BackfillFilter(excluded_owners=(rep,)))
    assert here.codes(here.new_deal(), here.person("rep")["email"]) == ["owner_excluded", "owner_excluded"]


def test_the_part_of_the_filter_that_keeps_a_deal_out_is_named(here: Office) -> None:
    """`The filter` has four parts, and whoever changes the wrong one lets a whole stage in."""
    with here.shell.database.transaction() as connection:
        renewal = known_record_types(connection, ["Renewal"])
    deal = here.new_deal(StageName="Closed Lost", RecordTypeId=renewal[0], Amount=50)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    for chosen, code in [
        (BackfillFilter(tomorrow, ("Closed Lost",)), "created_before"),
        (BackfillFilter(None, ("Closed Lost",), renewal), "stage_excluded"),
        (BackfillFilter(None, (), renewal, Decimal(100)), "record_type_excluded"),
        (BackfillFilter(minimum_amount=Decimal(100)), "amount_below_minimum"),
        (BackfillFilter(minimum_amount=Decimal(50)), "not_listed"),  # and listed by the next run
    ]:
        here.bench.filter(chosen)
        assert here.codes(deal) == [code]


def test_a_deal_is_followed_on_its_way_in_and_out(here: Office) -> None:
    """`Not yet` that never becomes anything else: each step of a deal's life has its own answer, and the next step follows."""
    bench = here.bench
    bench.load()
    bench.org.admin("POST", "/clock", {"seconds": 2})
    bench.follow()
    deal = here.new_deal()
    page = f"{bench.org.url}/lightning/r/Opportunity/{deal}/view"
    assert here.codes(deal, page, deal[:15]) == ["not_read_yet"] * 3
    bench.org.admin("POST", "/clock", {"seconds": 2})
    read_keys(bench.with_(), ["opportunity"])
    assert here.codes(deal) == ["waiting"]
    bench.follow()
    assert here.codes(deal) == ["not_modelled"]
    bench.write("DELETE", f"/sobjects/Opportunity/{deal}")
    bench.follow()
    assert here.codes(deal) == ["deleted_in_salesforce"]
    unseen = here.new_deal()
    bench.write("DELETE", f"/sobjects/Opportunity/{unseen}")
    assert here.codes(unseen, to_18("006000000000001")) == ["deleted", "not_visible"]
    bench.org.admin("POST", "/clock", {"seconds": 90})  # the list of deletions goes by whole minutes
    listed = recently_deleted(bench.client, "Opportunity")
    assert unseen in listed
    assert here.deal_of("rep") not in listed


def test_a_deal_that_should_be_held_and_is_not_is_called_a_fault_with_its_cure(here: Office) -> None:
    """`On its way` for ever: everything says that the deal was read, and it is not there."""
    deal = here.deal_of("rep")
    with here.shell.database.transaction() as connection:
        connection.execute("delete from raw_salesforce.opportunity where id = %s", [deal])
        connection.execute("delete from fluint_sync.admission where opportunity_id = %s", [deal])
    answer = here.why(deal)
    assert (answer["code"], "fluint backfill --from" in answer["text"]) == ("missing", True)
    here.bench.reread()
    assert here.codes(deal) == ["not_modelled"]


def test_an_address_is_answered_for_either_side(here: Office) -> None:
    """A rep who asks with the address of Salesforce, or of Fluint, or with the username: one person, one answer."""
    twin, only, sandbox = (here.person(role) for role in ("active_twin", "username_only", "sandbox_invalid"))
    same = [
        only["email"],
        only["username"],
        only["fluint_email"],
        sandbox["email"],
        sandbox["fluint_email"],
        twin["email"],
        twin["user_id"],
    ]
    assert here.codes(*same) == ["in_scope"] * 7
    answer = here.why(here.person("rep_case_differs")["fluint_email"].strip())
    held = len(here.bench.entitled([here.person("rep_case_differs")["user_id"]]))
    assert f"{held} deals are in Fluint" in answer["text"]
    roles = ["unmatched", "no_licence", "ambiguous_a", "left"]
    expected = ["owner_not_in_fluint", "owner_not_licensed", "owner_ambiguous", "owner_not_licensed"]
    assert here.codes(*(here.person(role)["email"] for role in roles)) == expected
    near = here.why(only["fluint_email"].replace("@", "x@"))
    assert (near["code"], only["fluint_email"] in near["text"]) == ("unknown", True)


def test_a_licensed_user_whose_address_salesforce_does_not_have_gets_the_nearest(here: Office) -> None:
    """A letter that differs between two systems: both say that everything is right."""
    email = here.person("rep")["email"]
    wrong = email.replace("@", "s@")
    with here.shell.database.transaction() as connection:
        connection.execute("insert into fluint_app.app_user (email, is_licensed) values (%s, true)", [wrong])
    try:
        answer = here.why(wrong)
    finally:
        with here.shell.database.transaction() as connection:
            connection.execute("delete from fluint_app.app_user where email = %s", [wrong])
    assert (answer["code"], email in answer["text"]) == ("no_match", True)


def test_an_answer_costs_two_calls_at_most_and_reads_keys_alone(here: Office) -> None:
    """A question of a person that reads the name of a deal which is not in scope."""
    ledger = "select coalesce(sum(calls), 0)::int from fluint_sync.api_call where run_id = 'fluint why'"
    here.bench.filter(BackfillFilter(None, ("Closed Lost",), (), Decimal(1)))
    for what, calls in [
        (here.deal_of("unmatched"), 1),
        (to_18("006000000000001"), 2),
        (here.person("rep")["email"], 1),
    ]:
        (before,), position = here.shell.ask(ledger)[0], here.bench.log_position()
        here.why(what)
        assert here.shell.ask(ledger)[0][0] - int(str(before)) == calls  # type: ignore[operator]
        fields = {
            field
            for query in here.bench.queries(position)
            if query
            for field in query.removeprefix("SELECT ").split(" FROM ")[0].split(", ")
        }
        assert fields <= {"Id", "IsDeleted", "OwnerId", "CreatedDate", "SystemModstamp"}
        assert fields


def test_the_answer_for_a_person_names_who_can_change_it(here: Office) -> None:
    """JSON is for programs; a person reads a sentence and a name of a duty."""
    said = here.shell("why", here.deal_of("unmatched"))
    assert (said.exit_code, "Who can change it: the administrator of the Fluint workspace" in said.line) == (
        0,
        True,
    )
    contact = sorted(here.bench.ids("SELECT Id FROM Contact"))[0]
    for what, text in [(contact, "is the id of a contact"), ("Acme renewal", "holds no Salesforce id")]:
        refused = here.shell("why", what)
        assert (refused.exit_code, text in refused.line) == (1, True), refused.text
